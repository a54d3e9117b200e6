"""Derived channels, computed by the real Telegraf: arithmetic, dew points, what is missing, late or too old."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from provisioning import native_config, site, toml

SECOND = 1_000_000_000
BEGAN = 1_700_000_000 * SECOND
HEAD = """\
site: lab
nodes: [{name: daq}]
instruments:
  - name: in
    driver: telegraf
    interval: 10s
    input: {file: {files: [none]}}
    channels:
"""


class Computed:
    """Runs what is derived of the channels of one instrument, ``in``; its channels have one number each, ``v``."""

    def __init__(self, telegraf: Path, folder: Path):
        self._telegraf, self._folder = telegraf, folder
        self.log, self.passed = "", 0  # what Telegraf logs, and how many other points pass

    def __call__(
        self, units: dict[str, str], derived: str, readings: list[tuple[float, dict]], spoilt: str = ""
    ) -> list[dict]:
        """Give the points that come of ``readings``: (seconds, {channel: value, or None for none}), in this order; ``spoilt``: a part of the script that breaks."""
        channels = "".join(
            f'      {name}: {{measurement: in_{name}, read: {{v: {{unit: "{unit}"}}}}}}\n'
            for name, unit in units.items()
        )
        made = site.parse(f"{HEAD}{channels}{derived}", "site.yml")
        stanzas = [i.stanza for i in made.instruments if i.computed]
        (self._folder / "instruments").mkdir(exist_ok=True)
        for stanza in stanzas:
            for name, text in native_config.files(stanza).items():
                assert not spoilt or text.count(spoilt) == 1
                (self._folder / name).write_text(text.replace(spoilt, "1 // 0") if spoilt else text, encoding="utf-8")
        lines = [
            f"in_{channel},instrument={instrument or 'in'},channel={channel},site=lab,host=daq {self._fields(value)} "
            f"{BEGAN + round(at * SECOND)}"
            for at, values in readings
            for name, value in values.items()
            for instrument, _, channel in (name.rpartition("."),)
        ]
        (self._folder / "lines").write_text("\n".join(lines) + "\n", encoding="utf-8")
        files = {"files": [str(self._folder / "lines")], "data_format": "influx", "precision": "1ns"}
        out = {"files": ["stdout"], "data_format": "json", "json_timestamp_units": "1ns"}
        conf = [
            *toml.nested("agent", {"omit_hostname": True, "skip_processors_after_aggregators": True}, many=False),
            *toml.nested("inputs.file", files),
            *(line for stanza in stanzas for line in native_config.tables(stanza, "lab", str(self._folder))),
            *toml.nested("outputs.file", out),
        ]
        (self._folder / "telegraf.conf").write_text("\n".join(conf), encoding="utf-8")
        command = [self._telegraf, "--config", self._folder / "telegraf.conf", "--once"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.log = done.stderr
        assert done.returncode == 0, done.stderr
        points = [json.loads(line) for line in done.stdout.splitlines()]
        made = [point for point in points if point["name"] == "derived"]
        self.passed = len(points) - len(made)
        return made

    @staticmethod
    def _fields(value: object) -> str:
        """Write a value; None is a reading that says it has none, a mapping all fields."""
        if isinstance(value, dict):
            return ",".join(f"{name}={json.dumps(each)}" for name, each in value.items())
        return 'status="no_reading"' if value is None else f'v={value!r},status="ok"'


@pytest.fixture(scope="module")
def computed(telegraf_path, tmp_path_factory):
    return Computed(telegraf_path, tmp_path_factory.mktemp("derived"))


def one(expression: str, unit: str = "", keys: str = "") -> str:
    """Write a derived channel."""
    return (
        "  - name: out\n    driver: derived\n    channels:\n"
        f'      c: {{{keys}read: {{v: {{expression: "{expression}", unit: "{unit}"}}}}}}\n'
    )


def brief(points: list[dict]) -> list[tuple[float, object]]:
    """Give (seconds, value, or the status where there is none)."""
    return [((p["timestamp"] - BEGAN) / SECOND, p["fields"].get("v", p["fields"]["status"])) for p in points]


# ---- against Python's own arithmetic

NAMES = ("a", "b", "c")
numbers = st.floats(-1e150, 1e150) | st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.1, 1e-300])
literals = st.floats(0, 1e6, allow_subnormal=False).map(lambda x: f"{x:.6g}")
expressions = st.recursive(
    st.sampled_from([f"in.{name}" for name in NAMES]) | literals,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        inner.map(lambda t: f"-({t})"),
        st.tuples(st.sampled_from(["abs", "sqrt"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["min", "max", "mean", "hypot"]), st.lists(inner, min_size=2, max_size=4)).map(
            lambda t: f"{t[0]}({', '.join(t[1])})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"clamp({', '.join(t)})"),
    ),
    max_leaves=12,
).filter(lambda text: "in." in text and len(text) <= 500)


class Undefined(Exception):
    """There is no result."""


class Exact(float):
    """A float that is never NaN or infinite, on its way either."""

    @staticmethod
    def of(value: float) -> Exact:
        if not math.isfinite(value):
            raise Undefined
        return Exact(value)

    def __add__(self, other): return Exact.of(float(self) + float(other))  # fmt: skip

    def __sub__(self, other): return Exact.of(float(self) - float(other))  # fmt: skip

    def __mul__(self, other): return Exact.of(float(self) * float(other))  # fmt: skip

    def __neg__(self): return Exact(-float(self))  # fmt: skip

    def __truediv__(self, other):
        if not other:
            raise Undefined
        return Exact.of(float(self) / float(other))

    __radd__ = lambda self, other: Exact(other) + self  # noqa: E731
    __rsub__ = lambda self, other: Exact(other) - self  # noqa: E731
    __rmul__ = lambda self, other: Exact(other) * self  # noqa: E731
    __rtruediv__ = lambda self, other: Exact(other) / self  # noqa: E731


def _sqrt(x):
    if x < 0:
        raise Undefined
    return Exact(math.sqrt(x))


def _mean(*values):
    total = Exact(0.0)
    for value in values:
        total = total + value
    return total / len(values)


def _clamp(x, low, high):
    if low > high:
        raise Undefined
    return Exact(min(max(x, low), high))


PYTHON = {
    "abs": lambda x: Exact(abs(x)),
    "sqrt": _sqrt,
    "mean": _mean,
    "hypot": lambda *values: Exact.of(math.hypot(*values)),
    "min": lambda *values: Exact(min(values)),
    "max": lambda *values: Exact(max(values)),
    "clamp": _clamp,
}


def python(text: str, values: dict[str, float]) -> float | None:
    """Compute an expression as Python does; None where it has no result."""
    for name in NAMES:
        text = text.replace(f"in.{name}", f"v_{name}")
    try:
        return float(eval(text, PYTHON, {f"v_{name}": Exact(value) for name, value in values.items()}))  # noqa: S307
    except (Undefined, ZeroDivisionError, OverflowError):  # Python folds constants, too
        return None


@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # to shrink costs a Telegraf each time
@given(
    texts=st.lists(expressions, min_size=30, max_size=40),
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, numbers)), min_size=8, max_size=12),
)
def test_it_computes_what_python_computes(computed, texts, rows):
    channels = "".join(
        f'      c{n}: {{read: {{v: {{expression: "{text}", unit: ""}}}}}}\n' for n, text in enumerate(texts)
    )
    derived = f"  - name: out\n    driver: derived\n    channels:\n{channels}"
    points = computed(dict.fromkeys(NAMES, ""), derived, [(10.0 * n, row) for n, row in enumerate(rows)])
    assert "fault in labline" not in computed.log
    found = {(p["tags"]["channel"], p["timestamp"]): p["fields"] for p in points}
    assert len(found) == len(texts) * len(rows) == len(points)
    for n, text in enumerate(texts):
        for at, row in enumerate(rows):
            fields, expected = found[f"c{n}", BEGAN + 10 * at * SECOND], python(text, row)
            if expected is None:
                assert fields == {"status": "undefined"}, (text, row)
            elif "hypot" in text:
                assert math.isclose(fields["v"], expected, rel_tol=1e-9, abs_tol=1e-9), (text, row)
            else:
                assert (float(fields["v"]), fields["status"]) == (expected, "ok"), (text, row)


# ---- formulas and their ranges


@pytest.mark.parametrize(
    ("celsius", "percent", "expected"),
    [
        # At saturation the dew point is the temperature.
        (20.0, 100.0, 20.0),
        (-45.0, 100.0, -45.0),
        (60.0, 100.0, 60.0),
        (20.0, 50.0, 9.26),
        (25.0, 60.0, 16.69),
        (30.0, 30.0, 10.53),
        (60.1, 50.0, "undefined"),
        (-45.1, 50.0, "undefined"),
        (20.0, 0.0, "undefined"),
        (20.0, 100.1, "undefined"),
    ],
)
def test_a_dew_point(computed, celsius, percent, expected):
    channel = one("dew_point(in.a, in.b)", "°C")
    ((_, found),) = brief(computed({"a": "°C", "b": "%"}, channel, [(0, {"a": celsius, "b": percent})]))
    assert found == (expected if isinstance(expected, str) else pytest.approx(expected, abs=0.02))
    if isinstance(found, float | int):  # the vapour of the dew point is that of the air
        saturated = [6.112 * math.exp(17.62 * t / (243.12 + t)) for t in (found, celsius)]
        assert saturated[0] == pytest.approx(saturated[1] * percent / 100, rel=1e-9)


def test_a_value_is_converted_on_its_way(computed):
    readings = [(0, {"a": 300.0, "b": 20.0}), (10, {"a": 2.0, "b": 1.0})]
    assert brief(computed({"a": "K", "b": "°C"}, one("in.a - in.b", "mK"), readings)) == [
        (0, pytest.approx(6850.0)),
        (10, pytest.approx(-272150.0)),
    ]


def test_what_lies_beyond_its_range_is_no_value(computed):
    channel = one("100 % * in.a / in.b", "%").replace('unit: "%"', 'unit: "%", low: 0, high: 100')
    readings = [(0, {"a": 50.0, "b": 0.1}), (10, {"a": 101.0, "b": 0.1}), (20, {"a": 1.0, "b": 0.0})]
    assert brief(computed({"a": "W", "b": "kW"}, channel, readings)) == [
        (0, 50), (10, "out_of_range"), (20, "undefined")
    ]  # fmt: skip


def test_a_rate_is_that_since_the_value_before_or_of_a_line(computed):
    slope = [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]
    readings = [(10 * n, {"a": value}) for n, value in enumerate(slope)]
    points = brief(computed({"a": "V"}, one("rate(in.a)", "V/min"), readings))
    assert points == [(0, "ok"), *((10 * n, pytest.approx(6 * (2 * n - 1))) for n in range(1, 6))]
    points = brief(computed({"a": "V"}, one("rate(in.a, 40 s)", "V/min"), readings))
    line = [
        sum(t * (v - 0) for t, v in zip((-20, -10, 0, 10, 20), slope[n - 4 : n + 1], strict=True)) / 1000
        for n in (4, 5)
    ]
    assert points[:2] == [(0, "ok"), (10, "ok")] and points[-2:] == [
        (40, pytest.approx(60 * line[0])), (50, pytest.approx(60 * line[1]))
    ]  # fmt: skip


def test_a_moving_median_and_a_rate_begin_anew_after_a_gap(computed):
    values = [1.0, 9.0, 2.0, 3.0]
    readings = [(10 * n, {"a": v}) for n, v in enumerate(values)]
    later = [(1000 + at, values) for at, values in readings]
    assert brief(computed({"a": "V"}, one("moving_median(in.a, 3)", "V"), readings + later)) == [
        (0, "ok"), (10, "ok"), (20, 2), (30, 3), (1000, "ok"), (1010, "ok"), (1020, 2), (1030, 3)
    ]  # fmt: skip
    assert brief(computed({"a": "V"}, one("rate(in.a)", "V/s"), readings + later))[4] == (1000, "ok")


# ---- readings that are missing, late, too old


def test_a_value_waits_for_all_and_has_the_time_of_the_newest(computed):
    readings = [(0, {"a": 1.0}), (0.5, {"b": 2.0}), (10, {"b": 20.0}), (10.25, {"a": 10.0})]
    assert brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V"), readings)) == [(0.5, 3), (10.25, 30)]


def test_what_a_reading_lacks_is_told_by_its_name(computed):
    readings = [
        (0, {"a": 1.0, "b": 2.0}),
        (10, {"a": 1.0, "b": None}),
        (20, {"a": None, "b": None}),
        (30, {"a": 1.0, "b": 4.0}),
    ]
    assert brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V"), readings)) == [
        (0, 3), (10, "no in.b.v"), (20, "no in.a.v"), (30, 5)
    ]  # fmt: skip


def test_what_is_silent_holds_for_three_intervals_and_is_told_then(computed):
    readings = [
        (0, {"a": 1.0, "b": 2.0}),
        *((10 * n, {"a": float(n)}) for n in range(1, 7)),
        (69, {"b": 8.0}),
        (70, {"a": 7.0}),
    ]
    points = brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V"), readings))
    assert points[0] == (0, 3) and points[-1] == (70, 15)
    told = {at: value for at, value in points if isinstance(value, str)}
    assert told == {40: "stale in.b.v", 50: "stale in.b.v", 60: "stale in.b.v"}
    assert points[1:2] == [(20, 4)]  # it was waited for by half an interval


def test_what_never_came_is_told(computed):
    points = brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V"), [(10 * n, {"a": 1.0}) for n in range(4)]))
    assert points and {value for _, value in points} == {"no in.b.v"}


def test_max_age_says_how_old_a_reading_may_be(computed):
    readings = [(0, {"a": 1.0, "b": 2.0}), (20, {"a": 2.0}), (40, {"a": 3.0})]
    points = brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V", "max_age: 15s, "), readings))
    assert points == [(0, 3), (20, "stale in.b.v"), (40, "stale in.b.v")]


def test_what_comes_late_or_twice_changes_nothing(computed):
    readings = [(10, {"a": 1.0}), (5, {"a": 7.0}), (10, {"a": 9.0}), (20, {"a": 2.0}), (15, {"a": 8.0})]
    assert brief(computed({"a": "V"}, one("in.a + in.a", "V"), readings)) == [(10, 2), (20, 4)]


def test_a_late_reading_does_not_replace_a_newer_one(computed):
    readings = [(0, {"a": 1.0, "b": 1.0}), (10, {"b": 20.0}), (5, {"b": 7.0}), (10, {"a": 2.0})]
    assert brief(computed({"a": "V", "b": "V"}, one("in.a + in.b", "V"), readings)) == [(0, 2), (10, 22)]


def test_a_fault_of_the_script_keeps_no_reading_back_and_is_told(computed):
    points = computed(
        {"a": "V"},
        one("in.a", "V"),
        [(0, {"a": 1.0}), (10, {"a": 2.0})],
        spoilt='metric.fields.get("clock") in UNUSABLE',
    )
    assert brief(points) == [(0, "fault"), (10, "fault")] and computed.passed == 2
    assert "[out] fault in labline: " in computed.log


def test_a_time_that_cannot_be_believed_is_not_computed_with_and_an_unsure_one_is_marked(computed):
    odd = {"v": 1.0, "status": "ok", "clock": "future"}
    unsure = {"v": 2.0, "status": "ok", "clock": "unsynchronised"}
    (point,) = computed({"a": "V"}, one("in.a + in.a", "V"), [(20, {"a": odd}), (10, {"a": unsure})])
    assert point["fields"] == {"v": 4, "status": "ok", "clock": "unsynchronised"}


def test_what_is_read_seldom_is_not_waited_for(computed):
    text = """\
  - name: out
    driver: derived
    interval: 10s
    channels: {c: {max_age: 10min, read: {v: {expression: "in.a + slow.b", unit: "V"}}}}
  - name: slow
    driver: telegraf
    interval: 5min
    input: {file: {files: [none]}}
    channels: {b: {measurement: in_b, read: {v: {unit: V}}}}
