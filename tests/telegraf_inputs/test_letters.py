"""Signs that look alike are one sign, wherever a unit or a number is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grafana_dashboards import style
from provisioning import units
from provisioning.unit_names import UNITS
from telegraf_inputs import drivers, duration, stanza
from telegraf_inputs.fields import clashes
from telegraf_inputs.letters import ALIKE, normal

TWINS = [
    ("\u2126", "Ω"),  # ohm sign
    ("k\u2126", "kΩ"),
    ("\u33c0", "kΩ"),  # square k ohm
    ("\u212a", "K"),  # kelvin sign
    ("m\u212a", "mK"),
    ("\u03bcA", "\u00b5A"),  # Greek mu
    ("\u2103", "°C"),
    ("\u00baC", "°C"),  # ordinal
    ("\u02daC", "°C"),  # ring
    ("° C", "°C"),
    ("\u2109", "°F"),
    ("\uff05", "%"),  # full width
    ("\u339c", "mm"),
    ("\u33d7", "PH"),
    ("N\u22c5m", "N·m"),
    ("m\u2215s", "m/s"),
    ("m/s\u00b2", "m/s²"),  # a superscript is no twin of a digit
    ("mbar", "mbar"),
]


@pytest.mark.parametrize(("written", "meant"), TWINS)
def test_a_unit_has_one_form(written: str, meant: str):
    assert normal(written) == meant


@given(st.text())
def test_the_one_form_is_its_own(text: str):
    assert normal(normal(text)) == normal(text)


def test_the_unit_of_a_calibration_has_the_one_form_too():
    calibration = {"form": "linear", "b": 2, "to": "current", "unit": "\u03bcA"}
    made = stanza.check(
        {
            "name": "a",
            "driver": "scpi",
            "connection": "tcp://h:1",
            "channels": {"1": {"read": {"v": {"query": "V?", "unit": "V"}}, "calibration": calibration}},
        }
    )
    assert made.channels[0].quantities["current"].unit == "\u00b5A"


def instrument(name: str, unit: str, **keys: object) -> stanza.Stanza:
    read = {"current": {"query": "MEAS:CURR?", "unit": unit, "description": "Current", **keys}}
    return stanza.check({"name": name, "driver": "scpi", "connection": "tcp://h:1", "channels": {"1": {"read": read}}})


@pytest.mark.parametrize(("written", "meant"), TWINS)
def test_two_instruments_with_twins_of_a_unit_do_not_clash_and_grafana_has_its_name(written: str, meant: str):
    stanzas = [instrument("a", written), instrument("b", meant)]
    assert list(clashes(stanzas)) == []
    quantities = [each.channels[0].quantities["current"] for each in stanzas]
    assert quantities[0] == quantities[1] and quantities[0].unit == meant
    assert style.unit(quantities[0]) == style.unit(quantities[1])


@pytest.mark.parametrize(("written", "unit", "value"), [
    ("\u22125 \u2103", "°C", -5.0),
    ("1.5\u00a0m\u2126", "Ω", 0.0015),
    ("3\u202f\u03bcA", "A", 3e-6),
    ("300 \u212a", "°C", 26.85),
    ("1e\u22125 mbar", "mbar", 1e-5),
])  # fmt: skip
def test_a_limit_is_read_with_every_twin(written: str, unit: str, value: float):
    assert units.read(written, unit) == pytest.approx(value)


def test_a_duration_may_have_a_space_of_another_kind():
    assert duration.read("5\u202fs") == 5.0


def test_what_the_house_itself_writes_is_in_the_one_form():
    own = {q.unit for name in drivers.names() for s in drivers.load(name).streams for q in s.quantities} | set(UNITS)
    assert [unit for unit in own if normal(unit) != unit] == []
    assert [normal(sign) for sign in ALIKE.values()] == list(ALIKE.values())
