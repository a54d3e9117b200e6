"""Calibrations: fitted to points as a stanza to paste, refused where the table is bad, and applied to what is stored."""

from __future__ import annotations

import math
import re
import sys
import time
from pathlib import Path

import pytest
import yaml

from labline import cli
from labline.stack import influxdb
from provisioning import influxdb_calibrate
from provisioning.influxdb_server import DatabaseError
from telegraf_inputs import calibration
from telegraf_inputs.declare import Quantity

from .conftest import passwords_of

VOLTAGE = {"voltage": Quantity("voltage", "V", "Voltage", 0.0, 5.0)}
LAW = {"a": 1, "b": 0.83, "c": 11.0, "d": 2e-11}
# Read off over a month, so not sorted; one line was written down twice.
SCATTER = [(3.17, 1.02), (1.1, 0.98), (2.61, 1.01), (2.31, 0.99), (1.93, 1.0), (1.58, 1.015), (2.85, 0.985), (1.3, 1.0)]
HOUR = 3600 * 10**9


def law(x: float, d: float = LAW["d"]) -> float:
    return 10 ** (LAW["b"] * x - LAW["c"]) + d


@pytest.fixture
def table(tmp_path: Path):
    """Give a function that writes a table of points."""

    def write(rows, heading: str = "voltage_V,pressure_mbar") -> Path:
        path = tmp_path / "gauge 2021.csv"
        path.write_text("\n".join([heading, *(",".join(map(str, row)) for row in rows)]) + "\n")
        return path

    return write


def pasted(text: str, quantities=VOLTAGE) -> calibration.Calibration:
    """Build what stands in the output as the site file would."""
    stanza = yaml.safe_load(text[text.index("calibration:") :].split("\n\n")[0])["calibration"]
    return calibration.build(stanza, quantities)


@pytest.mark.parametrize("exact", [True, False])
def test_an_exponential_is_fitted_and_can_be_pasted(table, capsys, tmp_path, exact):
    rows = [("2021-04-27", f"{law(x) if exact else law(x, 0) * factor:.12g}", x) for x, factor in SCATTER]
    path = table([*rows, rows[3]], "read_at,pressure_mbar,voltage_V")
    plot = tmp_path / "fit.png"
    columns = ["--x", "voltage_V", "--y", "pressure_mbar"] if exact else []  # else by their units
    asked = [str(path), "--form", "exponential", *columns, "--plot", str(plot)]
    assert cli.main(["calibrate", *asked]) == 0
    said = capsys.readouterr().out
    made = pasted(said)
    for x, _ in SCATTER:
        assert made(x) == pytest.approx(law(x) if exact else law(x, 0), rel=1e-5 if exact else 0.03)
    assert made(1.05) is None and made(3.2) is None, "beyond the points nobody knows"
    assert (made.to, made.unit, made.name) == ("pressure", "mbar", "gauge-2021")
    assert f"version {made.version}\n" in said and re.fullmatch(r"gauge-2021:[0-9a-f]{8}", made.version)
    assert "8 points, pressure_mbar at voltage_V from 1.1 to 3.17" in said and "line 10 repeats another one" in said
    assert re.search(r"residuals: \S+ % root mean square", said)
    assert ("d is not told from 0" in said) != exact
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("form", "more", "meant"),
    [
        ("linear", [], lambda x: 3.5 - 2.25 * x),
        ("polynomial", ["--degree", "3"], lambda x: 1 - x + 0.5 * x**2 - 0.01 * x**3),
        ("table", [], lambda x: x**2),
        (
            "steinhart_hart",
            [],
            lambda r: 1 / (1.1252e-3 + 2.3473e-4 * math.log(r) + 8.5663e-8 * math.log(r) ** 3),
        ),
    ],
)
def test_every_form_gives_back_what_the_points_are(table, capsys, form, more, meant):
    xs = [1000.0 * 1.7**n for n in range(8)] if form == "steinhart_hart" else [0.5 * n for n in range(8)]
    path = table([(x, repr(meant(x))) for x in xs], "raw,meant")
    assert cli.main(["calibrate", str(path), "--form", form, *more, "--name", "m"]) == 0
    text = capsys.readouterr().out.replace("  to: meant", "  to: meant\n  unit: K")
    made = pasted(text, {"raw": Quantity("raw", "V", "Raw")})
    for x in xs:
        assert made(x) == pytest.approx(meant(x), rel=1e-5, abs=1e-5)


