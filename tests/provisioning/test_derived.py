"""Derived channels of a site file: what expressions name, their units, and every mistake with its line."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from provisioning import derived_units, native_config, site, telegraf_config, units
from telegraf_inputs import expression
from telegraf_inputs.declare import Quantity
from telegraf_inputs.errors import BadInput

HEAD = """\
site: lab
nodes: [{name: rack}, {name: cellar}]
influxdb: {url: "http://192.168.1.11:8086"}
instruments:
  - {name: cold, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777", channels: {"1": , "2": }}
  - {name: far, node: cellar, driver: lakeshore_372, connection: "tcp://192.168.1.6:7777", channels: {"1": }}
  - name: ups
    driver: snmp
    connection: udp://192.168.1.9
    user: lab
    interval: 30s
    channels:
      output:
        read:
          power: {oid: 1.3.1, unit: W}
          limit: {oid: 1.3.2, unit: kW}
          source: {oid: 1.3.3, unit: "", type: int, choices: {3: mains}}
      air-1:
        read: {temperature: {oid: 1.3.4, unit: °C}, humidity: {oid: 1.3.5, unit: "%"}}
"""
DERIVED = """\
  - name: load
    driver: derived
    channels:
      share:
        read:
          load: {expression: "EXPRESSION", unit: "UNIT"}
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> site.Site:
        path = tmp_path / "site.yml"
        path.write_text(text, encoding="utf-8")
        return site.load(path)

    return load


def derived(text: str, unit: str) -> str:
    return HEAD + DERIVED.replace("EXPRESSION", text).replace("UNIT", unit)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("100 % * ups.output.power / ups.output.limit", "%"),
        ("ups.power / ups.limit", ""),
        ("dew_point(ups.air-1.temperature, ups.humidity)", "°C"),
        ("dew_point(cold.1.temperature, 100 * ups.humidity / 100)", "K"),
        ("'cold.1.temperature' - cold.2.temperature", "mK"),
        ("ups.air-1.temperature − 2 K", "°F"),
        ("rate(ups.power, 10 min)", "kW/h"),
        ("moving_median(ups.power, 5)", "W"),
        ("clamp(ups.temperature, 0 °C, 30 °C)", "°C"),
        ("mean(ups.temperature, cold.1.temperature)", "°C"),
        ("sqrt(ups.power * ups.power) × 1 h", "kWh"),
        ("2 * absolute(ups.temperature)", "K"),
    ],
)
def test_what_is_computed_fits_its_unit(load, text, unit):
    (made,) = [i for i in load(derived(text, unit)).instruments if i.name == "load"]
    assert made.stanza.computation.channels["share"][0].steps and made.computed


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("ups.power", "V", "the expression gives 'W', but 'V' is declared: these units do not convert"),
        ("ups.power + 2", "W", "'W' + a number without a unit: these units do not convert"),
        ("ups.power + 2 mbar", "W", "'W' + 'mbar': these units do not convert"),
        ("ups.power * 2 blips", "W", "'blips' is no unit that is known here"),
        ("2 * ups.temperature", "°C", "a zero of its own; expected a difference of two, or absolute(…)"),
        ("ups.temperature + cold.1.temperature", "°C", "a sum of two temperatures"),
        ("ups.temperature - cold.1.temperature", "°C", "a difference of temperatures, which has no place on the scale"),
        ("dew_point(ups.humidity, ups.temperature)", "°C", "found '%' in dew_point, expected a temperature"),
        ("rate(ups.power, 10 s)", "W/s", "rate is taken over 10 s, expected 2 to 1000 intervals, of 30 s here"),
        ("rate(ups.power, ups.power)", "W/s", "found an expression as second of rate, expected a number"),
        ("moving_median(ups.power, 2.5)", "W", "found 2.5 as second of moving_median"),
        ("ups.output.powr", "W", "there is no channel 'ups.output.powr'; did you mean 'ups.output.power'?"),
        ("ups.output", "W", "'ups.output' may be several; expected ups.output.power or ups.output.limit"),
        ("cold.temperature", "K", "may be several; expected cold.1.temperature or cold.2.temperature"),
        ("ups.output.source", "", "is no number: nothing is computed with a code"),
        ("ups.power-ups.limit", "W", "there is no channel 'ups.power-ups.limit'"),
        ("far.1.temperature", "K", "is read by node 'cellar', and this is computed by node 'rack'; expected node: cellar"),
        ("load.share.load", "W", "goes round in a circle: load.share needs load.share"),
        ("5 W", "W", "names no channel"),
        ("ups.power ** 2", "W", "found '*' at character 12, expected a channel, a number, a function or a bracket"),
        ("__import__('os').system('x')", "W", "found \".system('x')\" at character 17, which is none of an expression's"),
        ("ups.power.__class__", "W", "there is no channel 'ups.power.__class__'"),
        ("foo(ups.power)", "W", "expected a function; known: abs, sqrt"),
        ("min(ups.power)", "W", "found min of 1, expected min(x, y, …)"),
        ("ups.power;", "W", "found ';' at character 10, which is none of an expression's"),
        ("(" * 21 + "ups.power" + ")" * 21, "W", "no more than 20 brackets within each other"),
        ("ups.power" + " + ups.power" * 41, "W", "has 501 characters, expected 500 at most"),
        ("", "W", "found the end at character 1"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_expression_is_told_with_its_line(load, text, unit, says):
    with pytest.raises(BadInput) as caught:
        load(derived(text, unit))
    line = HEAD.count("\n") + 6
    assert f":{line}: instruments[3].channels.share.read.load.expression: " in str(caught.value)
    assert says in str(caught.value) and len(caught.value.errors) == 1


ONE_ANOTHER = """\
  - name: one
    driver: derived
    channels:
      a: {read: {x: {expression: "ONE", unit: W}}}
      c: {read: {z: {expression: "ups.power", unit: W}}}
  - name: two
    driver: derived
    channels:
      b: {read: {y: {expression: "TWO", unit: W}}}
      d: {read: {v: {expression: "one.a.x", unit: W}}}
"""


@pytest.mark.parametrize(
    ("one", "two", "says"),
    [
        ("two.b.y", "one.a.x", "goes round in a circle: (one.a needs two.b needs one.a|two.b needs one.a needs two.b)$"),
        ("two.b.y", "one.c.z", "circle: (one needs two needs one|two needs one needs two); write their channels as those of one"),
        ("a.b", "one.c.z", "there is no channel 'a.b'"),
    ],
)  # fmt: skip
def test_what_is_computed_of_each_other_is_refused(load, one, two, says):
    with pytest.raises(BadInput, match=says) as caught:
        load(HEAD + ONE_ANOTHER.replace("ONE", one).replace("TWO", two))
    assert len(caught.value.errors) == 1 and caught.value.errors[0].line > HEAD.count("\n")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("type: int", "is not a key of a quantity"),
        ("scale: 2", "is not a key of a quantity"),
        ("choices: {1: on}", "is not a key of a quantity"),
    ],
)
def test_what_does_not_go_with_an_expression_is_refused(load, keys, says):
    with pytest.raises(BadInput, match=says):
        load(derived("ups.power", "W").replace('unit: "W"', f"unit: W, {keys}"))


