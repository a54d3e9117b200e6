"""Whatever goes into a Point comes out of the real InfluxDB equal, by way of the real Telegraf too, or is refused."""

from __future__ import annotations

import enum
import math
import time
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from telegraf_inputs.point import BadPoint, Point

# What line protocol, InfluxDB or Telegraf give a meaning to, and what people's names are made of.
TRICKY = "\\\",= #'/_$%{}[]()-.:;aZ09\t\n\v\f\r\0\x01\x1b\x7f\x85é°Ωµ\u2028\ufeff😀\ud800"
letters = st.one_of(st.sampled_from(TRICKY), st.characters())
names = st.text(letters, min_size=1, max_size=8)
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 296.12345, 1e22, -0.0]),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([-(2**63), 2**63 - 1, 0, 2**53 + 1]),
    st.booleans(),
    st.text(letters, max_size=12),
)
specs = st.tuples(
    names, st.dictionaries(names, names, max_size=3), st.dictionaries(names, values, min_size=1, max_size=3)
)
TYPES = {float: "float", int: "integer", bool: "boolean", str: "string"}

TELEGRAF = """\
[agent]
  interval = "1s"
  flush_interval = "100ms"
  metric_batch_size = 10000
  omit_hostname = true
  skip_processors_after_aggregators = true
[[inputs.execd]]
  command = ["/bin/sh", "-c", "cat '{lines}'; cat > /dev/null"]
  data_format = "influx"
[[outputs.influxdb]]
  urls = ["{database.url}"]
  database = "{database.name}"
  skip_database_creation = true
  username = "{database.writer}"
  password = "{database.writer_password}"
"""


def batch(size: int) -> tuple[dict[int, Point], int]:
    """Make points of what hypothesis thinks of: by their time, each in a measurement of its own; and how many it refused."""
    points: dict[int, Point] = {}
    measurements: set[str] = set()
    refused = 0

    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs)
    def take(spec: Any) -> None:
        nonlocal refused
        measurement, tags, fields = spec
        if measurement in measurements:
            return
        try:
            points[len(points) + 1] = Point(measurement, tags, fields, len(points) + 1)
            measurements.add(measurement)
        except BadPoint:
            refused += 1

    take()
    return points, refused


def stored(database: Any, measurements: list[str]) -> dict[int, tuple[Any, ...]]:
    """Read back: time -> measurement, tags, fields with their types."""
    found: dict[int, tuple[Any, ...]] = {}
    for start in range(0, len(measurements), 50):
        quoted = ['"' + m.replace("\\", "\\\\").replace('"', '\\"') + '"' for m in measurements[start : start + 50]]
        keys = ask(database, [f"SHOW FIELD KEYS FROM {name}" for name in quoted])
        rows = ask(database, [f"SELECT *::field FROM {name} GROUP BY *" for name in quoted])
        for key, row in zip(keys, rows, strict=True):
            types = {k: t for series in key.get("series", []) for k, t in series["values"]}
            for series in row.get("series", []):
                for entry in series["values"]:
                    fields = dict(zip(series["columns"], entry, strict=True))
                    when = fields.pop("time")
                    # JSON says 1e16 as whole digits, which Python then takes for an int.
                    typed = {
                        name: (types[name], float(value) if types[name] == "float" else value)
                        for name, value in fields.items()
                        if value is not None
                    }
                    found[when] = (series["name"], series.get("tags", {}), typed)
    return found


def ask(database: Any, statements: list[str]) -> list[dict[str, Any]]:
    answer = requests.post(
        f"{database.url}/query",
        params={"db": database.name, "epoch": "ns"},
        data={"q": "; ".join(statements)},
        auth=(database.reader, database.reader_password),
        timeout=60,
    )
    results: list[dict[str, Any]] = answer.json()["results"]
    assert not [r for r in results if "error" in r]
    return results


def expected(point: Point) -> tuple[Any, ...]:
    return point.measurement, point.tags, {name: (TYPES[type(v)], v) for name, v in point.values.items()}


