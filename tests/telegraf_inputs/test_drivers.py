"""The conventions that all drivers keep; a new one is held to them by itself."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml

from provisioning import units
from telegraf_inputs import drivers, plugins, simulators, stanza, transports
from telegraf_inputs.clock import Clock
from telegraf_inputs.declare import RESERVED, Quantity
from telegraf_inputs.fields import clashes
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.point_maker import PointMaker
from telegraf_inputs.reading import Reading
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"].keys()
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
DEFAULTS = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "duration": (int, float),
    "list": list,
    "map": dict,
}

every_driver = pytest.mark.parametrize("name", drivers.names())
every_program = pytest.mark.parametrize("name", drivers.programs())


def example(driver):
    return stanza.check(yaml.safe_load(driver.example))


@every_driver
def test_it_is_said_how_it_was_tried(name):
    """Whoever has the instrument knows whether anybody else had it before; what has no instrument is tried by programs."""
    driver = drivers.load(name)
    if plugins.outside(driver):
        return  # a user's own: who has written it knows
    assert driver.verified and not driver.verified.endswith(".")
    if driver.alive_by == "report":
        assert re.search(r"not yet (on|beside) ", driver.verified, re.IGNORECASE), (
            "where it was on hardware, name that here"
        )


@every_driver
def test_declares_what_it_is(name):
    driver = drivers.load(name)
    assert driver.name == name and SNAKE.match(name)
    assert driver.title and driver.manual and not driver.title.endswith(".")
    assert re.fullmatch("[a-z]+", driver.family), "one word: what it measures"
    assert driver.interval > 0 and driver.timeout > 0
    assert set(driver.schemes) < set(transports.names()) - {"sim"}
    assert driver.extra in {"", *EXTRAS}
    assert driver.__doc__ and re.match(r"Reads\b.*\.", driver.__doc__, re.S), "the class says what it reads: `Reads …`"
    assert re.search(r"^Sources?: .", sys.modules[driver.__module__].__doc__, re.M), (
        "the module says which manual it follows: `Source: …`"
    )


@every_driver
def test_quantities_are_fields_with_unit_and_range(name):
    driver = drivers.load(name)
    checked = example(driver)
    quantities = [
        *(q for s in driver.streams for q in s.quantities),
        *(q for c in checked.channels for q in c.quantities.values()),
    ]
    assert quantities
    for q in quantities:
        assert SNAKE.match(q.name) and q.name not in RESERVED, q.name
        assert q.type in ("float", "int", "bool", "str"), q.name
        assert units.known(q.unit), f"{q.name}: no unit that limits can be converted from: {q.unit!r}"
        assert q.description[:1].isupper() and not q.description.endswith("."), f"{q.name}: {q.description!r}"
        if q.type in ("bool", "str"):
            assert q.unit == "" and q.low is None and q.high is None and q.decimals is None, q.name
        if q.low is not None and q.high is not None:
            assert q.low < q.high, q.name
        assert q.decimals is None or 0 <= q.decimals <= 12, q.name
    assert not [clash.message for clash in clashes([checked])]


# Unit -> values that are no temperatures, and the coldest that may be one.
COLDEST = {
    **dict.fromkeys(("K", "mK", "µK", "μK", "\N{KELVIN SIGN}", "kK", "kelvin", "Kelvin"), ((0.0, -0.1), 1e-9)),
    **dict.fromkeys(("°C", "\N{DEGREE CELSIUS}", "degC", "deg C", "Celsius"), ((-273.16,), -273.15)),
    **dict.fromkeys(("°F", "degF"), ((-459.7,), -459.67)),
}


@every_driver
def test_what_is_colder_than_all_is_no_reading(name):
    driver = drivers.load(name)
    checked = example(driver)
    declared = (*(q for s in driver.streams for q in s.quantities), *checked.channels[0].quantities.values())
    for quantity in (
        *declared,
        *(Quantity("t", unit, "T", type=kind) for unit in COLDEST for kind in ("float", "int")),
    ):
        for value in COLDEST.get(quantity.unit, ((), 0))[0]:
            assert not quantity.possible(value), f"{quantity.name}: {value} {quantity.unit} is no reading"
    if driver.alive_by == "points":
        return  # tests/native/test_shape.py
    channel = checked.channels[0]
    maker = PointMaker(checked, Clock())
    for moment, (unit, (none, coldest)) in enumerate(COLDEST.items(), 1):
        channel.quantities, channel.calibration = {"t": Quantity("t", unit, "Temperature")}, None
        for value, status in (*((value, "out_of_range") for value in none), (coldest, "ok")):
            reading = Reading(channel.id, {"t": value}, moment)
            point, _ = maker.make(reading, channel)
            assert reading.status == status and ("t" in point.values) == (status == "ok"), (unit, value)


@pytest.mark.parametrize("unit", ["C", "F", "V", "W/K", "K/min", "mbar", ""])
def test_what_is_no_temperature_may_be_less_than_nothing(unit):
    assert Quantity("q", unit, "Q").possible(-1000.0)


@pytest.mark.parametrize(
    ("low", "value", "taken"),
    [(None, 0.0, False), (0, 0.0, True), (0, -1.0, False), (-5, -4.0, True), (0.1, 0.05, False)],
)
def test_low_says_how_cold_a_reading_may_be(low, value, taken):
    def made(keys, calibration, said):
        channel = {"read": {"t": {"query": "T?", **keys}}, "calibration": calibration}
        stanza_ = {"name": "a", "driver": "scpi", "connection": "tcp://h:1", "channels": {"1": channel}}
        checked = stanza.check(stanza_)
        point, _ = PointMaker(checked, Clock()).make(Reading("1", {"t": said}, 1), checked.channels[0])
        return point.values

    declared = {} if low is None else {"low": low}
    assert ("t" in made({"unit": "K", **declared}, None, value)) == taken
    linear = {"form": "linear", "b": 2, "to": "kelvin", "unit": "K", **declared}
    assert ("kelvin" in made({"unit": "V"}, linear, value / 2)) == taken


@every_driver
def test_no_number_is_without_a_meaning(name):
    """A whole number without a unit is a count, or a code whose words are declared; a code has words for people."""
    driver = drivers.load(name)
    for q in (
        *(q for s in driver.streams for q in s.quantities),
        *(q for c in example(driver).channels for q in c.quantities.values()),
    ):
        if q.type == "int" and not q.unit:
            assert q.count or q.choices, f"{q.name} is a number that nobody could read: give it choices, or count=True"
        assert not (q.count and (q.choices or q.unit or q.type != "int")), q.name
        codes = [choice.code for choice in q.choices]
        assert len(set(codes)) == len(codes), q.name
        for choice in q.choices:
            assert type(choice.code).__name__ == q.type and q.unit == "", q.name
            assert q.possible(choice.code), f"{q.name}: {choice.code} is out of its range"
            assert choice.word.strip() == choice.word != "" and choice.word.isprintable(), q.name
            assert choice.severity in ("", "ok", "warning", "critical"), q.name


@every_driver
def test_options_are_documented_and_typed(name):
    driver = drivers.load(name)
    for options, common in ((driver.options_known, stanza.KEYS), (driver.channel_options, stanza.CHANNEL_KEYS)):
        names = [o.name for o in options]
        assert len(set(names)) == len(names) and not set(names) & {o.name for o in common}
        for option in options:
            assert SNAKE.match(option.name) and option.description and option.type in DEFAULTS, option.name
            assert not option.description.endswith("."), option.name
            assert option.default is None or isinstance(option.default, DEFAULTS[option.type]), option.name
            assert not (option.required and option.default is not None), option.name
            assert not option.choices or option.default in (None, *option.choices), option.name


@every_driver
def test_example_works(name):
    driver = drivers.load(name)
    checked = example(driver)
    assert checked.driver is driver and checked.connection.scheme in (driver.schemes or ("",))
    first = ["name", "driver", *(["connection"] if driver.schemes else [])]
    assert list(yaml.safe_load(driver.example))[: len(first)] == first
    if driver.channel_names is None or len(driver.channel_names) > 1:
        assert len(checked.channels) > 1, (
            "an example shows more than one channel; it is also what the fault matrix reads"
        )
    assert all(
        option.name in driver.example for option in (*driver.options_known, *driver.channel_options) if option.required
    )


@every_program
def test_has_a_simulator_that_knows_the_truth(name):
    checked = example(drivers.load(name))
    simulator = simulators.load(name)(checked)
    bands, words = simulator.bands(), simulator.words()
    types = {(c.id, q.name): q.type for c in simulator.channels for q in c.quantities.values()}
    assert {*bands, *words} == set(types), "what it knows, and what the channels deliver"
    assert not set(bands) & set(words)
    assert all(types[key] in ("float", "int") for key in bands)
    for (channel, quantity), (low, high) in bands.items():
        for (other, same), (lower, upper) in bands.items():
            if other != channel and same == quantity:
                assert high < lower or upper < low, f"{quantity} of {channel} and of {other} can be the same value"
    for (channel, quantity), told in words.items():
        for (other, same), elsewhere in words.items():
            if other != channel and same == quantity and types[channel, quantity] == "str":
                assert not set(told) & set(elsewhere), f"{quantity} of {channel} and of {other} can be the same"


@every_program
def test_what_it_says_is_traced(name):
    """On a driver's word alone nobody can find out why an instrument is not read."""
    checked = example(drivers.load(name))
    simulator = simulators.start(checked, **simulators.load(name).brisk)
    checked.connection = Url(simulator.url)
    heard: list[bytes] = []
    read = Instrument(checked, Stop(), lambda *_: None, lambda way, data: heard.append(data) if way == "<" else None)
    deadline = time.monotonic() + 30
    while not any(heard) and time.monotonic() < deadline:
        read.sample()
        read.stop.wait(0.05)
    read.close()
    simulator.stop()
    assert any(heard)


@every_program
def test_is_a_program(name):
    said = subprocess.run(
        [sys.executable, "-m", f"telegraf_inputs.drivers.{name}", "--help"], capture_output=True, text=True
    )
    assert said.returncode == 0 and said.stderr == "" and drivers.load(name).title in said.stdout


def test_two_instruments_may_not_fill_one_field_differently():
    def supply(name, read):
        return stanza.check(
            {"name": name, "driver": "scpi", "connection": "tcp://h:1", "channels": {"1": {"read": read}}}
        )

    volts = supply("a", {"voltage": {"query": "MEAS:VOLT?", "unit": "V"}})
    same = supply("b", {"voltage": {"query": "MEAS:VOLT:DC?", "unit": "V"}})
    millivolts = supply("c", {"voltage": {"query": "MEAS:VOLT?", "unit": "mV"}})
    whole = supply("d", {"voltage": {"query": "MEAS:VOLT?", "unit": "V", "type": "int"}})
    assert not list(clashes([volts, same]))
    assert [(c.stanza.name, c.quantity.name) for c in clashes([volts, same, millivolts, whole])] == [
        ("c", "voltage"),
        ("d", "voltage"),
    ]
