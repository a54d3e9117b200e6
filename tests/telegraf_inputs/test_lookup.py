"""Names are looked up within the timeout, whatever the name server does."""

from __future__ import annotations

import socket
import threading

import pytest

from telegraf_inputs import lookup, transports
from telegraf_inputs.errors import Disconnected, Stopped
from telegraf_inputs.line import Wire
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url


@pytest.fixture
def name_server(monkeypatch):
    """Let the system's look-up of names, not of addresses, wait until ``answers`` is set; ``asked`` are the names."""
    ask = socket.getaddrinfo

    class NameServer:
        answers = threading.Event()
        asked: list[bytes] = []
        known: set[bytes] = set()

    server = NameServer()
    server.answers, server.asked, server.known = threading.Event(), [], set()

    def look_up(host, port, *rest, flags=0, **more):
        ours = isinstance(host, bytes)  # other threads of this process ask with texts
        if ours and not flags & socket.AI_NUMERICHOST and not host.replace(b".", b"").isdigit():
            server.asked.append(host)
            server.answers.wait(60)
            if host not in server.known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = b"127.0.0.1"
        return ask(host, port, *rest, flags=flags, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield server
    server.answers.set()


@pytest.mark.parametrize("url", ["tcp://gauge.example:7777", "visa://TCPIP0::meter.example::INSTR"])
def test_a_name_server_that_does_not_answer_is_told_within_the_timeout(name_server, url):
    pytest.importorskip("pyvisa")
    with pytest.raises(Disconnected, match=r"its name was not found within 0.2 s; does this machine reach"):
        transports.of(Url(url)).open(Url(url), Wire(), 0.2, Stop())


def test_a_name_server_that_is_away_costs_one_thread_and_a_late_answer_serves(name_server):
    for _ in range(5):
        with pytest.raises(TimeoutError):
            lookup.addresses("late.example", 80, 0.05)
    assert name_server.asked == [b"late.example"]
    name_server.known.add(b"late.example")
    name_server.answers.set()
    assert lookup.addresses("late.example", 80, 60)[0][4] == ("127.0.0.1", 80)
    assert name_server.asked == [b"late.example"]


def test_a_request_to_stop_is_not_kept_waiting(name_server):
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        lookup.addresses("gauge2.example", 80, 60, stop)


def test_a_name_that_is_none_and_an_address_are_told_at_once(name_server):
    name_server.answers.set()
    with pytest.raises(OSError, match="not known"):
        lookup.addresses("none.example", 80, 60)
    assert lookup.addresses("127.0.0.1", 80, 0.0)[0][4] == ("127.0.0.1", 80)
    assert name_server.asked == [b"none.example"]
