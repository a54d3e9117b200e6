"""VISA resources: instruments that answer in messages, by HiSLIP over the real pyvisa-py; sockets and serial ports without it."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import struct
import sys
import threading
import tty

import pytest

from telegraf_inputs import transports
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected, NoAnswer, Stopped
from telegraf_inputs.line import Wire
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

HEADER = struct.Struct("!2sBBIQ")
INITIALIZE, INITIALIZE_RESPONSE, DATA_END, CLEAR_COMPLETE, CLEAR_ACKNOWLEDGE = 0, 1, 7, 8, 9
MAX_SIZE, MAX_SIZE_RESPONSE, ASYNC_INITIALIZE, ASYNC_INITIALIZE_RESPONSE, ASYNC_CLEAR, ASYNC_CLEAR_ACKNOWLEDGE = (
    15,
    16,
    17,
    18,
    19,
    23,
)


def open_line(resource: str, stop: Stop | None = None, timeout: float = 5.0, wire: Wire | None = None):
    opened = transports.load("visa").line(Url(f"visa://{resource}"), wire or Wire(), timeout, stop or Stop())
    opened.open()
    return opened


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def resource_of(listener) -> str:
    return f"TCPIP0::127.0.0.1::{listener.getsockname()[1]}::SOCKET"


class Hislip:
    """An instrument behind HiSLIP (IVI-6.1): it gives each question's ``answer``, and says by itself what ``say`` is given."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"TCPIP0::127.0.0.1::hislip0,{self._listener.getsockname()[1]}::INSTR"
        self.cleared = 0
        self._connections: list[socket.socket] = []
        self._message = 0
        self.answer = lambda question: f"answer to {question}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for connection in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def say(self, text: str) -> None:
        self._send(self._connections[0], DATA_END, 0, self._message, f"{text}\n".encode())

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        replies = {
            INITIALIZE: (INITIALIZE_RESPONSE, 1 << 24 | 7, b""),
            ASYNC_INITIALIZE: (ASYNC_INITIALIZE_RESPONSE, 0, b""),
            MAX_SIZE: (MAX_SIZE_RESPONSE, 0, struct.pack("!Q", 1 << 20)),
            ASYNC_CLEAR: (ASYNC_CLEAR_ACKNOWLEDGE, 0, b""),
            CLEAR_COMPLETE: (CLEAR_ACKNOWLEDGE, 0, b""),
        }
        with contextlib.suppress(OSError), connection.makefile("rb") as stream:
            while len(head := stream.read(HEADER.size)) == HEADER.size:
                _, kind, _, parameter, length = HEADER.unpack(head)
                payload = stream.read(length)
                if kind in replies:
                    reply, its_parameter, content = replies[kind]
                    # It would rather overlap: pyvisa-py prints that on standard output, which is Telegraf's.
                    self._send(connection, reply, int(kind == INITIALIZE), its_parameter, content)
                    self.cleared += kind == CLEAR_COMPLETE
                elif kind == DATA_END:
                    self._message, question = parameter, payload.decode().strip()
                    answer = self.answer(question) if question.endswith("?") else None
                    if answer is not None:
                        self.say(answer)

    @staticmethod
    def _send(connection, kind, control, parameter, payload):
        connection.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)


@pytest.fixture
def hislip():
    instrument = Hislip()
    yield instrument
    instrument.close()


def test_refused_port_is_disconnected(listener):
    resource = resource_of(listener)
    listener.close()
    with pytest.raises(Disconnected, match="refused|not connected"):
        open_line(resource)


def test_closed_peer_is_disconnected(listener):
    opened = open_line(resource_of(listener), timeout=60.0)
    peer, _ = listener.accept()
    peer.close()
    with pytest.raises(Disconnected, match="closed by the other side"):
        opened.receive()
    opened.close()


