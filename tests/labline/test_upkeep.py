"""What looks after a running lab's database tells what hinders it, once, and goes on."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from labline.local import settling, upkeep
from labline.local.database import Unfit
from labline.local.replay import Replayed
from labline.local.upkeep import Upkeep
from provisioning.influxdb_server import DatabaseError


@pytest.fixture
def looked(monkeypatch):
    """Give a function that looks until as many steps as given were taken: what it is to find, or to raise, each time."""
    monkeypatch.setattr(upkeep, "EVERY", 0.0)
    monkeypatch.setattr(upkeep, "WHOLE_EVERY", 0.0)

    def done(*steps, runs=()):
        said, left, over = [], list(steps), threading.Event()

        def make_whole(_):
            if not left:
                over.set()
                return []
            step = left.pop(0)
            if isinstance(step, Exception):
                raise step
            return step

        database = SimpleNamespace(
            up=True, make_whole=make_whole, has_policies=lambda _: True, administrator=lambda: None
        )
        counting = SimpleNamespace(write_again=lambda _: Replayed(points=7))
        made = Upkeep(database, None, runs, counting, said.append)
        made.start()
        assert over.wait(60)
        made.stop()
        return said, made

    return done


def test_what_hinders_it_is_told_once_and_it_goes_on(looked):
    disk = OSError(5, "Input/output error", "readings.lp")
    said, _ = looked(Unfit("a is in V"), Unfit("a is in V"), DatabaseError("away"), disk, disk, [])
    assert len(said) == 2 and said[0].startswith("a is in V\n")
    assert said[1] == "readings.lp: Input/output error; until that is mended, earlier runs can't be counted"


def test_what_was_made_anew_is_told_with_what_was_written_again(looked):
    said, _ = looked([f"make {number}" for number in range(9)])
    assert said[0].splitlines()[-1] == "  … and 5 more" and "make 3" in said[0] and "make 4" not in said[0]
    assert said[1] == "  7 points written again from the journal, at the same times."


def test_a_run_that_can_not_be_settled_yet_is_tried_again(looked, monkeypatch):
    answers = iter([DatabaseError("away"), ["settled"], ["the second one"]])

    def settle(*_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(settling, "settle", settle)
    said, made = looked([], [], [], runs=["first", "second"])
    assert said == made.told == ["settled", "the second one"] and not made.unsettled
