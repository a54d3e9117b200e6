"""Seven-segment displays: 480 drawn pictures, and no wrong number among what is read of them."""

from __future__ import annotations

from collections import Counter

import pytest

from telegraf_inputs.drivers import _display_form, _seven_segment
from telegraf_inputs.errors import BadInput
from tests.parts import displays

PICTURES = 480
LEAST_READ = {"clean": 0.95, "noisy": 0.95, "tilted": 0.95, "blurred": 0.85, "glare": 0.4, "uneven": 0.9, "jpeg": 0.95}


def read(drawn: displays.Drawn) -> str | None:
    looks = _seven_segment.Looks(drawn.gap, drawn.lit)
    try:
        return _seven_segment.read(drawn.picture, drawn.corners, _display_form.read(drawn.form), looks).text
    except _seven_segment.Unsure:
        return None


def test_no_wrong_number_is_read_and_most_are():
    right, drawn = Counter(), Counter()
    for each in displays.many(PICTURES, seed=1):
        drawn[each.kind] += 1
        found = read(each)
        assert found in (each.text, None), f"{each.kind}: {each.text!r} was read as {found!r}"
        right[each.kind] += found is not None
    for kind, least in LEAST_READ.items():
        assert right[kind] >= least * drawn[kind], f"{kind}: {right[kind]} of {drawn[kind]}"
    assert sum(right.values()) >= 0.8 * PICTURES


@pytest.mark.parametrize(
    ("form", "text", "number", "why"),
    [
        ("8.8.8.8", "12.34", 12.34, ""),
        ("-8.8.8.8", "-  1.5", -1.5, ""),
        ("-88.8", "  0.5", 0.5, ""),
        ("8.8E-8", "1.3E-5", 1.3e-5, ""),
        ("8.8 -8", "1.3 -5", 1.3e-5, ""),
        ("8.8E-8", "1.3E 5", 1.3e5, ""),
        ("888", "1 2", None, "no_number"),
        ("888", "12 ", None, "no_number"),
        ("8.8.8.8", "1234", None, "no_number"),  # the point is not seen: ten times, a hundred times too much
        ("8.8.8", "1.2.3", None, "no_number"),
        ("888", "Err", None, "no_number"),
        ("8.8.8.8", "----", None, "dashes"),
        ("8.8.8.8", "    ", None, "blank"),
    ],
)
def test_what_a_display_says_is_a_number_or_a_reason(form, text, number, why):
    assert _display_form.meaning(_display_form.read(form), text) == (number, why)


@pytest.mark.parametrize("form", ["", "8.", ".8", "8..8", "9.9", "8-8", "E8", "8" * 17, "8.8\n"])
def test_what_is_no_form(form):
    if form == "8.":
        assert _display_form.read(form).points
        return
    with pytest.raises(BadInput, match="expected the form of the display"):
        _display_form.read(form)
