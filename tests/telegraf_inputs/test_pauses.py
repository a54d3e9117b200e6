"""An instrument that is paused is let go of, says so, and is taken up again; the others of its program don't notice."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from telegraf_inputs import pauses
from tests.telegraf_inputs.test_several_instruments import Program, counting, counts, written
from tests.telegraf_inputs.test_stanza_folder import put, undisturbed


def pause(folder, name: str, seconds: float) -> None:
    pauses.write(pauses.asked(str(folder))(name), time.time() + seconds)


def taken(folder, name: str) -> bool:
    return bool(pauses.until(pauses.taken(str(folder))(name)))


@pytest.fixture(params=["folder", "files", "paced"])
def program(request, tmp_path):
    """A program that reads `one` and `two`; gives it, and where its stanzas are."""
    place = tmp_path / "instruments"
    place.mkdir()
    both = [counting(name) for name in ("one", "two")]
    if request.param == "paced":
        both[1]["trigger"] = "stdin"
    put(place, *both)
    arguments = ["--config", str(place)] if request.param == "folder" else written(place, *both)
    with Program(tmp_path, arguments) as running:
        over = threading.Event()

        def pace() -> None:
            while not over.wait(0.02):
                with contextlib.suppress(OSError):
                    os.write(running.process.stdin.fileno(), b"\n")

        pacer = threading.Thread(target=pace, daemon=True)
        if request.param == "paced":
            pacer.start()
        running.stop_pacing = lambda: (over.set(), pacer.ident and pacer.join())
        running.further(["one", "two"])
        yield running, place
        running.stop_pacing()


def test_it_is_let_go_of_and_taken_up_again(program):
    running, place = program
    pause(place, "two", 3600)
    running.until(lambda: running.states["two"][-1] == "paused", "pause")
    assert taken(place, "two")
    readings = running.readings["two"]
    running.further(["one"])
    running.further(["one"])
    assert running.readings["two"] == readings and undisturbed(running, "one")
    pauses.clear(pauses.asked(str(place))("two"))
    running.until(lambda: "[two] paused" in " ".join(running.log) and not taken(place, "two"), "end of the pause")
    running.further(["one", "two"])
    running.until(lambda: running.readings["two"] > readings, "new readings")
    assert running.states["two"][-1] == "ok" and undisturbed(running, "one")
    running.stop_pacing()
    assert running.end() == 0
    made, dropped = counts(running.ledger, "two")
    assert (made, dropped) == (running.readings["two"], 0)


def test_a_pause_ends_by_itself(program):
    running, place = program
    pause(place, "two", 1.5)
    running.until(lambda: running.states["two"][-1] == "paused", "pause")
    running.until(lambda: not taken(place, "two") and running.states["two"][-1] == "paused", "end of the pause")
    running.further(["two"])
    assert running.states["two"][-2:] == ["paused", "ok"]


def test_a_program_that_begins_in_a_pause_opens_nothing(tmp_path):
    place = tmp_path / "instruments"
    place.mkdir()
    pause(place, "one", 3600)
    with Program(tmp_path, written(place, counting("one"))) as running:
        running.until(lambda: running.states.get("one"), "report")
        assert running.states["one"] == ["", "paused"] and not running.readings
        pauses.clear(pauses.asked(str(place))("one"))
        running.further(["one"])
        running.until(lambda: running.states["one"][-1] == "ok", "readings")


@pytest.mark.parametrize("text", ["", "soon", "-5", "nan", "1e999", "9" * 40, "0", "1000"])
def test_what_is_no_pause(tmp_path, text):
    file = pauses.asked(str(tmp_path))("one")
    (tmp_path / "one.pause").write_text(text)
    assert pauses.until(file) == 0.0


def test_a_pause_has_an_end(tmp_path):
    pause(tmp_path, "one", 10 * 365 * 86400)
    assert pauses.until(pauses.asked(str(tmp_path))("one")) <= time.time() + pauses.LONGEST_SECONDS
