"""Pictures that are fetched: by HTTP and by programs, whatever is at the other end."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import sys
import threading
import time

import pytest

from telegraf_inputs import snapshot
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected, NoAnswer, Stopped
from telegraf_inputs.line import Wire
from telegraf_inputs.stop import Stop
from telegraf_inputs.transports import command, http
from telegraf_inputs.url import Url

PATIENCE = 30.0  # seconds; never reached where all is well
SOON = 0.2  # seconds that a picture may take which does not come
PICTURE = b"\xff\xd8 a picture \xff\xd9"
HEAD = b"HTTP/1.0 200 OK\r\n\r\n"


@contextlib.contextmanager
def answering(*parts: bytes, then: str = "close"):
    """Listen on loopback, and answer each request with ``parts``; then close, or ``hang`` until the other side goes.

    Gives the URL, and a list of what was asked.
    """
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                way, _ = listener.accept()
            except OSError:
                return
            with way, contextlib.suppress(OSError):
                asked.append(way.recv(65536))
                for part in parts:
                    way.sendall(part)
                while then == "hang" and way.recv(100):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/snapshot.jpg?channel=1", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def fetched(url: str, timeout: float = PATIENCE, stop: Stop | None = None, user: str = "") -> bytes:
    link = http.TRANSPORT.open(Url(url), Wire(), timeout, stop or Stop())
    link.user = user
    try:
        return link.fetch()
    finally:
        link.close()


def program(*lines: str, timeout: float = PATIENCE, stop: Stop | None = None) -> command.CommandSnapshots:
    """Give the way to a camera that a program of Python's stands in for."""
    link = command.TRANSPORT.open(Url(f"command://{sys.executable}"), Wire(), timeout, stop or Stop())
    link.arguments = ["-c", "\n".join(("import os, sys, time", *lines))]
    return link


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return  # dead; whose child it is has not looked yet
        except (FileNotFoundError, ProcessLookupError):
            return
        assert time.monotonic() < deadline, f"{pid} is still there"
        time.sleep(0.01)


