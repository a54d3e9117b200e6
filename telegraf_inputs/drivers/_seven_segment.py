"""Reads a seven-segment display: what shines at each place, and how sure that is. In doubt it reads nothing.

Nothing is recognised: where each segment is, is known by the declared region and form. A segment shines, or it is dark, as
its brightness over what lies beside it says, in parts of the contrast of this display. What is between the two, or light
where no segment is (a display that moved, a reflection, a digit more than declared), ends the reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ._display_form import Display
from ._display_parts import DisplayText, Looks, Parts, Unsure, measure
from ._display_region import Corner

__all__ = ["Looks", "DisplayText", "Unsure", "read"]

LIT, DARK = 0.6, 0.3  # of the contrast: what shines is above the one, what is dark below the other
BRIGHTEST = 1.6  # of the contrast: what is above that is a reflection
STRAY = 0.4  # of the contrast: so much light may be where no segment is
STEP = 0.2  # of the contrast: so much may the background differ from place to place; more is the edge of something before it
LEAST_CONTRAST = 16.0  # of 255
# What lies before a display seldom ends where it does. Around it, a strip may change so much at once, in parts of the contrast, and so
# many times what its own noise is; where one strip alone does, ALONE times as much.
EDGE, NOISE, ALONE = 0.04, 4.0, 2.0
AT_ONCE = 3  # spots of a strip, from one to the other; as many are taken together
FAINTEST = 1.5  # of 255: less is how a picture is rounded
LEAST_CONFIDENCE = 0.15  # of a reading: below, a reflection may have made or hidden a segment
FULL = 250.0  # of 255: what is as bright shows no difference any more

CHARACTERS = {
    "abcdef": "0", "bc": "1", "abdeg": "2", "abcdg": "3", "bcfg": "4", "acdfg": "5", "acdefg": "6",
    "abc": "7", "abcdefg": "8", "abcdfg": "9", "g": "-", "": " ",
    "adefg": "E", "eg": "r", "ceg": "n", "cdeg": "o", "def": "L", "bcefg": "H", "abefg": "P", "aefg": "F", "abcefg": "A",
    "bcdef": "U", "cde": "u", "adef": "C", "deg": "c", "bcdeg": "d", "defg": "t", "d": "_",
}  # fmt: skip
# Digits that few displays draw so; what is left of another digit, when a part of it is hidden, may look like them.
OTHER_SHAPES = {"6": "cdefg", "7": "abcf", "9": "abcfg"}
# By the kind of place what may be there; at an 8 that is anything, at a 0 anything but nothing.
ALLOWED = {"-": "- ", "E": "E ", " ": " ", "1": "1- ", "0": "".join({*CHARACTERS.values()} - {" "})}


def read(picture: Any, corners: tuple[Corner, ...], form: Display, looks: Looks) -> DisplayText:
    """Read a display in a picture (Pillow's), whose ``corners`` are the outer edges of its first and last digit.

    Raises Unsure, whose message says what can't be told and why.
    """
    return _decided(measure(picture, corners, form, looks), form, looks)


def _decided(parts: Parts, form: Display, looks: Looks) -> DisplayText:
    contrast = contrast_of(parts)
    least = max(LEAST_CONTRAST, looks.contrast / 2)
    if contrast < least:
        strays = [*parts.points, *parts.beside.values(), *(v for holes in parts.holes for v in holes.values())]
        if max(map(abs, strays)) > least:
            raise Unsure("no segment stands out from what is around it")
        return DisplayText(" " * len(form.places), 1.0)
    _refuse_strays(parts, contrast)
    _refuse_edges(parts, contrast)
    characters = CHARACTERS | {OTHER_SHAPES[digit]: digit for digit in looks.also}
    text, confidence = "", 1.0
    shares: dict[tuple[int, str], float] = {}
    for index, place in enumerate(form.places):
        lit = ""
        for name, halves in parts.segments[index].items():
            what = f"segment {name} of place {index + 1}"
            darker, brighter = (half / contrast for half in halves)
            shares[index, name] = (darker + brighter) / 2
            confidence = min(confidence, _margin(darker, what), _margin(brighter, what))
            if darker < LIT <= brighter:
                raise Unsure(f"{what} is lit in one half alone")
            lit += name if darker >= LIT else ""
        character = characters.get(lit)
        if character is None or character not in ALLOWED.get(place.kind, character):
            digit = next((digit for digit, shape in OTHER_SHAPES.items() if shape == lit), "")
            hint = f"; if this display draws a {digit} so, declare also: [{digit}]" if digit else ""
            raise Unsure(
                f"place {index + 1} shows {lit or 'nothing'}, which is no character that can stand there{hint}"
            )
        text += character
        share = shares[index, "point"] = parts.points[index] / contrast
        if place.point:
            confidence = min(confidence, _margin(share, f"the point behind place {index + 1}"))
            text += "." if share >= LIT else ""
        elif share > STRAY:
            raise Unsure(f"a point shines behind place {index + 1}, where the form has none")
    if text == form.text and len(form.places) > 1 and not looks.contrast:
        raise Unsure(
            "every segment shines: so does a display that tests itself, and what a display that is off reflects looks alike; "
            f"with contrast: {contrast:.0f} declared this is read"
        )
    if confidence < LEAST_CONFIDENCE:
        raise Unsure(f"it may be {text.strip()}, with a confidence of {confidence:.2f}; {LEAST_CONFIDENCE} is needed")
    return DisplayText(text, round(confidence, 3), shares)


def contrast_of(parts: Parts) -> float:
    """Tell how much brighter the lit segments are (of 255): what the two brightest are."""
    values = sorted((low for segments in parts.segments for low, _ in segments.values()), reverse=True)
    return (values[0] + values[1]) / 2


def _refuse_strays(parts: Parts, contrast: float) -> None:
    for index, holes in enumerate(parts.holes):
        # Where the background is so bright that a segment could not stand out, it would be taken for a dark one.
        if max(holes.values()) + parts.background > min(FULL, 255 - contrast * LIT):
            raise Unsure(f"place {index + 1} is too bright to see a segment in it")
        if max(map(abs, holes.values())) / contrast > STRAY:
            raise Unsure(f"something shines in place {index + 1} where no segment is")
    for one, other in pairwise(parts.holes):
        if max(abs(one[name] - other[name]) for name in one) / contrast > STEP:
            raise Unsure(
                "the background is not alike from place to place: something lies before the display, or on its glass"
            )
    for where, value in parts.beside.items():
        if abs(value) / contrast > STRAY:
            raise Unsure(f"something shines {where}: the display moved, it has more digits, or it is a reflection")


def _refuse_edges(parts: Parts, contrast: float) -> None:
    """Raise Unsure where something goes across two sides of what is around a display, or clearly across one."""
    first, second, *_ = sorted((_edge(strip, contrast) for strip in parts.around), reverse=True)
    if second > 1 or first > ALONE:
        raise Unsure("something with an edge lies before the display, and may hide a part of it")


def _edge(strip: Sequence[float], contrast: float) -> float:
    """Tell how much a strip changes at once, in parts of what it may; a light that grows or falls evenly is no change."""
    changes = sorted(abs(after - before) for before, after in pairwise(strip))
    usual = 1.05 * changes[len(changes) // 2]  # of noise alone, 1 σ of a spot
    may = max(EDGE * contrast, NOISE * 1.7 * usual / AT_ONCE**0.5, FAINTEST)
    smooth = [sum(strip[at : at + AT_ONCE]) / AT_ONCE for at in range(len(strip) - AT_ONCE + 1)]
    steps = [after - before for before, after in zip(smooth, smooth[AT_ONCE:], strict=False)]
    bends = (
        abs(step - (before + after) / 2)
        for before, step, after in zip(steps, steps[AT_ONCE:], steps[2 * AT_ONCE :], strict=False)
    )
    return float(max(bends, default=0.0) / may)


def _margin(share: float, what: str) -> float:
    """Tell how far a segment is from doubt, 0 … 1. Raises Unsure where it is in doubt."""
    if DARK < share < LIT:
        raise Unsure(f"{what} is neither dark nor lit: {share:.0%} of the contrast")
    if share > BRIGHTEST or share < -STRAY:
        raise Unsure(f"{what} is brighter than all others, or darker than what is dark: {share:.0%} of the contrast")
    return min(1.0, (share - LIT) / (1 - LIT)) if share >= LIT else min(1.0, (DARK - share) / DARK)
