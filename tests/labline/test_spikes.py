"""`labline spikes`: what a filter would take for spikes of what is stored; nothing is changed."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from labline import cli
from telegraf_inputs.spikes import Filter, Judge, gap_ns

from .conftest import passwords_of

HOUR = 3600 * 10**9
SITE = """\
site: spiky
nodes: [{{name: here}}]
influxdb: {{url: "{url}", database: spiky}}
instruments:
  - name: adc
    driver: arduino_adc
    connection: tcp://127.0.0.1:1
    interval: 10s
    channels:
      A0: {{filter: {{of: voltage, median: 5, mad: 6, floor: 0.1}}}}
      A1: {{}}
"""


@pytest.fixture
def lab(influxd, tmp_path):
    """Give a function that runs the verb, of a database with two hours of readings that are eight hours apart, and their values."""
    secrets = passwords_of(influxd, tmp_path)
    path = tmp_path / "spiky.yml"
    path.write_text(SITE.format(url=influxd.url))
    assert cli.main(["apply", str(path), "--secrets", str(secrets)]) == 0
    chance = random.Random(5)
    start = (time.time_ns() - 10 * HOUR) // 10**10 * 10**10
    values = {}
    for hour in (0, 8):
        values |= {start + hour * HOUR + n * 10**10: 2 + chance.gauss(0, 0.01) for n in range(360)}
    times = list(values)
    for n, value in ((100, 4.5), (200, 0.2), (500, 4.0)):
        values[times[n]] = value
    lines = []
    for n, (at, value) in enumerate(values.items()):
        marked = f'voltage_spike={value},quality="spike"' if n == 500 else f"voltage={value}"
        lines += [f'arduino_adc,instrument=adc,channel=A0,site=spiky {marked},status="ok" {at}']
        lines += [f'arduino_adc,instrument=adc,channel=A1,site=spiky voltage={value},status="ok" {at}']
    influxd.server.write("\n".join(lines), "spiky", "raw")

    def run(*more: str) -> int:
        return cli.main(["spikes", "11h", str(path), "--secrets", str(secrets), *more])

    run.values, run.path = values, path
    run.stored = lambda: influxd.server.rows('SELECT * FROM "spiky"."raw"."arduino_adc"', "spiky")
    yield run
    influxd.server.query('DROP DATABASE "spiky"')
    for user in ("writer", "reader"):
        influxd.server.query(f'DROP USER "{user}"')


def judged(values: dict[int, float], by: Filter) -> list[float]:
    judge = Judge(by)
    return [value for at, value in values.items() if judge.spike(value, at, gap_ns(10))]


def test_what_is_stored_is_judged_as_what_comes(lab, capsys):
    before = lab.stored()
    assert lab() == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "adc A0 voltage: 720 readings; 3 (0.42 %) would be marked by median 5, mad 6, floor 0.1; 1 were marked when they came"
    )
    assert [line.split("UTC  ")[1] for line in said[1:]] == ["4.5 V", "0.2 V", "4 V"]
    assert lab.stored() == before, "nothing is changed"


def test_a_channel_without_a_filter_is_tried(lab, capsys):
    by = Filter("voltage", None, 15, 2.5, 0.0)
    expected = judged(lab.values, by)
    assert len(expected) > 6
    tried = ["--channel", "A1", "--median", "15", "--mad", "2.5", "--floor", "0"]
    assert lab(*tried) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert f"{len(expected)} (" in first and rest[-1] == f"  and {len(expected) - 5} more (--all lists them)"
    assert lab(*tried, "--all") == 0
    rest = capsys.readouterr().out.splitlines()[1:]
    assert [line.split("UTC  ")[1] for line in rest] == [f"{value:.6g} V" for value in expected]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--channel", "A9"], "there is no channel 'A9' with a number to look at"),
        (["--instrument", "adx"], "did you mean 'adc'?"),
        (["--median", "2"], "found --median 2, expected 3 to 101"),
        (["--mad", "nan"], "found --mad nan, expected 1 or more"),
        (["--floor", "-1"], "found --floor -1, expected 0 or more"),
        (
            ["--channel", "A1", "--of", "volts"],
            "found 'volts', expected the quantity that is looked at; did you mean 'voltage'?",
        ),
    ],
)
def test_what_can_not_be_tried_is_told(tmp_path: Path, capsys, more, said):
    path = tmp_path / "spiky.yml"
    path.write_text(SITE.format(url="http://127.0.0.1:1"))
    assert cli.main(["spikes", "1d", str(path), *more]) == 2
    assert said in capsys.readouterr().err


def test_without_a_filter_it_says_how_one_is_tried(tmp_path: Path, capsys):
    path = tmp_path / "spiky.yml"
    path.write_text(
        SITE.format(url="http://127.0.0.1:1").replace(
            "A0: {filter: {of: voltage, median: 5, mad: 6, floor: 0.1}}", "A0:"
        )
    )
    assert cli.main(["spikes", "1d", str(path)]) == 2
    assert "no channel has a filter; name one with --channel" in capsys.readouterr().err
    assert cli.main(["spikes", "soon", str(path)]) == 2
    assert "found soon, expected such as 30d" in capsys.readouterr().err
