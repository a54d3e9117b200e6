"""Parts that run and do not answer are found by being asked."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading

import pytest

from labline.stack import answering, loopback


@pytest.fixture
def part():
    """A server at ``url`` that lets whoever asks wait while it is ``silent``, until it is ``over``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if server.silent.is_set():
                server.over.wait()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            with contextlib.suppress(OSError):  # who asked has gone
                self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    server.silent, server.over = threading.Event(), threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def test_one_that_stops_answering_is_told_and_one_that_answers_again_is_well(part, monkeypatch):
    monkeypatch.setattr(answering, "UNANSWERED_SECONDS", 0.0)
    rounds = threading.Semaphore(0)

    def ask():
        rounds.release()
        return loopback.answers(part.url, 200)

    def after_the_next_answer():
        while rounds.acquire(blocking=False):
            pass
        assert rounds.acquire(timeout=30) and rounds.acquire(timeout=30)
        return asked.why_not()

    asked = answering.Answering(ask, pause=0.01)
    assert after_the_next_answer() == ""
    part.silent.set()
    assert re.fullmatch("it answers nothing over HTTP for [0-9]+ s", after_the_next_answer())
    part.silent.clear()
    part.over.set()
    assert after_the_next_answer() == ""
    asked.close()
