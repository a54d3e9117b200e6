"""What is known of units, held against the library that converts them, and against how terminal and Grafana show them."""

from __future__ import annotations

import pytest

from grafana_dashboards import style
from labline.live.numbers import Scale, shown
from provisioning import units
from provisioning.unit_names import POWERS, UNITS
from telegraf_inputs.declare import Quantity


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_a_unit_that_is_known_by_name_can_be_converted(unit):
    assert units.known(unit)


@pytest.mark.parametrize(("unit", "prefix"), [(u, p) for u, known in UNITS.items() for p in known.prefixes])
def test_a_prefix_stands_for_its_power(unit, prefix):
    assert units.read(f"1 {prefix}{unit}", unit) == pytest.approx(10.0 ** POWERS[prefix])


@pytest.mark.parametrize("unit", [name for name, unit in UNITS.items() if unit.vacuum])
def test_a_vacuum_is_shown_with_its_exponent_in_the_terminal_as_in_grafana(unit):
    quantity = Quantity("pressure", unit, "", 0.0, 1e3)
    assert shown(2.5e-7, quantity, Scale.of(2.5e-7)) == ("2.50e-07", unit)
    assert style.unit(quantity) == style.fine_unit(quantity) == "sci"
    assert style.named_unit(quantity) == f" ({unit})"


def test_every_unit_of_pressure_that_a_vacuum_gauge_shows_is_one():
    """The maker's own list for its gauges' displays: mbar, Torr, Pa, and (TPG 36x) Micron, hPa."""
    assert {"mbar", "Torr", "Pa", "hPa", "mTorr"} <= {name for name, unit in UNITS.items() if unit.vacuum}


@pytest.mark.parametrize(("unit", "low", "high"), [("hPa", 300.0, 1100.0), ("bar", None, None), ("psi", None, None)])
def test_a_barometer_and_a_compressor_are_no_vacuum(unit, low, high):
    assert style.unit(Quantity("pressure", unit, "", low, high)) != "sci"


@pytest.mark.parametrize(
    ("unit", "shown_as"), [("V", "suffix:V"), ("mV", "suffix:mV"), ("K", "kelvin"), ("%", "percent")]
)
def test_a_plot_of_one_channel_leaves_grafana_no_prefix_to_choose(unit, shown_as):
    """Grafana would show 4.9981 V and 4.9983 V both as 5.00 V on its axis, and 12.3456 mV as 12.3 mV."""
    assert style.fine_unit(Quantity("q", unit, "")) == shown_as