def differences(points: dict[int, Point], database: Any) -> list[tuple[Any, ...]]:
    found = stored(database, sorted({p.measurement for p in points.values()}))
    return [(p.line(), found.get(when)) for when, p in points.items() if found.get(when) != expected(p)]


def test_what_goes_in_comes_out_of_influxdb(database):
    points, refused = batch(600)
    assert len(points) > 100 and refused > 20
    database.write("".join(point.line() for point in points.values()))
    assert differences(points, database) == []


def test_what_goes_in_comes_out_by_way_of_telegraf(database, telegraf_path, tmp_path):
    from labline.stack import telegraf

    points, _ = batch(600)
    points[len(points) + 1] = Point("the_last", {}, {"it": "is here"}, len(points) + 1)
    lines = tmp_path / "lines"
    lines.write_bytes("".join(point.line() for point in points.values()).encode())
    config = tmp_path / "telegraf.conf"
    config.write_text(TELEGRAF.format(lines=lines, database=database))
    with telegraf.Telegraf(telegraf_path, config, tmp_path / "log"):
        end = time.monotonic() + 20
        while not database.rows("SELECT it FROM the_last") and time.monotonic() < end:
            time.sleep(0.05)
    log = (tmp_path / "log").read_text()
    assert "parse error" not in log and "Failed to write" not in log
    assert differences(points, database) == []


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "half \ud800"])
def test_a_text_that_would_tear_the_line_is_refused(text):
    with pytest.raises(BadPoint, match="tears the line"):
        Point("m", {}, {"f": text})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a\tb",
        "a\nb",
        "a\vb",
        "a\fb",
        "a\rb",
        "a\0b",
        "\ud800",
        "end\\",
        "a\\,b",
        "a\\ b",
        "a\\=b",
        'a\\"b',
        "_own",
        "x" * 1001,
    ],
)
def test_a_name_that_would_arrive_changed_is_refused(name):
    with pytest.raises(BadPoint):
        Point(name, {}, {"f": 1.0})
    with pytest.raises(BadPoint):
        Point("m", {name: "v"}, {"f": 1.0})
    with pytest.raises(BadPoint):
        Point("m", {}, {name: 1.0})
    if name not in ("", "_own"):
        with pytest.raises(BadPoint):
            Point("m", {"t": name}, {"f": 1.0})


@pytest.mark.parametrize(
    ("tags", "fields", "message"),
    [
        ({}, {"f": 2**63}, "64 bits"),
        ({}, {"f": -(2**63) - 1}, "64 bits"),
        ({}, {"f": b"bytes"}, "is a bytes, expected"),
        ({}, {"f": 1j}, "is a complex, expected"),
        ({}, {"time": 1.0}, "can't be named 'time'"),
        ({"time": "noon"}, {"f": 1.0}, "can't be named 'time'"),
        ({"f": "x"}, {"f": 1.0}, "can't be named 'f'"),
        ({}, {5: 1.0}, "it must be a text"),
    ],
)
def test_what_no_field_can_hold_is_refused(tags, fields, message):
    with pytest.raises(BadPoint, match=message):
        Point("m", tags, fields)


def test_a_measurement_that_influxdb_takes_for_a_comment_is_refused():
    with pytest.raises(BadPoint, match="comment"):
        Point("#m", {}, {"f": 1.0})


@pytest.mark.parametrize("when", [1.5e18, True, 2**63 - 1, -(2**63)])
def test_a_time_that_would_lose_digits_or_is_out_of_reach_is_refused(when):
    with pytest.raises(BadPoint, match="time is"):
        Point("m", {}, {"f": 1.0}, when)


def test_no_value_is_no_field():
    point = Point(
        "m", {"empty": "", "none": None, "t": 5}, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": None}, 7
    )
    assert not point and point.line() == ""
    point.add_value("e", 0.0)
    assert point and point.line() == "m,t=5 e=0.0 7\n"


def test_values_of_derived_types_become_plain():
    class State(enum.IntEnum):
        ON = 1

    class Text(str):
        pass

    class Number(float):
        pass

    fields = {"a": State.ON, "b": Text("x"), "c": Number(0.1), "d": True}
    assert Point("m", {}, fields).line() == 'm a=1i,b="x",c=0.1,d=true\n'
