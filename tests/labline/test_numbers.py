"""Values are shown with the digits that mean something."""

from __future__ import annotations

import random

import pytest

from labline.live.numbers import LASTING, Scale, Steady, limit, shown
from labline.live.trend import Bin, trend
from telegraf_inputs.declare import Choice, Quantity


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
        (-1e-5, "V", None, 0.01, "0.0 mV"),  # below the noise: no digits of it, and no sign
    ],
)
def test_digits(value, unit, decimals, noise, expected):
    quantity = Quantity("q", unit, "a quantity", decimals=decimals)
    assert " ".join(shown(value, quantity, Scale.of(value, noise))).strip() == expected


def seen(values, quantity, noises=None, every=1.0):
    """Write values as a table shows them, one look after the other."""
    steady, written = Steady(), []
    for index, value in enumerate(values):
        noise = noises[index] if noises else None
        written.append(" ".join(shown(value, quantity, steady.scale(value, noise, index * every))))
    return written


def places(texts):
    """Tell how many decimals each text has, and its unit."""
    return [(len(text.split()[0].partition(".")[2]), text.split()[1]) for text in texts]


@pytest.mark.parametrize(
    ("unit", "decimals", "middle", "noise"),
    [("°C", None, 10.0, 0.2), ("°C", None, 0.0, 0.01), ("K", 4, 0.1, 0.004), ("V", None, 0.0, 0.1), ("Ω", 2, 1e4, 300)],
)
def test_noise_around_a_border_does_not_change_the_digits(unit, decimals, middle, noise):
    rng = random.Random(2)
    values = [middle + rng.gauss(0, noise) for _ in range(600)]
    estimates = [noise * rng.uniform(0.7, 1.4) for _ in values]
    texts = seen(values, Quantity("q", unit, "", decimals=decimals), estimates)
    assert len(set(places(texts))) == 1
    assert max(len(text) for text in texts) <= 12


@pytest.mark.parametrize("noises", [(0.0098, 0.0102), (None, 0.012), (0.012, 0.1)])
def test_an_estimate_of_the_noise_that_does_not_last_changes_no_digits(noises):
    """It is made every ten seconds, and may be wrong once."""
    estimates = [noises[index // 10 % 2] for index in range(300)]
    texts = seen([21.123456] * 300, Quantity("q", "°C", ""), estimates)
    assert len(set(texts)) == 1


def test_a_noise_that_lasts_changes_the_digits_once():
    texts = seen([21.123456] * 200, Quantity("q", "°C", ""), [0.02] * 50 + [0.5] * 150)
    changed = 50 + int(LASTING)
    assert set(texts[:changed]) == {"21.12 °C"} and set(texts[changed:]) == {"21.1 °C"}


def test_a_heater_that_switches_keeps_its_digits():
    texts = seen([0.0, 5.2, 5.1, 0.8] * 30, Quantity("q", "W", ""))
    assert set(texts[1:]) == {"0.000 W", "5.200 W", "5.100 W", "0.800 W"}


def test_another_scale_is_seen_at_once():
    kelvin = Quantity("q", "K", "", decimals=4)
    assert seen([0.012, 4.2, 0.011], kelvin) == ["12.0 mK", "4.2000 K", "11.0 mK"]
    assert seen([0.2, 3e-6, 2e-6], Quantity("q", "mbar", "")) == ["0.2000 mbar", "3.00e-06 mbar", "2.00e-06 mbar"]


def test_a_slow_way_down_is_followed():
    texts = seen([300 * 0.98**index for index in range(500)], Quantity("q", "K", "", decimals=4))
    assert texts[0] == "300.0000 K" and texts[-1].endswith(" mK")
    digits = [len(text.split()[0].replace(".", "").lstrip("0")) for text in texts]
    assert min(digits) >= 2
    assert sum(a != b for a, b in zip(places(texts), places(texts)[1:], strict=False)) <= 4  # no way back


def test_a_limit_has_the_unit_of_the_value_beside_it():
    kelvin = Quantity("q", "K", "", decimals=4)
    assert limit(0.02, kelvin, Scale.of(0.0301)) == "20 mK"
    assert limit(0.02, kelvin, Scale.of(4.2)) == "0.02 K"
    assert limit(1e-5, Quantity("q", "mbar", ""), Scale.of(2e-5)) == "1e-05 mbar"
    assert limit(5, Quantity("q", "", ""), Scale.of(6)) == "5"


def test_what_is_no_float():
    assert shown(None, Quantity("q", "V", "")) == ("–", "")
    assert shown(True, Quantity("q", "", "", type="bool")) == ("yes", "")
    assert shown("remote", Quantity("q", "", "", type="str")) == ("remote", "")
    assert shown(12345678, Quantity("q", "", "", type="int")) == ("12345678", "")


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


def test_a_step_is_no_noise():
    """Neither where a bin has many readings, nor where it has one."""
    for count in (1, 20):
        stepped = bins(lambda i: 100.0 * (i > 3), noise=0.1, count=count)
        assert trend(stepped).noise == pytest.approx(0.1, rel=0.9)


def test_gaps_and_too_little():
    assert trend([]).sparkline == "" and trend([None, None]).sparkline == ""
    one = bins(lambda i: 1.0, number=1)
    assert trend([None, *one]).arrow == "" and trend([None, *one]).noise is None
    assert trend([*one, None, *one]).sparkline[1] == " "
    assert trend([None, None, *one]).sparkline == "  ▅"  # one below the other, the same place is the same time
    flat = [Bin(1, 5.0, 0.0)] * 8
    assert trend(flat).arrow == "→" and set(trend(flat).sparkline) == {"▅"}


CODE = Quantity("mode", "", "a code", type="int", choices=(Choice(0, "off"), Choice(-1, "low level alarm", "critical")))
TRUTH = Quantity("control", "", "a truth", type="bool", choices=(Choice(False, "internal"), Choice(True, "external")))


@pytest.mark.parametrize(
    ("value", "quantity", "expected"),
    [
        (0, CODE, "off"),
        (-1, CODE, "low level alarm"),
        (7, CODE, "code 7"),  # one that is not declared
        (True, TRUTH, "external"),
        (False, TRUTH, "internal"),
        (True, Quantity("on", "", "a truth", type="bool"), "yes"),
        (None, CODE, "–"),
    ],
)
def test_a_code_is_its_word(value, quantity, expected):
    assert shown(value, quantity) == (expected, "")
