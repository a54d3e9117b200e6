"""Seven-segment displays: pictures that are drawn here, and no wrong number among what is read of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from labline.stack import debian
from telegraf_inputs.drivers import _display_form, _seven_segment
from telegraf_inputs.errors import BadInput
from tests.parts import displays

PICTURES = 308
DECEIVING = 300
LEAST_READ = {"clean": 0.88, "noisy": 0.85, "tilted": 0.88, "blurred": 0.6, "glare": 0.5, "uneven": 0.85, "jpeg": 0.88}


def numbers(drawn: displays.Drawn) -> tuple[float | None, set[float | None]]:
    """Read a drawn picture; returns the number that was read, and those that it may be read as."""
    form = _display_form.read(drawn.form)
    may_be = {_display_form.meaning(form, text)[0] for text in drawn.texts}
    try:
        seen = _seven_segment.read(drawn.grey, drawn.corners, form, _seven_segment.Looks(drawn.gap, drawn.lit))
    except _seven_segment.Unsure:
        return None, may_be
    return _display_form.meaning(form, seen.text)[0], may_be


@pytest.fixture(scope="module")
def dseg() -> tuple[Path, ...]:
    """Give the typefaces of segments that Debian has: nobody here drew them."""
    return tuple(sorted(debian.unpack("fonts-dseg").rglob("DSEG7[CM]*.ttf")))


@pytest.mark.parametrize("whose", ["drawn here", "dseg"])
def test_no_wrong_number_is_read_and_most_are(whose, request):
    fonts = request.getfixturevalue("dseg") if whose == "dseg" else ()
    right, shown = Counter(), Counter()
    for each in displays.many(PICTURES if whose == "drawn here" else PICTURES // 2, 1, fonts=fonts):
        found, may_be = numbers(each)
        if None not in may_be:
            shown[each.kind] += 1
            right[each.kind] += found is not None
        assert found is None or found in may_be, f"{each.kind}: {each.texts} was read as {found}"
    assert set(shown) == set(LEAST_READ)
    for kind, least in LEAST_READ.items():
        assert right[kind] >= least * shown[kind], f"{kind}: {right[kind]} of {shown[kind]}"
    assert sum(right.values()) >= 0.8 * sum(shown.values())


def test_what_deceives_is_not_read_as_another_number():
    """The display moved, is declared wrongly, has a digit more, changes while it is seen, or something is before it."""
    for each in displays.many(DECEIVING, 1, displays.DECEIVING):
        found, may_be = numbers(each)
        assert found is None or found in may_be, f"{each.kind}: {each.texts} was read as {found}"


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
