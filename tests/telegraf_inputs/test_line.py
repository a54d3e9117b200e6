"""Lines over real sockets and pseudo-terminals: pieces, silence, late answers, pulled cables, and requests to stop."""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import select
import socket
import struct
import threading
import time
import tty

import pytest

from telegraf_inputs import line, transports
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected, NoAnswer, OutOfStep, Stopped
from telegraf_inputs.line import Line, Wire
from telegraf_inputs.simulators.ends import PtyEnd
from telegraf_inputs.stop import Stop
from telegraf_inputs.transports.serial import settings_of
from telegraf_inputs.url import Url

WIRE = Wire(b"\r", b"\r\n")
SHORT, LONG = 0.05, 20.0  # seconds: for answers that do not come, and for those that do


def line_to(url: str, wire: Wire, timeout: float, stop: Stop) -> Line:
    """Make a line that is not open yet."""
    return transports.of(Url(url)).line(Url(url), wire, timeout, stop)


def check(text: str, wire: Wire | None = None) -> None:
    """Refuse what is no good connection."""
    transports.of(Url(text)).check(Url(text), wire or Wire())


class Far:
    """The instrument's end of a line: what the tests say and hear there."""

    def __init__(self, kind: str, folder):
        self.kind, self.folder = kind, folder
        if kind == "tcp":
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        else:
            self.master, self.slave = pty.openpty()
            tty.setraw(self.slave)
            self.url = f"serial://{os.ttyname(self.slave)}"

    def accept(self) -> None:
        if self.kind == "tcp":
            self.client, _ = self.listener.accept()
            self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, data: bytes) -> None:
        self.client.sendall(data) if self.kind == "tcp" else os.write(self.master, data)

    def hear(self, end: bytes = b"\r") -> bytes:
        fd = self.client.fileno() if self.kind == "tcp" else self.master
        data = b""
        while not data.endswith(end):
            assert select.select([fd], [], [], LONG)[0]
            data += os.read(fd, 1000)
        return data

    def hang_up(self) -> None:
        if self.kind == "tcp":
            self.client.close()
        else:
            os.close(self.slave)
            os.close(self.master)


@pytest.fixture(params=["tcp", "serial"])
def far(request, tmp_path):
    return Far(request.param, tmp_path)


@pytest.fixture
def near(far):
    """A line to the far end, opened."""
    made = line_to(far.url, WIRE, LONG, Stop())
    made.open()
    far.accept()
    yield made
    made.close()


def arrived(line: Line) -> None:
    """Wait until something is there to be read."""
    assert select.select([line._fileno()], [], [], LONG)[0]


def test_question_and_answer(far, near):
    near.send("IN_PV_00")
    assert far.hear() == b"IN_PV_00\r"
    before = time.time_ns()
    far.say(b"21.5\r\n")
    assert near.receive() == "21.5"
    assert before < near.answered_ns <= time.time_ns()


def test_an_answer_in_pieces_is_one(far, near):
    def say_slowly() -> None:
        for piece in (b"2", b"1.", b"5\r", b"\n2"):
            far.say(piece)
            time.sleep(0.01)

    speaker = threading.Thread(target=say_slowly)
    speaker.start()
    assert near.receive() == "21.5"
    speaker.join()
    far.say(b"2\r\n")
    assert near.receive() == "22"


def test_two_answers_at_once_are_two(far, near):
    far.say(b"a\r\nb\r\n")
    assert near.receive() == "a"
    assert near.waiting() and near.receive() == "b"
    assert not near.waiting()


def test_nothing_unfinished_is_an_answer(far, near):
    near.send("T?")
    far.hear()
    far.say(b"21.\r")
    with pytest.raises(NoAnswer, match=r"no answer to 'T\?' within 0.05 s, only the beginning b'21.\\r'"):
        near.receive(SHORT)


def test_a_late_answer_does_not_go_to_the_next_question(far, near):
    near.send("A?")
    far.hear()
    with pytest.raises(NoAnswer):
        near.receive(SHORT)
    far.say(b"for A\r\n")
    arrived(near)
    answers = threading.Thread(target=lambda: (far.hear(), far.say(b"for B\r\n")))
    answers.start()
    assert near.query("B?") == "for B"
    answers.join()


