"""What is done about parts that end: they are started anew for ever, and nothing waits for them."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from labline.local import supervision
from labline.stack.errors import StartFailed


class Part:
    """A part whose starts go as a test wants it: ``begun`` are their times, ``steps`` how long each one takes."""

    def __init__(self, clock):
        self._clock, self.begun, self.steps, self.why = clock, [], 0, ""
        self.run()

    def run(self):
        self.process = SimpleNamespace(running=True, pid=0, status=None, explain=lambda text: text)

    def end(self):
        self.process.running, self.process.status = False, -9

    def begin(self):
        self.begun.append(self._clock.now)
        self._left = self.steps
        if self.why:
            raise StartFailed(self.why)
        self.run()

    def is_up(self):
        self._left -= 1
        return self._left < 0

    def stop(self):
        self.end()


@pytest.fixture
def clock(monkeypatch):
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(supervision.time, "monotonic", lambda: made.now)
    return made


@pytest.fixture
def kept(clock):
    """A part that is kept: ``part``, ``said``, ``look(seconds)``, which looks after it each second."""
    said, came_up = [], []
    made = supervision.Supervision(said.append)
    part = Part(clock)
    made.keep("InfluxDB", part, "measuring goes on", lambda: came_up.append(clock.now))

    def look(seconds=1):
        for _ in range(seconds):
            clock.now += 1
            made.look()

    return SimpleNamespace(part=part, said=said, came_up=came_up, look=look, supervision=made)


def test_one_that_ends_is_started_at_once_and_told(kept):
    kept.part.end()
    kept.look(2)
    assert kept.part.process.running and len(kept.part.begun) == len(kept.came_up) == 1
    assert kept.said == ["InfluxDB ended (exit status -9); started anew; measuring goes on"]
    assert kept.supervision.notice.endswith("InfluxDB ended (exit status -9) and was started anew.")


def test_one_that_ends_again_and_again_is_started_ever_more_slowly_for_ever(kept):
    for _ in range(12):
        kept.part.end()
        begun = len(kept.part.begun)
        while len(kept.part.begun) == begun:
            kept.look()
        kept.look()
    pauses = [round(b - a) - 2 for a, b in itertools.pairwise(kept.part.begun)]
    assert pauses[:2] == [0, 0] and pauses[2:8] == [2, 4, 8, 16, 32, 60] and max(pauses) == 60
    kept.look(200)
    kept.part.end()
    kept.look()
    assert kept.part.begun[-1] == kept.part._clock.now  # it ran steadily since


def test_one_that_can_not_be_started_is_told_once_for_each_reason(kept):
    kept.part.why = "port 8086 is in use"
    kept.part.end()
    kept.look(1000)
    assert len(kept.said) == 2 and "port 8086 is in use\nInfluxDB is started anew" in kept.said[1]
    assert "for ever; measuring goes on" in kept.said[1] and 15 < len(kept.part.begun) < 30
    assert (
        "InfluxDB does not run since" in kept.supervision.notice
        and "port 8086 is in use; mea" in kept.supervision.notice
    )
    kept.part.why = "its files are spoilt, its last words:\n  | run: meta"
    kept.look(200)
    assert len(kept.said) == 3
    kept.part.why = ""
    kept.look(62)
    assert kept.part.process.running and "InfluxDB runs again" in kept.said[-1] and len(kept.came_up) == 1
    assert "does not run" not in kept.supervision.notice


def test_a_long_start_is_waited_for_and_holds_up_nothing(kept):
    kept.part.steps = 300
    kept.part.end()
    kept.look(300)
    assert len(kept.part.begun) == 1 and not kept.came_up and "it ended" in kept.supervision.notice
    kept.look(2)
    assert len(kept.came_up) == 1 and not kept.supervision.notice.startswith("InfluxDB does not")


def test_what_is_to_be_done_when_it_is_up_is_done_again_where_the_disk_is_full(kept):
    full = [OSError(28, "No space left on device", "telegraf.conf")] * 2
    (keeper,) = kept.supervision._keepers
    came_up = keeper._came_up

    def fails():
        if full:
            raise full.pop()
        came_up()

    keeper._came_up = fails
    kept.part.end()
    kept.look(10)
    assert len(kept.came_up) == 1 and "No space left on device" in kept.said[1] and "runs again" in kept.said[-1]


def test_a_start_that_never_ends_is_begun_anew(kept):
    kept.part.steps = 10**6
    kept.part.end()
    kept.look(3700)
    assert len(kept.part.begun) == 2 and "was not ready within 3600 s" in kept.said[-1]


def test_one_that_runs_and_answers_nothing_is_started_anew(clock):
    """The kernel sees nothing of it: its threads get on, and wait for each other."""
    said, part, why = [], Part(clock), [""]
    made = supervision.Supervision(said.append)
    made.keep("Grafana", part, "all else runs on", hung=lambda: why[0])
    made.look()
    assert (part.begun, said) == ([], [])
    why[0] = "it answers nothing over HTTP for 12 s"
    made.look()
    assert part.begun == [clock.now]
    assert said == ["Grafana hangs: it answers nothing over HTTP for 12 s; started anew; all else runs on"]
    assert made.notice.startswith("Grafana does not run since")
