"""Calibrations against numbers worked out by hand, or printed by a maker."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_inputs.calibration import build
from telegraf_inputs.declare import Quantity
from telegraf_inputs.errors import BadInput

VOLTAGE = Quantity("voltage", "V", "Output of the gauge", 0.0, 10.0, decimals=3)
COUNTS = Quantity("counts", "", "Counts", type="int")
STATE = Quantity("state", "", "State", type="str")
ONE = {"voltage": VOLTAGE}
ALL = {"voltage": VOLTAGE, "counts": COUNTS, "state": STATE}


@pytest.mark.parametrize(
    ("data", "raw", "expected"),
    [
        ({"form": "linear", "a": 3, "b": 2}, 1.5, 6.0),
        ({"form": "linear", "b": -2.5}, 4.0, -10.0),
        ({"form": "polynomial", "coefficients": [1, -2, 0, 0.5]}, 2.0, 1.0),  # 1 − 4 + 0 + 4
        ({"form": "polynomial", "coefficients": [7]}, 123.0, 7.0),
        ({"form": "exponential", "a": 2, "b": 1, "c": 3, "d": 0.25}, 5.0, 200.25),  # 2·10² + 0.25
        # A Pfeiffer TPR 280: log p = U − 5.5, in mbar: 8.5 V is atmosphere.
        ({"form": "exponential", "a": 1, "b": 1, "c": 5.5}, 8.5, 1000.0),
        ({"form": "table", "points": [[0, 10], [1, 20], [3, -20]]}, 0.25, 12.5),
        ({"form": "table", "points": [[0, 10], [1, 20], [3, -20]]}, 2.0, 0.0),
        ({"form": "table", "points": [[0, 10], [1, 20], [3, -20]]}, 3, -20.0),
        ({"form": "table", "log": True, "points": [[1, 1e-6], [3, 1e-2]]}, 2.0, 1e-4),
        ({"form": "divider", "supply": 5, "series": 9400}, 2.5, 9400.0),
        ({"form": "divider", "supply": 5, "series": 9400}, 1.0, 2350.0),
        ({"form": "divider", "supply": 5, "series": 9400}, 0.0, 0.0),
        # A 10 kΩ thermistor (Vishay NTCLE100E3103): 10 000 Ω at 25 °C, 32 650 Ω at 0 °C, by its maker's table.
        ({"form": "steinhart_hart", "a": 1.1252e-3, "b": 2.3473e-4, "c": 8.5663e-8}, 10000.0, 298.15),
        ({"form": "steinhart_hart", "a": 1.1252e-3, "b": 2.3473e-4, "c": 8.5663e-8}, 32650.0, 273.15),
        (
            {"form": "steinhart_hart", "a": 1.1252e-3, "b": 2.3473e-4, "c": 8.5663e-8, "supply": 5, "series": 10000},
            2.5,
            298.15,
        ),
    ],
)
def test_a_value_worked_out_by_hand(data, raw, expected):
    assert build({**data, "unit": "x"}, ONE)(raw) == pytest.approx(
        expected, rel=2e-4 if "steinhart" in data["form"] else 1e-12
    )


@pytest.mark.parametrize(
    ("data", "raw"),
    [
        ({"form": "linear", "b": 1, "range": [0, 5]}, 5.000001),
        ({"form": "linear", "b": 1, "range": [0, 5]}, -1e-9),
        ({"form": "linear", "b": 1}, math.nan),
        ({"form": "linear", "b": 1e300}, 1e300),
        ({"form": "table", "points": [[0, 10], [1, 20]]}, 1.0000001),
        ({"form": "table", "points": [[0, 10], [1, 20]]}, -0.1),
        ({"form": "exponential", "a": 1, "b": 1}, 1000.0),
        ({"form": "divider", "supply": 5, "series": 9400}, 5.0),
        ({"form": "divider", "supply": 5, "series": 9400}, -0.1),
        ({"form": "steinhart_hart", "a": 1e-3, "b": 2e-4, "c": 9e-8}, 0.0),
        ({"form": "steinhart_hart", "a": 1e-3, "b": 2e-4, "c": 9e-8}, -5.0),
        ({"form": "steinhart_hart", "a": -1e-2, "b": 2e-4, "c": 9e-8}, 100.0),  # below absolute zero
        ({"form": "steinhart_hart", "a": 1e-3, "b": 2e-4, "c": 9e-8, "supply": 5, "series": 1}, 5.0),
        ({"form": "polynomial", "coefficients": [0, 0, 1e300]}, 1e10),
    ],
)
def test_where_it_does_not_hold_there_is_no_value(data, raw):
    assert build({**data, "unit": "x"}, ONE)(raw) is None


numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20, unique_by=lambda p: p[0]), st.data())
def test_a_table_gives_its_own_points_and_stays_between_neighbours(points, data):
    table = sorted(points)
    calibrate = build({"form": "table", "points": [list(p) for p in table], "unit": "x"}, ONE)
    for x, y in table:
        assert calibrate(x) == y
    index = data.draw(st.integers(0, len(table) - 2))
    (x0, y0), (x1, y1) = table[index : index + 2]
    value = calibrate(data.draw(st.floats(x0, x1)))
    assert min(y0, y1) <= value <= max(y0, y1)


@given(
    st.lists(
        st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=2, max_size=20, unique_by=lambda p: p[0]
    ),
    st.data(),
)
def test_a_rising_table_rises(points, data):
    ys = sorted(y for _, y in points)
    table = [[x, y] for x, y in zip(sorted(x for x, _ in points), ys, strict=True)]
    calibrate = build({"form": "table", "points": table, "unit": "x"}, ONE)
    a, b = sorted(data.draw(st.floats(table[0][0], table[-1][0])) for _ in range(2))
    assert calibrate(a) <= calibrate(b) + 1e-9


def test_what_is_not_said_follows_from_the_quantity():
    same = build({"form": "linear", "b": 1}, ONE)
    assert (same.of, same.to, same.unit, same.decimals) == ("voltage", "voltage", "V", 3)
    other = build({"form": "linear", "b": 1, "to": "pressure", "unit": "mbar", "decimals": 1}, ONE)
    assert (other.of, other.to, other.unit, other.decimals) == ("voltage", "pressure", "mbar", 1)
    assert build({"form": "linear", "b": 1, "to": "pressure", "unit": "mbar"}, ONE).decimals is None


LINEAR = {"form": "linear", "b": 1}


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ("linear", (), "found 'linear', expected keys such as form"),
        ({}, ("form",), "found None, expected a form of calibration; known: linear, polynomial"),
        ({"form": "liner"}, ("form",), "did you mean 'linear'?"),
        ({"form": "linear"}, ("b",), "form 'linear' needs 'b' (a number)"),
        ({**LINEAR, "slope": 2}, ("slope",), "is not known to form 'linear'"),
        ({"form": "linear", "b": "2"}, ("b",), "found '2', expected a number"),
        ({"form": "linear", "b": True}, ("b",), "found True, expected a number"),
        ({"form": "linear", "b": math.inf}, ("b",), "found inf, expected a number"),
        ({"form": "polynomial", "coefficients": []}, ("coefficients",), "at least one"),
        ({"form": "polynomial", "coefficients": [1, "x"]}, ("coefficients",), "expected a list of numbers"),
        ({"form": "table", "points": [[0, 1]]}, ("points",), "has 1 point(s); a table needs at least two"),
        ({"form": "table", "points": [[0, 1], [1]]}, ("points", 1), "found [1], expected a pair of numbers"),
        ({"form": "table", "points": [[0, 1], [0, 2]]}, ("points", 1), "x goes from 0 to 0; x must rise"),
        ({"form": "table", "points": [[0, 1], [2, 3], [1, 2]]}, ("points", 2), "x goes from 2 to 1; x must rise"),
        ({"form": "table", "points": [[0, 1], [1, 0]], "log": True}, ("points", 1), "y is 0; with log: true"),
        ({"form": "table", "points": [[0, 1], [1, 2]], "log": "yes"}, ("log",), "expected true or false"),
        ({"form": "steinhart_hart", "a": 1, "b": 1, "c": 1, "supply": 5}, ("series",), "go together"),
        ({"form": "steinhart_hart", "a": 0, "b": 0, "c": 0}, ("a",), "no resistance has a temperature"),
        ({"form": "table", "points": [[0, 1], [1, 2]], "range": [5, 6]}, ("range",), "lies beside the table"),
        ({**LINEAR, "range": [5, 0]}, ("range",), "found [5, 0], expected [low, high]"),
        ({**LINEAR, "to": "Druck p"}, ("to",), "expected a field's name in snake_case"),
        ({**LINEAR, "to": "status", "unit": ""}, ("to",), "has a 'status' already"),
        ({**LINEAR, "to": "channel", "unit": ""}, ("to",), "has a 'channel' already"),
        ({**LINEAR, "to": "driver", "unit": ""}, ("to",), "has a 'driver' already"),
        ({**LINEAR, "to": "pressure"}, ("unit",), "is missing; expected the unit of 'pressure'"),
        ({**LINEAR, "decimals": 2.5}, ("decimals",), "found 2.5, expected how many digits"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(data, path, message):
    with pytest.raises(BadInput) as caught:
        build(data, ONE)
    assert caught.value.path == path
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (LINEAR, ("of",), "known: voltage, counts"),
        ({**LINEAR, "of": "state"}, ("of",), "found 'state', expected the quantity that is calibrated"),
        ({**LINEAR, "of": "counts"}, ("to",), "a name of its own"),  # the field stays a whole number
        ({**LINEAR, "of": "counts", "to": "voltage", "unit": "V"}, ("to",), "has a 'voltage' already"),
    ],
)
def test_among_several_quantities_the_right_one_must_be_named(data, path, message):
    with pytest.raises(BadInput) as caught:
        build(data, ALL)
    assert caught.value.path == path
    assert message in caught.value.message


def test_a_raw_value_takes_no_name_that_is_taken():
    taken = {"voltage": ALL["voltage"], "voltage_raw": Quantity("voltage_raw", "V", "Voltage before averaging")}
    with pytest.raises(BadInput, match="to: the raw value would be stored as 'voltage_raw', which each point has"):
        build({**LINEAR, "of": "voltage"}, taken)
    assert build({**LINEAR, "of": "voltage", "to": "level", "unit": "%"}, taken).to == "level"