@pytest.mark.parametrize("together", [b"theirs\r\n", b"for A\r\n"])
def test_an_answer_too_many_is_out_of_step(far, near, together):
    answers = threading.Thread(target=lambda: (far.hear(), far.say(together + b"for A\r\n")))
    answers.start()
    near.query("A?")
    answers.join()
    with pytest.raises(OutOfStep, match="7 bytes came that were not asked for"):
        near.query("B?")


def test_what_comes_between_two_cycles_is_of_no_concern(far, near):
    answers = threading.Thread(target=lambda: [(far.hear(), far.say(b"%d\r\n" % n)) for n in range(2)])
    answers.start()
    for cycle in range(2):
        far.say(b"stray\r\n")
        arrived(near)
        assert near.query("T?") == str(cycle)
        near.in_step = True  # as the driver says after its identity was right
    answers.join()


def test_the_end_of_a_line_that_is_left_over_is_no_answer(far, near):
    answers = threading.Thread(target=lambda: [(far.hear(), far.say(b"21\r\n\r")) for _ in range(3)])
    answers.start()
    assert [near.query("T?").strip() for _ in range(3)] == ["21"] * 3
    answers.join()


def test_what_comes_during_the_pause_is_not_the_answer(far):
    line = line_to(far.url, Wire(b"\r", b"\r\n", pause=0.1), LONG, Stop())
    line.open()
    far.accept()
    line.send("A?")
    far.hear()
    speaker = threading.Timer(0.03, far.say, [b"stray\r\n"])
    answers = threading.Thread(target=lambda: (far.hear(), far.say(b"for B\r\n")))
    speaker.start()
    answers.start()
    assert line.query("B?") == "for B"
    speaker.join()
    answers.join()
    line.close()


def test_what_is_thrown_away_is_counted(far, near):
    assert near.discard() == 0
    far.say(b"12345")
    arrived(near)
    assert near.discard(quiet=SHORT) == 5


def test_bytes_that_are_no_text_reach_the_driver(far, near):
    far.say(b"\xfe\x80?\r\n")
    assert near.receive() == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}?"


def test_an_answer_that_never_ends_is_none(far, near):
    def say() -> None:
        for _ in range(80):
            far.say(b"x" * 1000)

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    with pytest.raises(BadAnswer, match="without the end of a line"):
        near.receive()
    near.discard(quiet=SHORT)


@pytest.fixture(params=[(b"x" * 1000, 0.0), (b"x", 0.01)], ids=["a flood", "byte by byte"])
def restless(request, far, near):
    """Send on and on, without an end of a line."""
    ended = threading.Event()
    data, pause = request.param

    def say() -> None:
        with contextlib.suppress(OSError):  # it hangs up while we speak
            while not ended.wait(pause):
                if far.kind == "tcp" or select.select([], [far.master], [], 0.01)[1]:
                    far.say(data)

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    yield
    ended.set()
    near.close()  # a socket that is closed with something in it resets the connection
    speaker.join()


def test_one_that_does_not_stop_sending_is_called_so(near, restless, monkeypatch):
    monkeypatch.setattr(line, "RESTLESS_SECONDS", 0.2)
    near.timeout = SHORT
    with pytest.raises((BadAnswer, NoAnswer), match="without the end of a line|only the beginning b'x"):
        near.receive()
    assert len(near._buffer) <= 2 * line.LONGEST_ANSWER
    with pytest.raises(OutOfStep, match=r"it does not stop sending: \d+ bytes in \d\.\d s that nobody asked for"):
        near.discard(quiet=0.05)
    assert len(near._buffer) <= 2 * line.LONGEST_ANSWER


def test_the_other_side_hangs_up(far, near):
    near.send("T?")
    far.hear()
    far.hang_up()
    with pytest.raises(Disconnected, match="closed by the other side"):
        near.receive()


@pytest.mark.parametrize("way", ["receive", "query", "send"])
@pytest.mark.parametrize("number", [0, errno.EIO, errno.ENXIO, errno.EPIPE, errno.ECONNRESET])
def test_that_the_other_side_has_gone_is_one_message(far, near, number, way, monkeypatch):
    """Whichever way the kernel says it: by an end of file, or by an error of the read or the write."""

    def gone(*_):
        if number:
            raise OSError(number, os.strerror(number))
        return b""

    told = []
    near.tap = lambda direction, data: told.append(direction)
    far.say(b"x")
    monkeypatch.setattr(near, "_receive", gone)
    if number:
        monkeypatch.setattr(near, "_send", gone)
    if way == "send" and not number:
        return  # an end of file is read
    arrived(near)
    act = near.receive if way == "receive" else lambda: getattr(near, way)("T?")
    with pytest.raises(Disconnected) as caught:
        act()
    assert str(caught.value) == f"{far.url} was closed by the other side" and told[-1] == "!"