GOOD = [(1, 10), (2, 20), (3, 30), (4, 45)]


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([(1, 10), (3, 30), (2, 20)], ["--form", "table"], ":4: voltage_V 2 comes after 3; a table rises"),
        ([(1, 10), (2, 30), (2, 20)], ["--form", "table"], ":4: voltage_V 2 comes twice"),
        ([*GOOD, (5, "nan")], ["--form", "linear"], ":6: pressure_mbar: found 'nan', expected a number"),
        ([*GOOD, ("", 1)], ["--form", "linear"], ":6: voltage_V: found '', expected a number"),
        ([*GOOD, (5,)], ["--form", "linear"], ":6: found 1 columns, expected 2"),
        ([*GOOD, (5, 0)], ["--form", "exponential"], ":6: pressure_mbar is 0; what grows exponentially is above 0"),
        ([(-1, 300), *GOOD], ["--form", "steinhart_hart"], ":2: found -1 and 300"),
        (GOOD[:2], ["--form", "linear"], "points at 2 values of voltage_V, expected 3 or more"),
        ([(1, 1), (1, 2), (1, 3)], ["--form", "linear"], "points at 1 values"),
        (GOOD, ["--form", "polynomial", "--degree", "3"], "expected 5 or more"),
        (GOOD, ["--form", "polynomial", "--degree", "30"], "expected 9 at most"),
        (GOOD, ["--form", "linear", "--range", "0", "3.25"], ":5: voltage_V 4 is outside of --range 0 3.25"),
        (GOOD, ["--form", "linear", "--range", "3", "0"], "expected the lower end first"),
        (GOOD, ["--form", "linear", "--x", "volt"], "no column 'volt'"),
        (GOOD, ["--form", "linear", "--x", "pressure_mbar"], "can't be both"),
        (GOOD, ["--form", "linear", "--plot", "fit.doc"], "expected a name that ends in .png"),
        (GOOD, [], "and --form: one of"),
        (GOOD, ["--form", "linear", "--apply", "1d"], "two things"),
        ([], ["--form", "linear"], "points at 0 values"),
    ],
)
def test_a_bad_table_is_refused(table, capsys, rows, more, said):
    assert cli.main(["calibrate", str(table(rows)), *more]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.out == "" and "Traceback" not in told.err


@pytest.mark.parametrize(("package", "more"), [("scipy.optimize", []), ("matplotlib.figure", ["--plot", "x.png"])])
def test_what_it_needs_is_told(table, capsys, monkeypatch, package, more):
    monkeypatch.setitem(sys.modules, package, None)
    assert cli.main(["calibrate", str(table(GOOD)), "--form", "exponential", *more]) == 2
    assert "pip install 'labline[calibrate]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("1,2\n3,4\n", "expected a heading"),
        ("a,a\n1,2\n", "two columns have one name"),
        ("a,b,c\n1,2,3\n", "say by --x which is the raw value"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, capsys, text, said):
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert cli.main(["calibrate", str(path), "--form", "linear"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_may_be_a_spreadsheets(tmp_path, capsys, separator):
    path = tmp_path / "points.csv"
    rows = ["V", "mbar", "1,5", "3,0", "2,5", "5,0", "3,5", "7,0"]
    path.write_text("".join(f"{a}{separator}{b}\n" for a, b in zip(rows[::2], rows[1::2], strict=True)))
    assert cli.main(["calibrate", str(path), "--form", "linear"]) == 0
    stanza = yaml.safe_load(capsys.readouterr().out.split("\n\n")[1])["calibration"]
    assert (stanza["a"], stanza["b"]) == (pytest.approx(0, abs=1e-9), pytest.approx(2))


def test_a_version_is_of_what_decides_the_result():
    def version(**keys):
        return calibration.build({"form": "linear", "b": 2, "to": "y", "unit": "m", **keys}, VOLTAGE).version

    assert version() == version(b=2.0) == version(unit="km", to="z", description="other")
    different = [version(), version(a=1), version(b=2.1), version(range=[0, 1]), version(low=3)]
    assert len(set(different)) == 5
    assert version(name="one") == f"one:{version()}"


SITE = """\
site: anew
nodes: [{{name: here}}]
influxdb: {{url: "{url}", database: anew, retention: {{raw: 30d, downsampled: {{1m: 1y}}}}}}
instruments:
  - name: adc
    driver: arduino_adc
    connection: tcp://127.0.0.1:1
    channels:
      A0:
        calibration: {{name: first, form: linear, b: 2, range: [0.5, 3], to: pressure, unit: mbar}}
      A1: {{}}
"""


@pytest.fixture
def lab(influxd: influxdb.InfluxDB, tmp_path: Path):
    """A site with its database, and an hour of raw values that its first calibration has made."""
    secrets = passwords_of(influxd, tmp_path)
    path = tmp_path / "anew.yml"
    path.write_text(SITE.format(url=influxd.url))
    assert cli.main(["apply", str(path), "--secrets", str(secrets)]) == 0
    yield Stored(influxd, path, secrets)
    influxd.server.query('DROP DATABASE "anew"')
    for user in ("writer", "reader"):
        influxd.server.query(f'DROP USER "{user}"')


class Stored:
    """What the database has; a value every ten seconds for an hour, from 1 V up, and of another channel."""

    def __init__(self, influxd: influxdb.InfluxDB, path: Path, secrets: Path):
        self.server, self.path, self._secrets = influxd.server, path, secrets
        self.start = (time.time_ns() - 2 * HOUR) // (60 * 10**9) * 60 * 10**9
        lines = []
        for n in range(360):
            volts, at = 1 + n / 200, self.start + n * 10**10
            lines.append(
                f'arduino_adc,instrument=adc,channel=A0,site=anew voltage={volts},pressure={2 * volts},status="ok",'
                f'calibration="first:00000000" {at}'
            )
            lines.append(f'arduino_adc,instrument=adc,channel=A1,site=anew voltage={volts},status="ok" {at}')
        # Another series of the channel, which has a tag more, at the time of a value that may be taken out.
        lines.append(
            f'arduino_adc,instrument=adc,channel=A0,site=anew,rack=1 voltage=2,pressure=4,status="ok" {self.start}'
        )
        self.server.write("\n".join(lines), "anew", "raw")

    def calibrate(self, *more: str) -> int:
        return cli.main(["calibrate", str(self.path), "--apply", "3h", "--secrets", str(self._secrets), *more])

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    def rows(self, what: str, where: str = "raw", channel: str = "A0"):
        asked = f'SELECT {what} FROM "anew"."{where}"."arduino_adc" WHERE "channel" = \'{channel}\''
        return self.server.rows(asked, "anew")


def test_what_is_stored_is_calibrated_anew(lab, capsys):
    before = lab.rows("voltage")
    others = lab.rows("*", channel="A1")
    lab.change("name: first, form: linear, b: 2", "name: second, form: linear, b: 3")
    assert lab.calibrate("--check") == 1
    assert "361 raw values, 361 of them calibrated; 361 would be written anew" in capsys.readouterr().out
    assert {row["pressure"] / row["voltage"] for row in lab.rows("voltage, pressure")} == {2.0}
    assert lab.calibrate() == 0
    assert "second:" in capsys.readouterr().out
    after = lab.rows("voltage, pressure, calibration, status")
    assert [(row["time"], row["voltage"]) for row in after] == [(row["time"], row["voltage"]) for row in before]
    assert all(row["pressure"] == 3 * row["voltage"] for row in after)
    assert {row["calibration"].partition(":")[0] for row in after} == {"second"} and len(after) == 361
    assert lab.rows("*", channel="A1") == others
    means = lab.rows("voltage, pressure, pressure_n, calibration", "1m")
    assert means and all(row["pressure"] == pytest.approx(3 * row["voltage"]) for row in means)
    assert sum(row["pressure_n"] for row in means) == 361
    assert lab.calibrate("--check") == 0 and lab.calibrate() == 0
    assert "0 were written anew" in capsys.readouterr().out


def test_a_value_for_which_it_does_not_hold_is_taken_out(lab, capsys):
    lab.change("range: [0.5, 3]", "range: [1.5, 3]")
    assert lab.calibrate() == 0
    assert "361 raw values, 261 of them calibrated; 261 were written anew, 100 taken out" in capsys.readouterr().out
    after = lab.rows("voltage, pressure, status, calibration")
    assert len(after) == 361 and all(row["voltage"] for row in after), "raw is kept"
    low = [row for row in after if row["voltage"] < 1.5]
    assert {(row["pressure"], row["status"], row["calibration"]) for row in low} == {(None, "uncalibrated", None)}
    assert {row["status"] for row in after if row["voltage"] >= 1.5} == {"ok"}
    assert len(lab.rows("*", channel="A1")) == 360
    assert sum(row["pressure_n"] or 0 for row in lab.rows("voltage_n, pressure_n", "1m")) == 261
    assert sum(row["voltage_n"] for row in lab.rows("voltage_n", "1m")) == 361
    lab.change("range: [1.5, 3]", "range: [0.5, 3]")
    assert lab.calibrate() == 0
    after = lab.rows("voltage, pressure, status")
    assert all(row["pressure"] == 2 * row["voltage"] and row["status"] == "ok" for row in after), "and it comes back"


@pytest.mark.parametrize("filtered", [True, False])
def test_what_was_taken_for_a_spike_stays_one(lab, filtered):
    at = lab.start + 5 * 10**9  # between two others
    spike = 'voltage=2.5,pressure_spike=5,quality="spike",status="ok",calibration="first:00000000"'
    lab.server.write(f"arduino_adc,instrument=adc,channel=A0,site=anew {spike} {at}", "anew", "raw")
    if filtered:
        lab.change("A0:\n", "A0:\n        filter: {of: pressure}\n")
    lab.change("b: 2, range: [0.5, 3]", "b: 3")
    assert lab.calibrate() == 0

    def point() -> dict:
        (row,) = [row for row in lab.rows("*") if row["time"] == at]
        return row

    row = point()
    assert (row["pressure"], row["pressure_spike"], row["voltage"], row["quality"]) == (None, 7.5, 2.5, "spike")
    assert lab.calibrate() == 0 and point() == row
    lab.change("b: 3", "b: 3, range: [0, 2.4]")
    assert lab.calibrate() == 0
    assert (point()["pressure"], point().get("pressure_spike"), point()["status"]) == (None, None, "uncalibrated")


def test_what_interrupts_it_loses_nothing(lab, capsys, monkeypatch):
    lab.change("range: [0.5, 3]", "range: [1.5, 3]")
    whole = influxdb_calibrate.Anew.finish

    def interrupted(anew):
        if anew.pending.exists():
            raise DatabaseError("the power failed")
        return whole(anew)

    monkeypatch.setattr(influxdb_calibrate.Anew, "finish", interrupted)
    assert lab.calibrate() == 1
    assert len(lab.rows("voltage")) == 261, "so many points are deleted"
    monkeypatch.undo()
    assert lab.calibrate() == 0
    assert "had still to write" in capsys.readouterr().out
    assert len(lab.rows("voltage")) == 361 and len(lab.rows("pressure")) == 261
    assert lab.calibrate("--check") == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--apply", "soon"], "expected such as 30d"),
        (["--apply", "2026-11-08/2026-11-01"], "ends before it begins"),
        (["--apply", "1d", "--instrument", "adx"], "did you mean 'adc'?"),
    ],
)
def test_what_can_not_be_applied_is_refused(tmp_path, capsys, more, said):
    path = tmp_path / "anew.yml"
    path.write_text(SITE.format(url="http://127.0.0.1:1"))
    assert cli.main(["calibrate", str(path), *more]) == 2
    assert said in capsys.readouterr().err