"""
    readings = [(0, {"slow.b": 100.0}), (1, {"a": 1.0}), (11, {"a": 2.0}), (21, {"a": 3.0})]
    assert brief(computed({"a": "V"}, text, readings)) == [(1, 101), (11, 102), (21, 103)]


def test_with_a_longer_interval_there_is_one_value_in_each(computed):
    channel = one("in.a", "V").replace("driver: derived", "driver: derived\n    interval: 30s")
    readings = [(10 * n + n % 2 / 100, {"a": float(n)}) for n in range(10)]
    assert brief(computed({"a": "V"}, channel, readings)) == [(0, 0), (30.01, 3), (60, 6), (90.01, 9)]


def test_what_is_computed_is_computed_with(computed):
    text = one("in.a + 1 V", "V").replace("name: out", "name: first") + one("2 * first.c", "V").replace("c: {", "d: {")
    points = computed({"a": "V"}, text, [(0, {"a": 1.0}), (10, {"a": None})])
    assert {(p["tags"]["channel"], p["timestamp"] - BEGAN): p["fields"] for p in points} == {
        ("c", 0): {"v": 2, "status": "ok"},
        ("d", 0): {"v": 4, "status": "ok"},
        ("c", 10 * SECOND): {"status": "no in.a.v"},
        ("d", 10 * SECOND): {"status": "no first.c.v"},
    }


def test_a_point_has_the_tags_of_every_other(computed):
    text = one("in.a", "V").replace("driver: derived", "driver: derived\n    tags: {room: hall}")
    (point,) = computed({"a": "V"}, text, [(0, {"a": 1.0})])
    assert point["tags"] == {"instrument": "out", "channel": "c", "site": "lab", "host": "daq", "room": "hall"}