def test_a_port_and_a_socket_that_are_gone_say_the_same(far, near):
    """The real kernel's words: a pty that is closed reads EIO or nothing, a socket that is reset ECONNRESET."""
    if far.kind == "tcp":
        far.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    near.send("T?")
    far.hang_up()
    for act in (near.receive, near.receive):
        with pytest.raises(Disconnected, match=r"closed by the other side\Z"):
            act()


def test_a_request_to_stop_ends_every_wait(far, near):
    waits = (near.receive, lambda: near.discard(quiet=LONG), lambda: near.pause(LONG))
    for wait in waits:
        near.stop = Stop()
        threading.Timer(0.02, near.stop.set).start()
        with pytest.raises(Stopped):
            wait()


def test_a_signal_ends_every_wait_before_its_handler_has_run(near):
    """Python writes into the pipe at once, and calls the handler when the main thread gets to it."""
    for wait in (near.receive, lambda: near.discard(quiet=LONG), lambda: near.pause(LONG)):
        near.stop = Stop()
        os.write(near.stop.wakeup_fd, b"\x0f")
        with pytest.raises(Stopped):
            wait()


def test_the_pause_before_each_command_is_kept(far):
    line = line_to(far.url, Wire(b"\r", b"\r\n", pause=0.1), LONG, Stop())
    line.open()
    far.accept()
    line.send("a")
    far.hear()
    before = line._last_sent
    line.send("b")
    far.hear()
    assert line._last_sent - before >= 0.1
    line.close()


def test_an_instrument_that_takes_nothing_is_silent(far):
    line = line_to(far.url, WIRE, 0.2, Stop())
    line.open()
    far.accept()
    with pytest.raises(NoAnswer, match="it takes nothing for 0.2 s"):
        for _ in range(100):
            line.send("x" * 1_000_000)
    line.close()


def test_after_opening_an_instrument_that_restarts_is_waited_for(tmp_path):
    far = Far("serial", tmp_path)
    line = line_to(far.url, Wire(settle=0.2), LONG, Stop())
    waited = []

    def restart(seconds: float) -> None:
        waited.append(seconds)
        far.say(b"hello, I have restarted\n")
        arrived(line)

    line.pause = restart
    line.open()
    assert waited == [0.2] and not line.waiting()
    line.close()


def test_a_socket_notices_that_its_host_has_lost_power():
    far = Far("tcp", None)
    line = line_to(far.url, WIRE, LONG, Stop())
    line.open()
    assert line._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    line.close()
    far.listener.close()


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_port_can_not_send_does_not_hold_up_its_closing(tmp_path, monkeypatch, fails):
    far = Far("serial", tmp_path)
    line = line_to(far.url, WIRE, LONG, Stop())
    line.open()
    port, done = line._port, []

    def reset() -> None:
        done.append("reset")
        if fails:
            raise OSError("gone")

    close = port.close
    monkeypatch.setattr(port, "reset_output_buffer", reset)
    monkeypatch.setattr(port, "close", lambda: (done.append("close"), close()))
    line.close()
    assert done == ["reset", "close"]
    far.hang_up()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1: Connection refused"),
        ("tcp://no-such-host.invalid:1", "tcp://no-such-host.invalid:1: "),
        ("tcp://a..b:1", "tcp://a..b:1: "),
        ("serial:///dev/no-such-port", "No such file or directory"),
        ("serial:///dev/null", "Inappropriate ioctl for device"),
    ],
)
def test_what_can_not_be_opened_is_told(url, message):
    line = line_to(url, WIRE, LONG, Stop())
    with pytest.raises(Disconnected) as caught:
        line.open()
    assert message in str(caught.value)
    line.close()