def test_a_calibration_belongs_into_the_expression(load):
    text = derived("ups.power", "W").replace(
        "        read:\n          load", "        calibration: {form: linear, b: 2}\n        read:\n          load"
    )
    with pytest.raises(BadInput, match="calibration: leave this out: write it into the expression"):
        load(text)


def test_what_is_switched_off_is_not_computed_with(load):
    text = derived("ups.power", "W").replace("user: lab", "user: lab\n    enabled: false")
    with pytest.raises(BadInput, match="is not read"):
        load(text)
    assert load(text.replace("driver: derived", "driver: derived\n    enabled: false"))


def test_it_is_computed_as_often_as_the_slowest_of_its_channels(load):
    made = load(derived("ups.power", "W")).instruments[-1]
    assert made.stanza.interval == 30.0 and made.stale >= 30.0
    faster = derived("ups.power", "W").replace("driver: derived", "driver: derived\n    interval: 10s")
    with pytest.raises(BadInput, match=r"interval: is 10 s, but what it is computed of comes every 30 s"):
        load(faster)


def test_a_difference_of_temperatures_may_be_below_zero(load):
    text = derived("ups.temperature - cold.1.temperature", "K") + "        limits: {load: {warning: {below: -1 K}}}\n"
    (limit,) = load(text).instruments[-1].limits
    assert limit.below == -1.0 and limit.quantity.possible(-5.0)
    with pytest.raises(BadInput, match="can never be passed|is always on"):
        load(text.replace("ups.temperature - cold.1.temperature", "cold.1.temperature"))


