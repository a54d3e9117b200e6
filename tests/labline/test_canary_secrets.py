"""Passwords that can be recognised go nowhere but where they belong: not into what is said, a log, a file, a command line."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.labline.conftest import wait_until
from tests.labline.test_run import GRAFANA
from tests.parts import mqtt

USERS = ("labadmin", "writer", "reader", "grafana_admin", "grafana_secret_key", "broker")
SITE = """\
site: canary
nodes: [{name: here}]
instruments:
  - {name: steady, driver: lakeshore_372, connection: "sim:?seed=1", interval: 500ms, channels: {"1": null}}
  - name: oven
    driver: mqtt
    connection: mqtt://127.0.0.1:PORT
    interval: 1s
    username: lab
    password_file: broker
    topic: julabo/oven
    channels: {oven: {read: {temp: {path: temp, unit: °C, description: Temperature of the oven}}}}
"""


def ways_of(word: str) -> Iterator[bytes]:
    """List how a password may be written: plain, quoted for a URL, within a basic authorization's Base64."""
    yield word.encode()
    yield urllib.parse.quote(word, safe="").encode()
    for shift in range(3):  # whatever stands before it
        yield base64.b64encode(b"x" * shift + word.encode())[4 * bool(shift) : -4]


class Onlooker:
    """Looks, again and again, at the command lines and environments of all processes that this one has started."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for process in psutil.Process().children(recursive=True):
                for what in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.seen.add(Path(f"/proc/{process.pid}/{what}").read_bytes())

    def __enter__(self) -> Onlooker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)


def put(secrets: Path, broker_password: str) -> dict[str, str]:
    secrets.mkdir(parents=True, mode=0o700)
    words = {user: f"Canary-{user}+{number}=Aa" for number, user in enumerate(USERS)}
    words["broker"] = broker_password
    for user, word in words.items():
        (secrets / user).write_text(word)
        (secrets / user).chmod(0o600)
    return words


def found_in(text: bytes, words: dict[str, str]) -> list[str]:
    return [user for user, word in words.items() if any(way in text for way in ways_of(word))]


def test_it_would_see_one():
    word = "Canary-writer+1=Aa"
    for text in (f"x{word}", f"p={urllib.parse.quote(word, safe='')}"):
        assert found_in(text.encode(), {"writer": word}) == ["writer"]
    for user in ("a", "ab", "abc"):
        header = base64.b64encode(f"{user}:{word}".encode())
        assert found_in(header, {"writer": word}) == ["writer"]
    assert found_in(b"nothing of it", {"writer": word}) == []


def test_no_password_is_seen_anywhere(start, tmp_path):
    broker = mqtt.Broker(tmp_path / "broker")
    words = put(tmp_path / ".labline/canary/secrets", mqtt.PASSWORD)
    home = tmp_path / "grafana"
    for name, text in (("bin/grafana", GRAFANA), ("conf/defaults.ini", "")):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(text)
    (home / "bin/grafana").chmod(0o755)
    file = tmp_path / "canary.yml"
    file.write_text(SITE.replace("PORT", str(broker.port)))
    said = []

    def labline(*arguments: str) -> None:
        command = [sys.executable, "-m", "labline.cli", *arguments, str(file)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        said.append(f"{arguments}: {done.stdout}{done.stderr}")

    try:
        with Onlooker() as onlooker:
            run = start(str(file), PATH=f"{home / 'bin'}:{os.environ['PATH']}")
            run.wait_for("Dashboards http")
            run.wait_for(r"2 instruments: 1 ok|2 instruments: 2 ok")
            wait_until(lambda: broker.subscribers() > 0, "labline at the broker")
            for verb in ("status", "doctor", "check"):
                labline(*([verb, "--once"] if verb == "status" else [verb]))
            # What is refused, and what is away, tells no password either.
            (writer := tmp_path / ".labline/canary/secrets/writer").write_text("Canary-other+9=Aa")
            words["other"] = "Canary-other+9=Aa"
            labline("status", "--once")
            writer.write_text(words["writer"])
            broker.stop()
            labline("doctor")
            labline("rotate")
            run.process.terminate()
            run.end()
    finally:
        broker.stop()
    new = {f"new {user}": (tmp_path / ".labline/canary/secrets" / user).read_text() for user in USERS[:3]}
    assert not set(new.values()) & set(words.values())
    words |= new
    assert "new passwords" in said[-1]
    for text in (*said, run.text):
        assert not found_in(text.encode(), words), text
    assert len(onlooker.seen) > 10
    # An environment is not for a test's log: whose password it was, is.
    leaked = {user for text in onlooker.seen for user in found_in(text, words)}
    assert not leaked
    lab = tmp_path / ".labline/canary"
    looked = [path for path in lab.rglob("*") if path.is_file() and path.parent != lab / "secrets"]
    assert {"telegraf.log", "readings.lp", "influxd.log", "telegraf.conf"} <= {path.name for path in looked}
    told = {str(path): found for path in looked if (found := found_in(path.read_bytes(), words))}
    assert not told