def test_a_host_that_does_not_answer_is_given_up(monkeypatch):
    # A listener whose queue is full takes no more connections, and does not refuse them.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        line = line_to(f"tcp://127.0.0.1:{full.getsockname()[1]}", WIRE, 0.2, Stop())
        with pytest.raises(Disconnected, match="timed out"):
            line.open()
        line.stop = Stop()
        line.timeout = LONG
        threading.Timer(0.05, line.stop.set).start()
        with pytest.raises(Stopped):
            line.open()
        line.close()
        for each in waiting:
            each.close()


def test_a_serial_port_serves_one_program(tmp_path):
    far = Far("serial", tmp_path)
    first = line_to(far.url, WIRE, LONG, Stop())
    second = line_to(far.url, WIRE, LONG, Stop())
    first.open()
    with pytest.raises(Disconnected, match="another program has it open"):
        second.open()
    second.close()
    first.close()
    second.open()
    second.close()


def test_a_serial_port_that_is_unplugged_comes_back():
    end = PtyEnd()
    line = line_to(end.url, WIRE, LONG, Stop())
    line.open()
    end.plug(False)
    with pytest.raises(Disconnected):
        line.receive()
    line.close()
    with pytest.raises(Disconnected, match="No such file or directory"):
        line.open()
    end.plug(True)
    line.open()
    end.send(b"back\r\n")
    assert line.receive() == "back"
    line.close()
    end.close()


def test_serial_settings_are_the_drivers_and_the_urls_override_them():
    wire = Wire(serial={"baudrate": 4800, "bytesize": 7, "parity": "E", "rtscts": True})
    settings = settings_of(Url("serial:///dev/x?baudrate=9600&stopbits=1.5&rtscts=false"), wire)
    assert settings == {"baudrate": 9600, "bytesize": 7, "parity": "E", "stopbits": 1.5, "rtscts": False}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tcp://127.0.0.1:7777", "127.0.0.1", 7777),
        ("tcp://lab-gauge:1", "lab-gauge", 1),
        ("tcp://[::1]:7777", "::1", 7777),
        ("tcp://host:5/", "host", 5),
    ],
)
def test_host_and_port(text, host, port):
    assert Url(text).host_port() == (host, port)


def test_a_port_that_is_not_said_is_the_default():
    assert Url("phidget://[fe80::1]").host_port(5661) == ("fe80::1", 5661)
    assert Url("phidget://host").host_port(5661) == ("host", 5661)


@pytest.mark.parametrize(
    "text",
    [
        "tcp://host",
        "tcp://:5",
        "tcp://host:0",
        "tcp://host:65536",
        "tcp://host:x",
        "tcp://[::1]",
        "tcp://",
        "tcp://h\u00f6st:1",
        "tcp://a b:5",
        "tcp://::1:5",
        "tcp://host:" + "1" * 5000,
    ],
)
def test_what_names_no_host_and_port(text):
    with pytest.raises(BadInput, match="must name a host and a port"):
        Url(text).host_port()


@pytest.mark.parametrize(
    "text",
    [
        "tcp://user:secret@127.0.0.1:5",
        "tcp://user:sec?ret@127.0.0.1:5",
        "phidget://secret@127.0.0.1:5661/1",
        "visa://TCPIP0::secret@127.0.0.1::5::SOCKET",
        "https://user:secret@127.0.0.1:5",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_said_again(text):
    with pytest.raises(BadInput, match="found a user or password before '@' and '127.0.0.1") as caught:
        check(text)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize("baud", ["0", "-1", "x", "9600.5", "20000001", "99999999999", "9" * 5000, "\u0663"])
def test_what_is_no_baud_rate(baud):
    with pytest.raises(BadInput, match="expected a number from 1 to 20000000") as caught:
        check(f"serial:///dev/x?baudrate={baud}")
    assert len(str(caught.value)) < 250


def test_an_option_is_written_once():
    with pytest.raises(BadInput, match="has the option 'baudrate' twice"):
        Url("serial:///dev/x?baudrate=9600&baudrate=4800")


def test_options_of_a_url():
    url = Url("sim:?seed=5&faults=silent@1+2,late@5+1")
    assert (url.scheme, url.rest, url.options) == ("sim", "", {"seed": "5", "faults": "silent@1+2,late@5+1"})
    assert Url("sim").scheme == "sim"
    assert Url("serial:///dev/ttyUSB0").rest == "/dev/ttyUSB0"
