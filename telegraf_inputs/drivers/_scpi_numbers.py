"""Numbers and words as SCPI instruments write them.

Source: IEEE 488.2, 8.7.2–8.7.7 (NR1, NR2, NR3, #H, #Q, #B); SCPI-99 volume 1, 7.2.1 (infinity, not a number).
"""

from __future__ import annotations

import re
from decimal import Decimal

from ..source import NUMBER

INFINITY, NOT_A_NUMBER = 9.9e37, 9.91e37  # SCPI-99 volume 1, 7.2.1.4 and 7.2.1.5
LARGEST = 2**63 - 1  # of InfluxDB's whole numbers
WORDS = {"NAN": "no_reading", "INF": "over_range", "INFINITY": "over_range", "NINF": "over_range"}
BASES = {"H": 16, "Q": 8, "B": 2, "X": 16, "O": 8}
DIGITS = {2: "[01]+", 8: "[0-7]+", 16: "[0-9A-F]+"}
OTHER = re.compile(r"(?:#([HQB])|0([XOB]))([0-9A-F]+)\Z", re.IGNORECASE)


def word(text: str) -> str:
    """Tell what a word in a number's place means: no_reading, over_range, or "" where it is none."""
    return WORDS.get(text.upper().lstrip("+-"), "")


def number(text: str, base: int = 10) -> float | None:
    """Read a number: decimal, or #H1F, #Q17, #B101, 0x1F, 0o17, 0b101, or bare digits of another ``base``; None for none."""
    whole = _other(text, base)
    if whole is not None:
        return float(whole)
    return float(text) if base == 10 and NUMBER.match(text) else None


def whole(text: str, base: int = 10) -> int | None:
    """Read a whole number, however it is written (35, +3.5E+01, #H23); None for none, and for one beyond 64 bits."""
    value = _other(text, base)
    if value is None:
        exact = Decimal(text) if base == 10 and NUMBER.match(text) else None
        if exact is None or abs(exact) > LARGEST or exact != exact.to_integral_value():
            return None
        value = int(exact)
    return value if abs(value) <= LARGEST else None


def special(text: str) -> str:
    """Tell what SCPI's numbers for infinity and not-a-number mean: no_reading, over_range, or "" for any other text."""
    value = abs(float(text)) if NUMBER.match(text) else 0.0
    return "no_reading" if value == NOT_A_NUMBER else "over_range" if value >= INFINITY else ""


def _other(text: str, base: int) -> int | None:
    match = OTHER.match(text)
    digits = match[3] if match else text
    base = BASES[(match[1] or match[2]).upper()] if match else base
    if base == 10 or not re.fullmatch(DIGITS[base], digits, re.IGNORECASE):
        return None
    return int(digits, base)