def test_answer_that_comes_in_pieces_is_whole(listener):
    opened = open_line(resource_of(listener), wire=Wire(b"\n", b"\r\n"))
    peer, _ = listener.accept()
    opened.send("MEAS:VOLT?")
    assert peer.recv(100) == b"MEAS:VOLT?\n"
    peer.sendall(b"+1.2")
    with pytest.raises(NoAnswer, match=r"only the beginning b'\+1.2'"):
        opened.receive(timeout=0.05)
    peer.sendall(b"5\r\n+2.5\r\n" + b"x" * 10000 + b"\r\n")  # pyvisa-py would have thrown the beginning away
    assert opened.receive() == "+1.25"
    assert opened.receive() == "+2.5"
    assert opened.receive() == "x" * 10000
    assert not opened.waiting()
    opened.close()
    peer.close()


def test_request_to_stop_ends_the_wait(listener):
    stop = Stop()
    opened = open_line(resource_of(listener), stop, timeout=60.0)
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Stopped):
        opened.receive()
    opened.close()


def test_serial_port_takes_the_settings_of_the_url():
    master, slave = pty.openpty()
    tty.setraw(slave)
    opened = open_line(f"ASRL{os.ttyname(slave)}::INSTR?baudrate=19200")
    assert opened._port.baudrate == 19200
    os.write(master, b"12.5\n")
    assert opened.receive() == "12.5"
    opened.send("*IDN?")
    assert os.read(master, 100) == b"*IDN?\n"
    opened.close()
    os.close(slave)
    os.close(master)


def test_messages_are_asked_and_answered(hislip, capfd):
    opened = open_line(hislip.resource)
    assert opened.query("*IDN?") == "answer to *IDN?"
    opened.send("INST:NSEL 2")
    assert opened.query("MEAS:VOLT?") == "answer to MEAS:VOLT?"
    opened.close()
    assert capfd.readouterr().out == "", "what is printed on standard output reaches Telegraf"


@pytest.mark.parametrize("late", [False, True])
def test_late_message_is_not_given_to_the_next_question(hislip, late):
    hislip.answer = lambda question: None
    opened = open_line(hislip.resource, timeout=0.1)
    with pytest.raises(NoAnswer, match="MEAS:VOLT"):
        opened.query("MEAS:VOLT?")
    hislip.answer = lambda question: f"answer to {question}"
    if late:
        hislip.say("late")
        with pytest.raises(
            Disconnected
        ):  # pyvisa-py can't clear a device whose message is on its way: it is opened anew
            opened.query("MEAS:CURR?")
    else:
        assert opened.query("MEAS:CURR?") == "answer to MEAS:CURR?"
        assert hislip.cleared == 1
    opened.close()


def test_stop_ends_the_wait_for_a_message(hislip):
    hislip.answer = lambda question: None
    stop = Stop()
    opened = open_line(hislip.resource, stop, timeout=60.0)
    opened.send("MEAS:VOLT?")
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Stopped):
        opened.receive()
    opened.close()


def test_instrument_of_messages_that_goes_is_disconnected(hislip):
    opened = open_line(hislip.resource)
    hislip.close()
    with pytest.raises(Disconnected):
        opened.query("*IDN?")
    opened.close()
    with pytest.raises(Disconnected):
        open_line(hislip.resource)


@pytest.mark.parametrize("resource", ["TCPIP0::host::SOCKET", "COM1", "", "TCPIP::", "tcpip::host::inst0::INSTR::x::y"])
def test_what_is_no_resource_is_refused(resource):
    with pytest.raises(BadInput, match="names no VISA resource"):
        transports.load("visa").check(Url(f"visa://{resource}"), Wire())


def test_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvisa", None)
    with pytest.raises(Disconnected, match=r"needs the Python package 'pyvisa': install labline\[visa\]"):
        open_line("TCPIP0::127.0.0.1::INSTR")


def test_a_message_that_does_not_end_is_not_read_for_ever(hislip):
    opened = open_line(hislip.resource)
    hislip.answer = lambda question: "x" * 10_000_000
    opened.send("TRACE?")
    with pytest.raises(BadAnswer, match="more than 65536 bytes without the end of a message"):
        opened.receive()
    opened.close()


def test_a_long_message_is_read_whole(hislip):
    opened = open_line(hislip.resource)
    hislip.answer = lambda question: "x" * 60_000
    assert opened.query("TRACE?") == "x" * 60_000
    opened.close()
