"""Units as people write them in limits."""

from __future__ import annotations

import subprocess
import sys

import pytest

from provisioning import units
from provisioning.site import SITES
from telegraf_inputs import drivers
from telegraf_inputs.errors import BadInput


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1.2 K", "K", 1.2),
        ("1.2K", "K", 1.2),
        ("500 mK", "K", 0.5),
        ("20 °C", "K", 293.15),
        ("-20 °C", "°C", -20.0),
        ("68 °F", "°C", 20.0),
        ("10 Pa", "mbar", 0.1),
        ("1e-5 mbar", "mbar", 1e-5),
        ("1 Torr", "mbar", 1.33322368421),
        ("2.2 kΩ", "Ω", 2200.0),
        ("2.2 kohm", "Ω", 2200.0),
        ("80 %", "%", 80.0),
        ("0.8", "", 0.8),
        (0.8, "", 0.8),
        (5, "", 5.0),
        ("1 l/h", "l/min", 1 / 60),
        ("60000 rpm", "1/min", 60000.0),
        ("50 krpm", "1/min", 50000.0),
        ("60000 RPM", "Hz", 1000.0),
        ("1000 Hz", "rpm", 60000.0),
        ("1 rad/s", "deg/s", 57.2957795131),
        ("1 mTorr", "mbar", 1.33322368421e-3),
        ("1 kOhm", "Ω", 1000.0),
        ("1 gauss", "T", 1e-4),
        ("5 kG", "T", 0.5),
        ("25 ºC", "°C", 25.0),
        ("25 ℃", "K", 298.15),
        ("4 dB", "dB", 4.0),
        ("7 pH", "pH", 7.0),
    ],
)
def test_a_value_becomes_a_number_in_the_quantitys_unit(value, unit, expected):
    assert units.read(value, unit) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [("2 °C", "°C", 2.0), ("2 K", "°C", 2.0), ("2 °C", "K", 2.0), ("9 °F", "°C", 5.0), (0, "K", 0.0)],
)
def test_a_difference_of_temperatures_has_no_zero_point(value, unit, expected):
    assert units.read(value, unit, difference=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        (1.2, "K", "without a unit"),
        ("1.2", "K", "without a unit"),
        ("1.2 mbar", "K", "measures something else"),
        ("1.2 bananas", "K", "is no unit that is known"),
        ("1.2 K/", "K", "is no unit that is known"),
        ("K", "K", "expected a value with its unit"),
        (True, "", "expected a value with its unit"),
        (None, "K", "expected a value with its unit"),
        ([1], "K", "expected a value with its unit"),
        ("1e400 V", "V", "expected a finite number"),
        ("1e306 kV", "mV", "expected a finite number"),
        (float("inf"), "", "expected a finite number"),
        (float("nan"), "", "expected a finite number"),
        ("0.8 K", "", "measures something else"),
        ("50 Hz", "rad/s", "measures something else"),
        ("50 rad/s", "Hz", "measures something else"),
        ("5 deg", "", "measures something else"),
        ("25 C", "K", "'C' measures something else; did you mean '°C'?"),
        ("77 F", "°C", "'F' measures something else; did you mean '°F'?"),
        ("1 C", "A", "'C' measures something else$"),
        ("1 mBar", "Pa", "'mBar' is no unit that is known here; did you mean 'mbar'?"),
    ],
)
def test_what_is_no_value_in_that_unit_is_refused(value, unit, says):
    with pytest.raises(BadInput, match=says):
        units.read(value, unit)


def test_every_unit_that_a_driver_declares_can_be_converted():
    declared = {
        quantity.unit
        for name in drivers.names()
        for stream in drivers.load(name).streams
        for quantity in stream.quantities
    }
    assert len(declared) > 3
    assert [unit for unit in sorted(declared) if not units.known(unit)] == []


def test_the_library_of_units_is_loaded_only_where_two_units_differ():
    code = (
        "import sys; from provisioning import site, units; import telegraf_inputs.drivers.scpi;"
        "units.read('1 K', 'K'); assert 'pint' not in sys.modules; units.read('1 mK', 'K'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SITES.parent.parent)


@pytest.mark.parametrize(
    "unit",
    [
        "9**9**9**9",
        "K**9**9",
        "K*9**9",
        "m" * 70_000,
        "(" * 30,
        "1/" * 20,
        "K^999999",
        "__import__",
        "K if 1 else s",
        "[1]*9",
    ],
)
def test_a_unit_that_is_a_calculation_is_no_unit(unit: str):
    """The library would calculate it, however long that takes."""
    assert not units.known(unit) and units.meant(unit) == ""
    with pytest.raises(BadInput, match="is no unit that is known here|expected a value with its unit"):
        units.read(f"0.95 {unit}", "K")


@pytest.mark.parametrize(
    "unit", ["W/(m²·K)", "mol/m**2/s", "kg m^2", "m s⁻²", "l/min", "1/s", "N·m", "%RH", "lb/in**2", "J/(mol K)", "µm/m"]
)
def test_units_of_all_forms_are_known(unit: str):
    assert units.known(unit)


def test_a_decimal_comma_is_called_so():
    with pytest.raises(BadInput, match="'1,2 V', expected '1.2 V': decimals have a point, not a comma"):
        units.read("1,2 V", "V")


@pytest.mark.parametrize(
    ("unit", "meant"),
    [("Kelvin", "K"), ("milliBar", "mbar"), ("Celcius", "°C"), ("Volts", "V"), ("PSI", "psi"), ("KiloPascal", "kPa")]
    + [(own, "") for own in ("counts", "Counts", "ADU", "frames", "K", "degC", "Pa", "sccm", "SLM", "MK", "pa", "pH")],
)
def test_a_slip_is_told_from_a_unit_of_the_labs_own(unit: str, meant: str):
    assert units.misspelt(unit) == meant
