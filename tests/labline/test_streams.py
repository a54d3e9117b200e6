"""Texts of others do not drive a terminal: what is no printable character leaves as an escape, wherever it leaves."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import subprocess
import sys
import threading

import pytest
from rich.console import Console

from labline import cli
from labline.live.table import Text
from labline.stack import streams
from telegraf_inputs.letters import visible

EVIL = "\x1b[2J\x1b]0;owned\x07\u202egnp\x9b31m"
SEEN = r"\x1b[2J\x1b]0;owned\x07\u202egnp\x9b31m"


def test_what_is_printed_is_plain(capsys):
    with streams.plain():
        print(f"a {EVIL}\tb\nc")
        print(EVIL, file=sys.stderr)
        streams.terminal(sys.stdout).write("\x1b[1m")
    assert capsys.readouterr() == (f"a {SEEN}\tb\nc\n\x1b[1m", f"{SEEN}\n")
    assert not isinstance(sys.stdout, streams.Plain)


def test_a_cell_of_the_table_is_plain():
    console = Console(file=io.StringIO(), width=200, force_terminal=True)
    console.print(Text(EVIL, style="bold"))
    assert SEEN in console.file.getvalue() and "\x1b]0" not in console.file.getvalue()


@pytest.mark.parametrize("text", ["", "Kälte µK °C ✓", "a\nb"])
def test_what_can_be_seen_stays(text: str):
    assert visible(text, "\n") == text


@pytest.fixture
def talker():
    """An instrument that names itself with what clears a screen."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as asked:
                    for question in asked:
                        said = f"ACME,{EVIL},1,2" if question.startswith(b"*IDN?") else "1.5"
                        connection.sendall(said.encode() + b"\n")

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_an_identity_that_clears_the_screen_is_seen_and_does_not(talker, tmp_path, capsys):
    instrument = {
        "name": "meter",
        "driver": "scpi",
        "connection": f"tcp://127.0.0.1:{talker}",
        "wire": {"encoding": "utf-8"},
        "channels": {"1": {"read": {"voltage": {"query": "V?", "unit": "V", "description": "Voltage"}}}},
    }
    lab = tmp_path / "lab.yml"
    lab.write_text(json.dumps({"site": "lab", "nodes": [{"name": "pc"}], "instruments": [instrument]}))
    status = cli.main(["read", "meter", str(lab), "--trace"])
    told = "".join(capsys.readouterr())
    assert status == 0 and "owned" in told and told.replace("\n", "").isprintable()
    (tmp_path / "meter.yml").write_text(json.dumps(instrument))
    program = [sys.executable, "-m", "telegraf_inputs.drivers.scpi", "--config", str(tmp_path / "meter.yml"), "--once"]
    log = subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    assert "owned" in log and log.replace("\n", "").isprintable()
