"""Lines over a WebSocket: a message is one, whatever its size, its pieces, and who is at the other end."""

from __future__ import annotations

import contextlib
import threading

import pytest

from telegraf_inputs.errors import Disconnected, NoAnswer, Stopped
from telegraf_inputs.line import Wire
from telegraf_inputs.simulators.ends import TcpEnd
from telegraf_inputs.simulators.ends_ws import WsEnd
from telegraf_inputs.stop import Stop
from telegraf_inputs.transports import _websocket, ws
from telegraf_inputs.url import Url

PATIENCE = 30.0  # seconds; never reached where all is well
WIRE = Wire(b"\n", b"\n", encoding="utf-8")


@contextlib.contextmanager
def connected(timeout: float = PATIENCE):
    """Give both ends of a WebSocket: ours, and the raw one that sends bytes."""
    end, opened = WsEnd(), threading.Event()

    def serve():
        while not opened.is_set():
            end.receive(0.01)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    line = ws.TRANSPORT.line(Url(end.url), WIRE, timeout, Stop())
    try:
        line.open()
        opened.set()
        thread.join(PATIENCE)
        yield line, end
    finally:
        opened.set()
        line.close()
        end.close()


def raw(end: WsEnd, data: bytes) -> None:
    assert TcpEnd.send(end, data)


def test_a_message_is_a_line():
    with connected() as (line, end):
        line.send("[1, °C]")
        assert end.receive(PATIENCE) == "[1, °C]\n".encode()
        end.send(b"one\n" + b"2" * 70_000 + b"\n" + b"3" * 300 + b"\n")
        assert [len(line.receive()) for _ in range(3)] == [3, 70_000, 300]
        raw(end, b"\x01\x02a\n\x89\x01!\x80\x01b")  # in two pieces, with a line break, and a ping between
        assert line.receive() == "a b"
        assert end.receive(PATIENCE) == b"", "it is answered with a pong, which is no message"


def test_one_that_is_not_whole_is_none():
    with connected(timeout=0.3) as (line, end):
        raw(end, b"\x81\x05ab")
        line.stop.set()
        with pytest.raises(Stopped):
            line.receive()
    with connected(timeout=0.3) as (line, _), pytest.raises(NoAnswer):
        line.receive()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x88\x00", "closed by the other side"),
        (b"\x81\x02\xff\xfe", "no WebSocket message"),
        (b"\xf1\x01a", "no WebSocket message"),
        (b"\x81\x7f" + (1 << 40).to_bytes(8, "big") + b"x" * 5000, "more than 4000 bytes"),
        ((b"\x01\x7e\x03\xe8" + b"x" * 1000) + (b"\x00\x7e\x03\xe8" + b"x" * 1000) * 4, "more than 4000 bytes"),
    ],
    ids=["closed", "no text", "no frame", "endless", "endless pieces"],
)
def test_what_is_no_message_ends_it(data, said, monkeypatch):
    monkeypatch.setattr(_websocket, "LARGEST", 4000)
    with connected() as (line, end):
        raw(end, data)
        with pytest.raises(Disconnected, match=said):
            line.receive()


def test_what_speaks_no_websocket_is_told():
    end = TcpEnd()
    line = ws.TRANSPORT.line(Url(f"ws://{end.url.removeprefix('tcp://')}/ws"), WIRE, 0.2, Stop())
    with pytest.raises(Disconnected):
        line.open()
    end.close()
