"""Durations: one reader, and three writers for three kinds of reader."""

from __future__ import annotations

import pytest

from telegraf_inputs import duration
from telegraf_inputs.errors import BadInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("500ms", 0.5),
        ("2m", 120),
        ("2min", 120),
        ("1.5h", 5400),
        ("30d", 2592000),
        ("1w", 604800),
        ("1y", 31536000),
        ("5 s", 5),
        ("0s", 0),
    ],
)
def test_a_duration(text, seconds):
    assert duration.read(text) == seconds


@pytest.mark.parametrize("value", ["10", 10, 1.5, "s", "10 seconds", "-5s", "1e3s", "٣s", None, "", "10s 5s"])
def test_what_is_no_duration(value):
    with pytest.raises(BadInput, match="expected a duration with its unit"):
        duration.read(value)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (0.0001, "1ms"),
        (1.5, "1500ms"),
        (1, "1s"),
        (60, "1m"),
        (90, "90s"),
        (3600, "1h"),
        (5400, "90m"),
        (86400, "1d"),
        (604800, "1w"),
        (31536000, "365d"),
    ],
)
def test_machines_get_one_whole_number_in_the_largest_unit(seconds, written):
    assert duration.exact(seconds) == written
    assert duration.read(written) == max(seconds, 0.001 if seconds else 0)


@pytest.mark.parametrize("seconds", [1, 60, 7 * 60, 3600, 86400, 3 * 604800])
def test_a_whole_duration_is_known_by_how_it_is_written(seconds):
    assert duration.EXACT.match(duration.exact(seconds))


@pytest.mark.parametrize("text", ["0s", "0.5h", "500ms", "5min", "1y", "1 m", "m", "1m\n", "٣s"])
def test_nothing_else_is_a_whole_duration(text):
    assert not duration.EXACT.match(text)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (0.5, "0.5 s"), (90, "90 s"), (120, "2 min"), (5400, "90 min"), (2592000, "30 d"), (31536000, "1 y")],
)
def test_people_get_the_largest_unit_that_divides_it(seconds, written):
    assert duration.words(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-0.2, "0 s"),
        (-1.4, "-1 s"),
        (59, "59 s"),
        (119, "119 s"),
        (180, "3 min"),
        (7300, "2 h"),
        (3 * 86400, "3 d"),
        (8e7, "2.5 y"),
    ],
)
def test_a_table_gets_few_characters(seconds, written):
    assert duration.short(seconds) == written
    assert len(written) <= 6
