"""Reads a seven-segment display: what shines at each place, and how sure that is. In doubt it reads nothing.

Nothing is recognised: where each segment is, is known by the declared region and form. A segment shines, or it is dark, as
its brightness over the dark parts beside it says, in parts of the contrast of this display; what is between the two, or a
place where nothing may shine and something does (a display that moved, a reflection), ends the reading.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._display_form import Display
from ._display_region import Corner, straightened

Mean = Callable[[float, float, float, float], float]  # the mean brightness of a part: x, y, width, height
WIDTH, HEIGHT = 40, 80  # of a digit, in pixels of the straightened display
MARGIN = 16  # around it, in which nothing may shine
LIT, DARK = 0.6, 0.3  # of the contrast: what shines is above the one, what is dark below the other
BRIGHTEST = 1.6  # of the contrast: what is above that is a reflection
STRAY = 0.4  # of the contrast: so much light may be where no segment is
LEAST_CONTRAST = 16.0  # of 255
LEAST_CONFIDENCE = 0.15  # of a reading: below, a reflection may have made or hidden a segment
LEAST_HEIGHT = 16.0  # pixels of the picture: smaller digits have no segments to tell apart
FULL = 250.0  # of 255: what is as bright shows no difference any more

# The segments of a digit: a on top, then clockwise b to f, g in the middle. Where each is looked for: x, y, width, height of
# its core, and the way in which it may be out of place, in pixels.
SPAN = 8
CORES = {
    "a": (13, 0, 14, 4, (0, 1)),
    "b": (32, 14, 4, 14, (1, 0)),
    "c": (32, 52, 4, 14, (1, 0)),
    "d": (13, 72, 14, 4, (0, 1)),
    "e": (0, 52, 4, 14, (1, 0)),
    "f": (0, 14, 4, 14, (1, 0)),
    "g": (13, 34, 14, 4, (0, 1)),
}
HOLES = {"upper": (14, 15, 12, 12), "lower": (14, 53, 12, 12)}
BESIDE = {"a": ("upper",), "b": ("upper",), "f": ("upper",), "g": ("upper", "lower"), "c": ("lower",), "d": ("lower",)}
BESIDE["e"] = ("lower",)
CHARACTERS = {
    "abcdef": "0", "bc": "1", "abdeg": "2", "abcdg": "3", "bcfg": "4", "acdfg": "5", "acdefg": "6", "cdefg": "6",
    "abc": "7", "abcf": "7", "abcdefg": "8", "abcdfg": "9", "abcfg": "9", "g": "-", "": " ",
    "adefg": "E", "eg": "r", "ceg": "n", "cdeg": "o", "def": "L", "bcefg": "H", "abefg": "P", "aefg": "F", "abcefg": "A",
    "bcdef": "U", "cde": "u", "adef": "C", "deg": "c", "bcdeg": "d", "defg": "t", "d": "_",
}  # fmt: skip
ALLOWED = {"-": "- ", "E": "E ", " ": " "}  # by the kind of place; at an 8 there may be anything


class Unsure(Exception):
    """What the display shows can't be told; the message says where and why."""


