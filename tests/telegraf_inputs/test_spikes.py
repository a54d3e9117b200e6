"""Spikes: what is marked, what is believed; of every baseline, at the start, after a gap, at a step."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_inputs import stanza
from telegraf_inputs.clock import Clock
from telegraf_inputs.declare import Quantity
from telegraf_inputs.errors import BadInput
from telegraf_inputs.point_maker import PointMaker
from telegraf_inputs.reading import Reading
from telegraf_inputs.spikes import Filter, Judge

SECOND = 1_000_000_000
BEGAN = 1_790_000_000 * SECOND
GAP = 3 * SECOND
Wide = st.integers(3, 15)
dyadic = st.integers(-(2**20), 2**20).map(lambda n: n / 64)  # which floats add and multiply exactly


def marked(values, *, median=5, mad=6.0, floor=0.0, times=None):
    """Tell which of some readings, a second apart, are spikes."""
    judge = Judge(Filter("v", Quantity("v_spike", "V", ""), median, mad, floor))
    whens = times or range(len(values))
    return [n for n, (at, value) in enumerate(zip(whens, values, strict=True)) if judge.spike(value, at * SECOND, GAP)]


@given(base=dyadic, height=dyadic.filter(bool), median=Wide, after=st.integers(0, 30))
def test_one_reading_off_a_constant_baseline_is_the_only_spike(base, height, median, after):
    values = [base] * (median + after) + [base + height] + [base] * 20
    assert marked(values, median=median) == [median + after]


@given(
    values=st.lists(st.integers(-1000, 1000).map(float), max_size=60),
    a=st.sampled_from([-8.0, -1.0, 0.25, 4.0]),
    b=dyadic,
)
def test_zero_and_sign_of_a_baseline_do_not_matter(values, a, b):
    assert marked([a * value + b for value in values]) == marked(values)


@given(values=st.lists(st.floats(-1e9, 1e9), max_size=120), median=Wide)
def test_never_are_more_marked_in_a_row_than_half_a_window(values, median):
    found = marked(values, median=median)
    runs, longest = 0, 0
    for n in range(len(values)):
        runs = runs + 1 if n in found else 0
        longest = max(longest, runs)
    assert longest <= (median + 1) // 2
    assert not found or found[0] >= median  # the first are not judged


@given(base=dyadic, height=dyadic.filter(bool), median=Wide)
def test_a_step_is_believed_after_half_a_window(base, height, median):
    steps = (median + 1) // 2
    found = marked([base] * 40 + [base + height] * 40, median=median)
    assert found == list(range(40, 40 + len(found))) and 0 < len(found) <= steps


@given(base=dyadic, height=dyadic.filter(bool))
def test_after_a_gap_it_begins_anew(base, height):
    values = [base] * 10 + [base + height] * 10
    assert marked(values, times=[*range(10), *range(100, 110)]) == []
    assert marked(values, times=[*range(10), *range(12, 22)]) != []


def test_what_comes_late_is_not_judged_and_a_clock_that_is_set_back_begins_anew():
    values = [0.0] * 10 + [9.0, 0.0, 9.0]
    assert marked(values, times=[*range(10), 8, 10, 11]) == [12]
    assert marked([0.0] * 20 + [5.0], times=[*range(1000, 1010), *range(10), 10]) == [20]


def test_noise_is_seldom_a_spike_and_spikes_in_noise_are():
    noise = random.Random(1)
    values = [noise.gauss(-2.0, 0.5) for _ in range(5000)]
    assert len(marked(values)) < 25
    assert len(marked(values, median=15)) < 5
    for n in range(100, 5000, 100):
        values[n] += 20.0
    assert set(range(100, 5000, 100)) <= set(marked(values))


@pytest.mark.parametrize(
    "course", [[float(n) for n in range(50)], [10 ** (-n / 5) for n in range(50)], [0.0, 1.0] * 30, [1.1**n for n in range(60)]]
)  # fmt: skip
def test_what_moves_is_not_marked_for_ever(course):
    assert len(marked(course)) <= 3


def test_below_the_floor_nothing_is_a_spike():
    values = [0.0] * 10 + [0.1, 0.0, 0.2, 0.0, 0.3]
    assert marked(values) and marked(values, floor=0.25) == [14]


STANZA = {
    "name": "freezers",
    "driver": "ds18b20",
    "connection": "file:///sys/bus/w1/devices",
    "interval": "1s",
    "channels": {"28-0316a2795f1c": {"filter": {"median": 5, "mad": 6}}, "28-0416b31c44ff": None},
}


def made(values, channel=0, times=None, **keys):
    """Make the points of some readings of a sensor."""
    checked = stanza.check(STANZA | keys)
    maker = PointMaker(checked, Clock())
    of = checked.channels[channel]
    whens = times or range(len(values))
    return maker, [
        maker.make(Reading(of.id, {"temperature": value}, BEGAN + at * SECOND), of)[0]
        for at, value in zip(whens, values, strict=True)
    ]


def test_a_spike_is_kept_under_a_name_of_its_own_and_told(monkeypatch):
    monkeypatch.setenv("LABLINE_CLOCK", "unchecked")
    maker, points = made([4.0] * 6 + [80.0, 4.0])
    assert points[6].values == {"temperature_spike": 80.0, "status": "ok", "quality": "spike"}
    assert all(point.values == {"temperature": 4.0, "status": "ok"} for n, point in enumerate(points) if n != 6)
    assert [point.readings for point in points] == [1] * 8 and maker.spikes == 1


def test_a_channel_without_a_filter_has_none(monkeypatch):
    monkeypatch.setenv("LABLINE_CLOCK", "unchecked")
    maker, points = made([4.0] * 6 + [80.0, 4.0], channel=1)
    assert points[6].values == {"temperature": 80.0, "status": "ok"} and maker.spikes == 0


def test_what_has_no_reading_and_what_comes_twice_is_not_judged(monkeypatch):
    monkeypatch.setenv("LABLINE_CLOCK", "unchecked")
    maker, points = made([4.0] * 6 + [None, 80.0, 80.0], times=[0, 1, 2, 3, 4, 5, 6, 7, 7])
    assert points[6].values["status"] == "ok" and "quality" not in points[6].values
    assert maker.spikes == 1


def test_the_calibrated_quantity_is_the_one_that_is_looked_at(monkeypatch):
    monkeypatch.setenv("LABLINE_CLOCK", "unchecked")
    calibration = {"form": "linear", "a": 1, "b": 1}
    channels = {"28-0316a2795f1c": {"filter": {}, "calibration": calibration}}
    _, points = made([4.0] * 6 + [80.0], channels=channels)
    (version,) = {point.values["calibration"] for point in points}
    assert points[6].values == {
        "temperature_raw": 80.0, "temperature_spike": 81.0, "calibration": version, "status": "ok", "quality": "spike"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"median": 2}, "median: found 2, expected 3 to 101 readings"),
        ({"median": 2.5}, "median: found 2.5, expected a whole number"),
        ({"mad": 0}, "mad: found 0, expected 1 or more"),
        ({"floor": -1}, "floor: found -1, expected 0 or more"),
        ({"of": "pressure"}, "of: found 'pressure', expected the quantity that is looked at; known: temperature"),
        ({"medien": 5}, "is not a key of a filter; did you mean 'median'?"),
    ],
)
def test_a_mistake_in_a_filter_is_told_with_its_place(keys, says):
    with pytest.raises(BadInput) as caught:
        stanza.check(STANZA | {"channels": {"28-0316a2795f1c": {"filter": keys}}})
    assert str(caught.value).startswith("channels.28-0316a2795f1c.filter.") and says in str(caught.value)


def test_of_several_numbers_one_is_named():
    channels = {"1": {"filter": {}}}
    cold = {"name": "cold", "driver": "lakeshore_372", "connection": "tcp://192.168.1.5:7777", "channels": channels}
    with pytest.raises(BadInput, match="filter.of: is missing, expected the quantity"):
        stanza.check(cold)
    channels["1"]["filter"]["of"] = "temperature"
    assert stanza.check(cold).channels[0].filter.of == "temperature"


@pytest.mark.parametrize(
    ("tag", "says"), [("quality", "'quality' is a tag or field"), ("temperature_spike", "labline writes itself")]
)
def test_a_tag_is_not_called_like_a_field_of_a_spike(tag, says):
    with pytest.raises(BadInput, match=says):
        stanza.check(STANZA | {"tags": {tag: "x"}})
