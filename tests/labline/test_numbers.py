"""Values are shown with the digits that mean something."""

from __future__ import annotations

import random

import pytest

from labline.live.numbers import duration, shown
from labline.live.trend import Bin, trend
from telegraf_inputs.driver import Quantity


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "noise", "expected"),
    [
        (45.01234, "K", 4, None, "45.0123 K"),
        (0.0120345, "K", 4, None, "12.0 mK"),  # three digits at least, in the unit that a cryostat is read in
        (37133.8012, "Ω", 2, None, "37.134 kΩ"),
        (3.2101e-7, "mbar", None, None, "3.21e-07 mbar"),
        (1013.25, "mbar", None, None, "1013 mbar"),
        (21.123456, "°C", None, 0.02, "21.12 °C"),  # the noise says where the digits end
        (21.123456, "°C", None, 0.5, "21.1 °C"),
        (21.123456, "°C", None, None, "21.12 °C"),
        (0.0, "V", None, None, "0.000 V"),
        (0.0, "mbar", None, None, "0.000 mbar"),
        (-18.5, "°C", 2, None, "-18.50 °C"),
        (192.123456, "THz", 6, None, "192.123456 THz"),
        (1.5e12, "", None, None, "1.500e+12"),
        (9.99996, "V", 3, None, "10.000 V"),
    ],
)
def test_digits(value, unit, decimals, noise, expected):
    quantity = Quantity("q", unit, "a quantity", decimals=decimals)
    assert " ".join(shown(value, quantity, noise)).strip() == expected


def test_what_is_no_float():
    assert shown(None, Quantity("q", "V", "")) == ("–", "")
    assert shown(True, Quantity("q", "", "", type="bool")) == ("yes", "")
    assert shown("remote", Quantity("q", "", "", type="str")) == ("remote", "")
    assert shown(12345678, Quantity("q", "", "", type="int")) == ("12345678", "")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-0.2, "0 s"), (59, "59 s"), (119, "119 s"), (180, "3 min"), (7300, "2 h"), (3 * 86400, "3 d")],
)
def test_ages(seconds, expected):
    assert duration(seconds) == expected


def bins(value, noise=1.0, count=20, number=8):
    rng = random.Random(1)
    made = []
    for index in range(number):
        readings = [value(index) + rng.gauss(0, noise) for _ in range(count)]
        mean = sum(readings) / count
        deviation = (sum((r - mean) ** 2 for r in readings) / (count - 1)) ** 0.5 if count > 1 else 0.0
        made.append(Bin(count, mean, deviation))
    return made


def test_noise_is_no_trend():
    seen = trend(bins(lambda i: 20.0))
    assert seen.arrow == "→" and seen.noise == pytest.approx(1.0, rel=0.2)
    assert set(seen.sparkline) <= set("▃▄▅▆")  # it does not fill the height


@pytest.mark.parametrize(("slope", "arrow"), [(0.5, "↗"), (-0.5, "↘"), (5.0, "↑"), (-5.0, "↓"), (0.01, "→")])
def test_a_slope_is_seen_against_the_noise(slope, arrow):
    assert trend(bins(lambda i: 20.0 + slope * i)).arrow == arrow


def test_single_readings_have_their_noise_from_bin_to_bin():
    """A slow instrument delivers one reading a bin; a steady slope is no noise."""
    assert trend(bins(lambda i: 3.0 * i, noise=0.1, count=1)).noise == pytest.approx(0.1, rel=0.9)
    assert trend(bins(lambda i: 3.0 * i, noise=0.1, count=1)).arrow == "↑"


def test_gaps_and_too_little():
    assert trend([]).sparkline == "" and trend([None, None]).sparkline == ""
    one = bins(lambda i: 1.0, number=1)
    assert trend([None, *one]).arrow == "" and trend([None, *one]).noise is None
    assert trend([*one, None, *one]).sparkline[1] == " "
    assert trend([None, None, *one]).sparkline == "  ▅"  # one below the other, the same place is the same time
    flat = [Bin(1, 5.0, 0.0)] * 8
    assert trend(flat).arrow == "→" and set(trend(flat).sparkline) == {"▅"}