def test_scripts_stand_behind_all_that_they_compute_with(load):
    text = (
        HEAD
        + """\
  - name: first
    driver: derived
    channels: {a: {read: {x: {expression: "second.b.y", unit: W}}}}
  - name: second
    driver: derived
    channels: {b: {read: {y: {expression: "ups.power", unit: W}}}}
"""
    )
    made = load(text)
    conf = telegraf_config.render(made, made.nodes[0])[telegraf_config.CONF]
    aliases = [line.split('"')[1] for line in conf.splitlines() if line.strip().startswith("alias")]
    assert [name for name in aliases if name in ("ups", "first", "second")] == ["ups", "ups", "second", "first"]
    assert "ups" in native_config.files(made.instruments[-1].stanza)["instruments/second.star"]


def test_a_broken_stanza_hides_no_mistake_and_invents_none(load):
    with pytest.raises(BadInput) as caught:
        load(derived("ups.power", "W").replace("user: lab\n", "usr: lab\n"))
    assert len(caught.value.errors) == 1 and "did you mean 'user'?" in str(caught.value)


UNITS = ("V", "mV", "kW", "W", "mbar", "Pa", "min", "%", "", "rpm", "Hz")
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


def run(steps, values):
    """Take the steps as the script does; the real one is held against Python in tests/native/test_derived.py."""
    stack = []
    for word, argument in steps:
        if word in ("number", "input"):
            stack.append(argument if word == "number" else values[argument])
        elif word == "linear":
            stack.append(argument[0] + argument[1] * stack.pop())
        else:
            second, first = stack.pop(), stack.pop()
            stack.append(
                {"+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x / y}[
                    word
                ](first, second)
            )
    return stack.pop()


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.sampled_from(UNITS)] * 3),
    st.tuples(numbers, numbers, numbers),
    st.sampled_from(["a.x * a.y / a.z", "a.x / a.y * a.z", "a.x + a.y * a.z / a.z", "a.x - a.y"]),
)
def test_units_come_out_as_pint_has_them(named, values, text):
    assume(abs(values[1]) > 1e-3 and abs(values[2]) > 1e-3)
    registry = units._registry()
    x, y, z = (registry.Quantity(value, units._parse(unit)) for value, unit in zip(values, named, strict=True))
    given_units = {
        name: (name, Quantity("q", unit, "")) for name, unit in zip(("a.x", "a.y", "a.z"), named, strict=True)
    }
    tree = expression.parse(text)
    python = text.replace("a.x", "x").replace("a.y", "y").replace("a.z", "z")
    for unit in UNITS:
        try:
            expected = float(eval(python, {"x": x, "y": y, "z": z}).to(units._parse(unit)).magnitude)  # noqa: S307
        except Exception:
            with pytest.raises(BadInput):
                derived_units.compute(tree, given_units, unit, 10.0)
            continue
        steps, difference = derived_units.compute(tree, given_units, unit, 10.0)
        found = run(steps, dict(zip(("a.x", "a.y", "a.z"), values, strict=True)))
        assert math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9 * max(map(abs, values))) and not difference