def until_threads_end() -> None:
    deadline = time.monotonic() + PATIENCE
    while any(thread.name.startswith("picture of") for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "who fetches has not ended"
        time.sleep(0.01)


def test_a_picture_is_fetched_with_its_query():
    with answering(HEAD, PICTURE) as (url, asked):
        assert fetched(url) == PICTURE
        assert fetched(url) == PICTURE, "over a way of its own"
    assert asked[0].startswith(b"GET /snapshot.jpg?channel=1 HTTP/1.1\r\n") and b"Authorization" not in asked[0]


def test_a_user_is_told_with_each_request():
    with answering(HEAD, PICTURE) as (url, asked):
        link = http.TRANSPORT.open(Url(url), Wire(), PATIENCE, Stop())
        link.user, link.password = "viewer", b"s:cret"
        link.fetch()
    assert b"Authorization: Basic " + base64.b64encode(b"viewer:s:cret") in asked[0]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", BadAnswer, "HTTP status 404 Not Found; is the path right"),
        (b"HTTP/1.0 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n", Disconnected, "are user and password_file right"),
        (b"HTTP/1.0 401 No\r\nWWW-Authenticate: Digest realm=x\r\n\r\n", Disconnected, "asks for Digest"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/new\r\n\r\n", BadAnswer, "is elsewhere: 'http://127.0.0.1:1/new'"),
        (b"220 camera FTP\r\n", BadAnswer, "does not speak HTTP"),
        (HEAD, NoAnswer, "the answer is empty"),
        (b"", Disconnected, "closed without an answer"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_told(answer, error, message):
    with answering(answer) as (url, _), pytest.raises(error, match=message):
        fetched(url, user="viewer")


def test_nobody_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Disconnected, match="refused"):
        fetched(f"http://127.0.0.1:{port}/snapshot.jpg")


@pytest.mark.parametrize("begins", [(), (HEAD,), (HEAD, PICTURE[:5])])
def test_a_camera_that_hangs_costs_its_timeout_and_is_let_go_of(begins):
    with answering(*begins, then="hang") as (url, _):
        with pytest.raises(NoAnswer):
            fetched(url, SOON)
        until_threads_end()


def test_what_drips_is_not_waited_for_longer():
    """Each byte comes within the timeout; the picture does not."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip():
        way, _ = listener.accept()
        with way, contextlib.suppress(OSError):
            way.sendall(HEAD)
            while not ended.wait(SOON / 20):
                way.sendall(b"x")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        with pytest.raises(NoAnswer, match="no whole picture within"):
            fetched(f"http://127.0.0.1:{listener.getsockname()[1]}/", SOON)
        until_threads_end()
    finally:
        ended.set()
        thread.join(PATIENCE)
        listener.close()


def test_a_request_to_stop_ends_the_wait():
    stop = Stop()
    with answering(then="hang") as (url, asked):
        timer = threading.Timer(SOON, stop.set)
        timer.start()
        with pytest.raises(Stopped):
            fetched(url, stop=stop)
        until_threads_end()


def test_more_than_a_picture_can_be_is_not_held(monkeypatch):
    for each in (snapshot, http, command):
        monkeypatch.setattr(each, "LARGEST", 1000)
    with answering(HEAD, 2000 * b"x") as (url, _), pytest.raises(BadAnswer, match="that is no picture"):
        fetched(url)
    with pytest.raises(BadAnswer, match="that is no picture"):
        program("while True: sys.stdout.buffer.write(1000 * b'x')").fetch()
    until_threads_end()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://viewer:secret@camera/snapshot.jpg", "holds no password"),
        ("http:///snapshot.jpg", "host and a port"),
        ("http://camera/my snapshot.jpg", "without spaces"),
    ],
)
def test_a_url_that_is_none_is_refused_and_no_password_is_said_again(url, message):
    with pytest.raises(BadInput, match=message) as refused:
        http.TRANSPORT.check(Url(url), Wire())
    assert "secret" not in str(refused.value)


def test_a_program_prints_a_picture_and_no_shell_reads_its_arguments(tmp_path):
    link = command.TRANSPORT.open(Url("command://printf"), Wire(), PATIENCE, Stop())
    link.arguments = ["%s", f"$(touch {tmp_path}/made); é * "]
    assert link.fetch().decode() == link.arguments[1]
    assert not list(tmp_path.iterdir())


def test_a_program_that_fails_is_told_with_what_it_said():
    with pytest.raises(BadAnswer, match="ended with status 3: 'no camera found'"):
        program("print('no camera found', file=sys.stderr)", "sys.exit(3)").fetch()


def test_a_device_that_is_gone_is_told_as_such_and_not_as_a_fault_of_the_program():
    link = program("sys.exit(254)")
    link.arguments = [*link.arguments, "/dev/null"]
    with pytest.raises(BadAnswer, match="ended with status 254"):
        link.fetch()
    link.arguments = [*link.arguments, "/dev/no-such-camera"]
    with pytest.raises(Disconnected, match="there is no /dev/no-such-camera"):
        link.fetch()


def test_a_program_that_complains_at_length_is_read_all_the_same():
    assert program("sys.stderr.write(10**6 * 'x')", "print('done')").fetch() == b"done\n"


def test_a_program_that_is_not_there_is_told():
    with pytest.raises(Disconnected, match="there is no program no-such-program on the PATH"):
        command.TRANSPORT.open(Url("command://no-such-program"), Wire(), PATIENCE, Stop())


def test_a_program_that_hangs_costs_its_timeout_and_is_ended():
    link = program("time.sleep(1000)", timeout=SOON)
    with pytest.raises(NoAnswer, match="no whole picture within"):
        link.fetch()
    until_gone(link._process.pid)
    until_threads_end()


@pytest.mark.parametrize("printed", ["", "sys.stdout.write('half'); sys.stdout.flush()", "os.close(1)"])
def test_a_program_is_ended_with_all_that_it_started(tmp_path, printed):
    told = tmp_path / "pids"
    link = program(
        "child = os.fork()",
        f"if child: open('{told}.new', 'w').write(f'{{os.getpid()}} {{child}}')",
        f"if child: os.rename('{told}.new', '{told}')",
        printed,
        "time.sleep(1000)",
    )
    failed = []

    def fetch():
        try:
            link.fetch()
        except BadAnswer as error:
            failed.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while not told.exists():
        assert time.monotonic() < deadline, "the program has not begun"
        time.sleep(0.01)
    link.close()
    thread.join(PATIENCE)
    assert failed, "what was ended is no picture"
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(pids) == 2 and os.getpid() not in pids
    for pid in pids:
        until_gone(pid)
    until_threads_end()
