"""What the driver's base class does for every driver: numbers, steps out of line, and the channels in turn."""

from __future__ import annotations

import pytest

from telegraf_inputs.errors import BadAnswer, NoAnswer, OutOfStep
from telegraf_inputs.line import Line, Wire
from telegraf_inputs.reading import Reading
from telegraf_inputs.source import Polled, number
from telegraf_inputs.stanza import Channel
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-1.5", -1.5), ("+.5E-3", 0.0005), (" 2.\r", 2.0), ("1e3", 1000.0)]
)
def test_a_number(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["", ".", "nan", "inf", "1,5", "1 2", "0x10", "1e", "--1", "1_000", "٣", "1.5V", "1e9999"]
)
def test_what_is_no_number(text):
    with pytest.raises(BadAnswer, match="expected a number"):
        number(text)


class Link(Line):
    late = 0

    def __init__(self):
        super().__init__(Url("tcp://127.0.0.1:1"), Wire(), 1.0, Stop())

    def discard(self, quiet: float = 0.0) -> int:
        return self.late if quiet else 0  # it comes only after a while


class Stanza:
    timeout = 1.0
    identity = "me"
    options: dict = {}
    channels = [Channel(name, name, "", {}, {}) for name in "abc"]


class Three(Polled):
    said = "me"

    def identify(self):
        return self.said

    def read_channel(self, channel):
        if channel.id == "b":
            raise self.trouble
        return Reading(channel.id, {"v": 1.0}, 1)


@pytest.mark.parametrize(("trouble", "status"), [(NoAnswer("hush"), "no_answer"), (BadAnswer("?"), "bad_answer")])
def test_one_channel_without_an_answer_does_not_spoil_the_others(trouble, status):
    driver = Three(Stanza(), Link())
    driver.trouble = trouble
    readings = list(driver.read())
    assert [(r.channel, r.status) for r in readings] == [("a", "ok"), ("b", status), ("c", "ok")]
    assert readings[1].values == {} and readings[1].time_ns > 10**18


@pytest.mark.parametrize(
    ("late", "said", "trouble"),
    [(5, "me", NoAnswer("hush")), (0, "the answer before", NoAnswer("hush")), (0, "me", OutOfStep("late"))],
)
def test_an_instrument_that_is_out_of_step_spoils_the_cycle(late, said, trouble):
    driver = Three(Stanza(), Link())
    driver.trouble, driver.said, driver.link.late = trouble, said, late
    with pytest.raises(OutOfStep):
        list(driver.read())
