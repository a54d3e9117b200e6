"""What a stanza says of one display in a picture: where it is, what stands in it, how it looks."""

from __future__ import annotations

import math
from typing import Any

from .. import declared
from ..configured import Channel
from ..declare import Option
from ..errors import BadInput, noted, together
from ..pattern import Pattern, check_pattern
from ._display_form import Display
from ._display_form import read as form_of
from ._display_parts import HEIGHT, LEAST_HEIGHT, Looks
from ._display_region import BadCorners, Corner, perspective
from ._seven_segment import OTHER_SHAPES

TEXT = "text"
UNIT_SQUARE = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
OPTIONS = (
    Option(
        "form",
        "str",
        "the display as it would show it, 8 for a digit, 0 for one that is always shown (a leading zero, or what stands before the "
        "point), 1 for the half one of 3½ digits, . where a point may shine, - for a minus, E for an exponent, such as '-8.8.8.8', "
        "'80.0', '-1888', '8.8E-8'; text: what is no seven-segment display is read by the program tesseract",
        required=True,
    ),
    Option(
        "region",
        "list",
        "where it is, in pixels of the picture: [left, top, width, height], or its four corners [[x, y], …] from the top left "
        "clockwise; to the outer edges of the first and the last place, nothing more",
        required=True,
    ),
    Option("tilt", "float", "of a box: by how much it is turned clockwise about its top left, in degrees", 0.0),
    Option("slant", "float", "of a box: by how much its digits lean to the right, in degrees", 0.0),
    Option("gap", "float", "between two digits, in widths of a digit", 0.4),
    Option("lit", "str", "whether what is lit is bright, or dark (an LCD)", "bright", choices=("bright", "dark")),
    Option(
        "contrast",
        "float",
        "how much brighter what is lit is, of 255: below half of it the display is off; without it, what shows nothing but "
        "eights is no reading",
        0.0,
    ),
    Option(
        "also", "list", "digits that it draws otherwise: 6 and 9 without a bar at their ends, 7 with a hook, such as [6, 9]", []
    ),
    Option("pattern", "str", "of a text: a regular expression of all of it; its first group, if it has one, is the number"),
    declared.READ,
)  # fmt: skip


class DisplayChannel:
    """One display, checked. ``form`` is None, and ``pattern`` set, where it shows text. Raises BadInput."""

    def __init__(self, channel: Channel):
        options = channel.options
        self.id = channel.id
        self.form: Display | None = None
        self.pattern: Pattern | None = None
        self.looks = Looks(options["gap"], options["lit"], options["contrast"], tuple(map(str, options["also"])))
        with together() as wrong:
            if other := [digit for digit in self.looks.also if digit not in OTHER_SHAPES]:
                wrong.append(
                    BadInput(f"found {', '.join(other)}, expected some of {', '.join(OTHER_SHAPES)}", ("also",))
                )
            with noted(wrong, "form"):
                self.form = None if options["form"] == TEXT else form_of(options["form"])
            with noted(wrong, "region"):
                self.corners = _corners(options)
            for name, low, high in (("gap", 0.0, 2.0), ("tilt", -180, 180), ("slant", -45, 45), ("contrast", 0, 255)):
                if not low <= options[name] <= high:
                    wrong.append(BadInput(f"found {options[name]:g}, expected {low:g} to {high:g}", (name,)))
            with noted(wrong):
                self._check_pattern(options["pattern"], options["form"])
            with noted(wrong):
                found = declared.read(options["read"], (), declared.COMPUTED_KEYS)
                if len(found) != 1:
                    raise BadInput(
                        f"names {len(found)} quantities, expected one: a display shows one number", ("read",)
                    )
                (self.quantity,) = (each.quantity for each in found.values())

    def _check_pattern(self, pattern: str | None, form: str) -> None:
        if (pattern is None) == (form == TEXT):
            raise BadInput("is missing, for a text" if pattern is None else "is for a text (form: text)", ("pattern",))
        if pattern is not None:
            check_pattern(pattern, ("pattern",))
            self.pattern = Pattern(pattern)

    @property
    def reducible(self) -> float:
        """Tell how many times smaller the picture may be and still show all that is looked at."""
        return max(1.0, min(math.dist(self.corners[0], self.corners[3]), math.dist(*self.corners[1:3])) / HEIGHT)

    def where(self, scale: tuple[float, float]) -> tuple[Corner, ...]:
        """Give the corners in a picture that is ``scale`` times as wide and high as declared."""
        return tuple((x * scale[0], y * scale[1]) for x, y in self.corners)


def _corners(options: dict[str, Any]) -> tuple[Corner, ...]:
    region, turned = options["region"], options["tilt"] or options["slant"]
    if len(region) != 4 or not (all(map(_number, region)) or all(map(_pair, region))):
        raise BadInput(
            f"found {region}, expected [left, top, width, height], or four corners [[x, y], [x, y], [x, y], [x, y]]"
        )
    if all(map(_number, region)):
        x, y, width, height = map(float, region)
        if width <= 0 or height < LEAST_HEIGHT:
            raise BadInput(
                f"is {width:g} × {height:g} pixels, expected digits of {LEAST_HEIGHT:g} pixels' height or more"
            )
        lean = math.tan(math.radians(options["slant"])) * height
        cos, sin = math.cos(math.radians(options["tilt"])), math.sin(math.radians(options["tilt"]))
        box = ((lean, 0.0), (width, 0.0), (width - lean, height), (0.0, height))
        return tuple((x + cos * u - sin * v, y + sin * u + cos * v) for u, v in box)
    if turned:
        raise BadInput("are corners, which say themselves how the display is turned; leave out tilt and slant")
    corners = tuple((float(x), float(y)) for x, y in region)
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))
    turns = [
        (b[0] - a[0]) * (d[1] - c[1]) - (b[1] - a[1]) * (d[0] - c[0])
        for (a, b), (c, d) in zip(sides, sides[1:] + sides[:1], strict=True)
    ]
    if not all(turn > 0 for turn in turns):
        raise BadInput("do not go round a display; expected top left, top right, bottom right, bottom left")
    try:
        perspective(UNIT_SQUARE, corners)
    except BadCorners as error:
        raise BadInput(str(error)) from None
    return corners


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6


def _pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_number, value))
