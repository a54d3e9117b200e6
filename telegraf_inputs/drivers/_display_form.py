"""The form of a seven-segment display: what stands at which place, and what the characters together mean.

A form is written as the display would show it: ``8`` is a digit or a dark place, ``0`` a digit that is always shown, ``1`` at the beginning a
place for a 1 alone (the half one of 3½ digits), a ``.`` behind it a decimal point that may shine there, ``-`` a place for a minus, ``E``
one for that letter, a space a place that stays dark: ``-8.8.8.8``, ``80.0``, ``-1888``, ``8.8E-8``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import BadInput

FORM = re.compile(r"-?(?:1\.?)?(?:[80]\.?)+(?:[E ]-?[80]+)?\Z", re.ASCII)
DIGITS = "801"  # the kinds of places that show digits
MOST_PLACES = 16
MANTISSA = re.compile(r" *(-?) *(\d+(?:\.\d+)?)\Z", re.ASCII)
EXPONENT = re.compile(r"[E ]([- ]?\d+)\Z", re.ASCII)
WORDS = re.compile(r"[-_ ]*\Z")
# No display leaves places dark and shows needless zeros behind them: something hides a digit.
HIDDEN = re.compile(r"[- ]* [- ]*0\d", re.ASCII)


@dataclass(frozen=True)
class Cell:
    """One place of a display: its ``kind`` is 8, 0, 1, -, E or a space; ``point``: one may shine behind it."""

    kind: str
    point: bool

    @property
    def digit(self) -> bool:
        return self.kind in DIGITS


@dataclass(frozen=True)
class Display:
    """What stands where, from left to right; ``points``: exactly one of them shines."""

    text: str
    places: tuple[Cell, ...]

    @property
    def points(self) -> bool:
        return any(place.point for place in self.places)

    @property
    def mantissa(self) -> int:
        """Tell how many places are before the exponent."""
        return next((index for index, place in enumerate(self.places) if place.kind in "E "), len(self.places))


def read(text: str) -> Display:
    """Read a form. Raises BadInput."""
    if not FORM.match(text) or len(text.replace(".", "")) > MOST_PLACES:
        raise BadInput(
            f"found {text!r}, expected the form of the display as it would show it, {MOST_PLACES} places at most: 8 for a "
            "digit, 0 for one that is always shown, 1 for the half one of 3½, . where a point may shine, - for a minus, E for an "
            "exponent, such as '-8.8.8.8', '80.0', '-1888', '8.8E-8'"
        )
    places: list[Cell] = []
    for character in text:
        if character == ".":
            places[-1] = Cell(places[-1].kind, True)
        else:
            places.append(Cell(character, False))
    return Display(text, tuple(places))


def meaning(form: Display, text: str) -> tuple[float | None, str]:
    """Tell the number that the characters of a display are, or None and why there is none.

    ``text`` has a character a place, a ``.`` behind that whose point shines, a space for a dark place. The reason is a
    status: ``blank``, ``dashes``, ``no_number`` (words such as Err or OL, or a point that is not there), ``unsure`` (a digit is hidden).
    """
    if not text.strip():
        return None, "blank"
    if WORDS.match(text) and len(text.strip()) > 1:
        return None, "dashes"
    exponent = len(form.places) - form.mantissa
    mantissa, power = (text[:-exponent], text[-exponent:]) if exponent else (text, "E0")
    digits, raised = MANTISSA.match(mantissa), EXPONENT.match(power)
    if not digits or not raised or form.points != ("." in text):
        return None, "no_number"
    if HIDDEN.match(mantissa[form.places[0].kind == "-" :]):
        return None, "unsure"
    return float(f"{digits[1]}{digits[2]}E{raised[1].strip()}"), ""