@dataclass
class DisplayText:
    """What a display shows: a character a place, and how sure the least sure segment is (0 … 1)."""

    text: str
    confidence: float
    # For whoever looks at it: place and segment (or a part where nothing may shine) -> brightness in parts of the contrast.
    parts: dict[tuple[int, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Looks:
    """How a display looks: ``gap`` between two digits in widths of a digit; ``lit`` is bright, or dark (an LCD).

    ``contrast``: how much brighter what shines is usually (of 255); a display with less than half of it is off. 0: unknown.
    """

    gap: float = 0.4
    lit: str = "bright"
    contrast: float = 0.0


def read(picture: Any, corners: Sequence[Corner], form: Display, looks: Looks = Looks()) -> DisplayText:
    """Read a display in a grey picture (Pillow's mode L), whose ``corners`` are the outer edges of its first and last digit.

    Raises Unsure.
    """
    return _decide(*_measure(picture, corners, form, looks), form, looks)


def _measure(picture: Any, corners: Sequence[Corner], form: Display, looks: Looks) -> tuple[Any, list[float], float]:
    from PIL import ImageChops

    height = min(math.dist(corners[0], corners[3]), math.dist(corners[1], corners[2]))
    if height < LEAST_HEIGHT:
        raise Unsure(f"the digits are {height:.0f} pixels high; {LEAST_HEIGHT:.0f} are needed")
    if (shrunk := int(height / HEIGHT)) >= 2:
        picture = picture.reduce(shrunk)
        corners = [(x / shrunk, y / shrunk) for x, y in corners]
    pitch = WIDTH * (1 + looks.gap)
    width = round(pitch * (len(form.places) - 1) + WIDTH)
    flat = straightened(picture, corners, width, HEIGHT, MARGIN)
    if looks.lit == "dark":
        flat = ImageChops.invert(flat)
    return flat, [MARGIN + pitch * place for place in range(len(form.places))], pitch


def _decide(flat: Any, lefts: Sequence[float], pitch: float, form: Display, looks: Looks) -> DisplayText:
    from PIL import ImageStat

    def mean(x: float, y: float, w: float, h: float) -> float:
        box = (round(x), round(y + MARGIN), round(x + w), round(y + MARGIN + h))
        return float(ImageStat.Stat(flat.crop(box)).mean[0])

    def brightest(x: float, y: float, w: float, h: float, way: tuple[int, int]) -> float:
        """Find a bar that is somewhere within its span: thin and thick ones are read alike."""
        steps = range(0, SPAN - 4 + 1, 2)
        return max(mean(x + way[0] * step, y + way[1] * step, w, h) for step in steps)

    holes = [{name: mean(left + x, y, w, h) for name, (x, y, w, h) in HOLES.items()} for left in lefts]
    raised: list[dict[str, float]] = []
    for left, around in zip(lefts, holes, strict=True):
        of_place = {}
        for name, (x, y, w, h, way) in CORES.items():
            of_place[name] = brightest(left + x, y, w, h, way) - max(around[hole] for hole in BESIDE[name])
        raised.append(of_place)
    ranked = sorted((value for of_place in raised for value in of_place.values()), reverse=True)
    contrast = (ranked[0] + ranked[1]) / 2
    background = sorted(value for around in holes for value in around.values())[len(holes) // 2]
    gaps = _gaps(mean, lefts, pitch)
    if contrast < max(LEAST_CONTRAST, looks.contrast / 2):
        stray = max(
            abs(value - background) for value in (*(v for around in holes for v in around.values()), *gaps.values())
        )
        if stray > max(LEAST_CONTRAST, looks.contrast / 2):
            raise Unsure("no segment stands out from what is around it")
        return DisplayText(" " * len(form.places), 1.0)
    parts: dict[tuple[int, str], float] = {}
    text, confidence = "", 1.0
    for index, (place, of_place, around) in enumerate(zip(form.places, raised, holes, strict=True)):
        for name, value in around.items():
            if max(around.values()) + contrast * LIT > 255 or value > FULL:
                raise Unsure(f"place {index + 1} is too bright to see a segment in it")
            parts[index, name] = (value - background) / contrast
            if abs(parts[index, name]) > STRAY:
                raise Unsure(f"something shines in place {index + 1} where no segment is")
        lit = ""
        for name, value in of_place.items():
            share = parts[index, name] = value / contrast
            confidence = min(confidence, _margin(share, f"segment {name} of place {index + 1}"))
            lit += name if share > LIT else ""
        character = CHARACTERS.get(lit)
        if character is None or character not in ALLOWED.get(place.kind, character):
            raise Unsure(f"place {index + 1} shows {lit or 'nothing'}, which is no character that can stand there")
        text += character
        share = parts[index, "point"] = _point(mean, lefts[index], pitch, background) / contrast
        if place.point:
            confidence = min(confidence, _margin(share, f"the point behind place {index + 1}"))
            text += "." if share > LIT else ""
        elif share > STRAY and index + 1 < len(lefts):
            raise Unsure(f"a point shines behind place {index + 1}, where the form has none")
    for where, value in gaps.items():
        if abs(value - background) / contrast > STRAY:
            raise Unsure(f"something shines {where}, where no segment is")
    if not text.replace(".", "").strip("8") and len(form.places) > 1 and not looks.contrast:
        raise Unsure(
            "every segment shines: so does a display that tests itself, or a faint one that is off; with "
            f"contrast: {contrast:.0f} declared this is read"
        )
    if confidence < LEAST_CONFIDENCE:
        raise Unsure(f"it may be {text.strip()}, with a confidence of {confidence:.2f}; {LEAST_CONFIDENCE} is needed")
    return DisplayText(text, round(confidence, 3), parts)


def _margin(share: float, what: str) -> float:
    """Tell how far a segment is from doubt, 0 … 1. Raises Unsure where it is in doubt."""
    if DARK < share < LIT:
        raise Unsure(f"{what} is neither dark nor lit: {share:.0%} of the contrast")
    if share > BRIGHTEST or share < -STRAY:
        raise Unsure(f"{what} is brighter than all others, or darker than what is dark: {share:.0%} of the contrast")
    return min(1.0, (share - LIT) / (1 - LIT)) if share >= LIT else min(1.0, (DARK - share) / DARK)


def _point(mean: Mean, left: float, pitch: float, background: float) -> float:
    """Measure the brightest spot of the size of a point, right below a digit."""
    across = pitch - WIDTH
    spots = [(left + WIDTH + across * part - 3, y) for part in (0.3, 0.5, 0.7) for y in (70, 73)]
    return max(mean(x, y, 5, 5) for x, y in spots) - background


def _gaps(mean: Mean, lefts: Sequence[float], pitch: float) -> dict[str, float]:
    """Measure where no segment is: around the display, and between two digits, above the point."""
    right = lefts[-1] + WIDTH
    found = {"left of the digits": mean(lefts[0] - 12, 4, 6, 72), "right of the digits": mean(right + 8, 4, 6, 60)}
    across = pitch - WIDTH
    for index, left in enumerate(lefts):
        found[f"above place {index + 1}"] = mean(left + 8, -12, WIDTH - 16, 6)
        found[f"below place {index + 1}"] = mean(left + 8, HEIGHT + 7, WIDTH - 16, 6)
        if across >= 8 and index + 1 < len(lefts):
            found[f"right of place {index + 1}"] = mean(left + WIDTH + across / 2 - 2, 6, 4, 54)
    return found
