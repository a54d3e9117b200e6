"""Seven-segment displays: pictures that are drawn here, and no wrong number among what is read of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from labline.stack import debian
from telegraf_inputs.drivers import _display_form, _seven_segment
from telegraf_inputs.errors import BadInput
from telegraf_inputs.simulators import display_drawing
from tests.parts import displays

PICTURES = 308
DECEIVING = 300
LEAST_READ = {"clean": 0.88, "noisy": 0.75, "tilted": 0.8, "blurred": 0.6, "glare": 0.45, "uneven": 0.75, "jpeg": 0.6}
LEAST_OF_ALL = {"drawn here": 0.8, "dseg": 0.75}


def numbers(drawn: displays.Drawn) -> tuple[float | None, set[float | None]]:
    """Read a drawn picture; returns the number that was read, and those that it may be read as."""
    form = _display_form.read(drawn.form)
    may_be = {_display_form.meaning(form, text)[0] for text in drawn.texts}
    try:
        seen = _seven_segment.read(
            drawn.grey, drawn.corners, form, _seven_segment.Looks(drawn.gap, drawn.lit, also=drawn.also)
        )
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
    assert sum(right.values()) >= LEAST_OF_ALL[whose] * sum(shown.values())


def seen(text: str, changed: dict[tuple[int, str], float], over=lambda pen: None, form: str = "88.8") -> str:
    """Read a display, drawn from (100, 100), of which segments are changed: (place, segment) -> share of light."""
    sheet = Image.new("L", (400, 300), 20)
    pen = ImageDraw.Draw(sheet)
    for place, character in enumerate(text.replace(".", "")):
        for name, points in display_drawing.bars(40, 80, 10).items():
            share = changed.get((place, name), float(name in display_drawing.SEGMENTS[character]))
            moved = [(100 + 56 * place + x, 100 + y) for x, y in points]
            pen.polygon(moved, fill=round(20 + 180 * share))
    point = changed.get((1, "point"), 1.0)
    pen.ellipse((100 + 56 + 44, 171, 100 + 56 + 52, 179), fill=round(20 + 180 * point))
    over(pen)
    corners = ((100, 100), (252, 100), (252, 180), (100, 180))
    return _seven_segment.read(sheet, corners, _display_form.read(form), _seven_segment.Looks()).text


def test_what_is_drawn_for_the_tests_below_is_read():
    assert seen("12.3", {}) == "12.3" and seen(" 2.3", {}) == " 2.3"


@pytest.mark.parametrize(
    ("changed", "over", "why"),
    [
        ({(0, "b"): 0.45}, None, "segment b of place 1 is neither dark nor lit"),
        ({(0, "a"): 0.45}, None, "segment a of place 1 is neither dark nor lit"),  # 1 or 7
        ({(1, "point"): 0.45}, None, "the point behind place 2 is neither dark nor lit"),
        ({(0, "b"): 0.64}, None, "with a confidence of 0"),
        ({(0, "a"): 0.28}, None, "with a confidence of 0"),
        (
            {(0, "a"): 1.0},
            lambda pen: pen.rectangle((120, 95, 140, 111), fill=20),
            "segment a of place 1",
        ),  # half of it
        ({}, lambda pen: pen.rectangle((50, 50, 150, 250), fill=65), "the background is not alike"),  # of LEDs, a hand
        ({}, lambda pen: pen.rectangle((170, 115, 182, 127), fill=120), "in place 2 where no segment is"),
        ({}, lambda pen: pen.rectangle((88, 110, 92, 150), fill=180), "something shines left of the digits"),
        ({}, lambda pen: pen.rectangle((120, 86, 170, 92), fill=180), "something shines above the digits"),
        ({}, lambda pen: pen.rectangle((120, 189, 170, 193), fill=180), "something shines below the digits"),
        ({}, lambda pen: pen.rectangle((145, 110, 150, 150), fill=180), "something shines between places 1 and 2"),
        ({}, lambda pen: pen.rectangle((76, 114, 83, 140), fill=180), "as segment b of one more"),
        ({}, lambda pen: pen.rectangle((268, 114, 276, 140), fill=180), "something shines right of the digits"),
        ({}, lambda pen: pen.ellipse((144, 171, 152, 179), fill=200), "a point shines behind place 1"),
        ({}, lambda pen: pen.rectangle((50, 50, 150, 250), fill=240), "place 1 is too bright"),
        ({}, lambda pen: pen.rectangle((95, 0, 152, 300), fill=32), "something with an edge lies before the display"),
        (
            {},
            lambda pen: pen.line((60, 60, 330, 220), fill=40, width=8),
            "something with an edge lies before the display",
        ),
    ],
)
def test_what_is_in_doubt_is_not_read(changed, over, why):
    with pytest.raises(_seven_segment.Unsure, match=why):
        seen("12.3", changed, over or (lambda pen: None))


def test_a_display_at_the_edge_of_the_picture_is_not_read():
    with pytest.raises(_seven_segment.Unsure, match="the picture ends too near to the display"):
        corners = ((10, 100), (162, 100), (162, 180), (10, 180))
        _seven_segment.read(Image.new("L", (400, 300)), corners, _display_form.read("88.8"), _seven_segment.Looks())


def test_an_even_light_and_a_soft_one_are_no_edge():
    """A window lights one side of the display, a lamp is seen in its glass, out of focus."""

    def window(pen):
        for x in range(400):
            for_each = ImageDraw.Draw(pen._image)
            for_each.line((x, 0, x, 90), fill=20 + x // 10)
            for_each.line((x, 190, x, 300), fill=20 + x // 10)

    assert seen("12.3", {}, window) == "12.3"


def test_where_a_digit_is_always_shown_one_that_is_hidden_is_found_out():
    with pytest.raises(
        _seven_segment.Unsure, match="place 1 shows nothing, which is no character that can stand there"
    ):
        seen(" 2.3", {}, form="08.8")
    assert seen("02.3", {}, form="08.8") == "02.3"


def test_at_a_half_digit_there_is_a_one_or_nothing():
    assert seen("12.3", {}, form="18.8") == "12.3" and seen(" 2.3", {}, form="18.8") == " 2.3"
    with pytest.raises(_seven_segment.Unsure, match="place 1 shows abdeg, which is no character that can stand there"):
        seen("22.3", {}, form="18.8")


def test_all_eights_are_read_only_where_it_is_known_how_bright_they_are():
    with pytest.raises(_seven_segment.Unsure, match="every segment shines"):
        seen("88.8", {})


def test_a_digit_of_another_shape_is_told_and_not_guessed(dseg):
    drawn = next(each for each in displays.many(200, 2, ("clean",), dseg) if "7" in "".join(each.texts))
    looks = _seven_segment.Looks(drawn.gap, drawn.lit)
    with pytest.raises(_seven_segment.Unsure, match=r"shows abcf, .* declare also: \[7\]"):
        _seven_segment.read(drawn.grey, drawn.corners, _display_form.read(drawn.form), looks)


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
        ("-1888", "-1234", -1234.0, ""),
        ("-1888", "  234", 234.0, ""),
        ("00.0", "00.3", 0.3, ""),
        ("-88.8", "-00.3", -0.3, ""),
        ("88.88", " 0.3", 0.3, ""),
        ("888.8", " 00.3", None, "unsure"),  # what shows zeros that it need not, shows one in each place
        ("-888.8", "- 00.3", None, "unsure"),
    ],
)
def test_what_a_display_says_is_a_number_or_a_reason(form, text, number, why):
    assert _display_form.meaning(_display_form.read(form), text) == (number, why)


@pytest.mark.parametrize("form", ["", "8.", ".8", "8..8", "9.9", "8-8", "E8", "8" * 17, "8.8\n", "1", "81", "-1"])
def test_what_is_no_form(form):
    if form == "8.":
        assert _display_form.read(form).points
        return
    with pytest.raises(BadInput, match="expected the form of the display"):
        _display_form.read(form)
