"""What a seven-segment display shows: a number written in its places, and the segments of a digit as polygons."""

from __future__ import annotations

from ..drivers._display_form import Cell, Display

SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
    "8": "abcdefg", "9": "abcdfg", "-": "g", "E": "adefg", "r": "eg", "o": "cdeg", "L": "def", " ": "",
}  # fmt: skip


def bars(width: float, height: float, thick: float) -> dict[str, list[tuple[float, float]]]:
    """Give the seven bars of a digit as polygons with bevelled ends, a little apart."""
    e, half, middle = thick * 0.12, thick / 2, height / 2

    def across(y: float) -> list[tuple[float, float]]:
        left, right = half + e, width - half - e
        return [
            (left, y),
            (left + half, y - half),
            (right - half, y - half),
            (right, y),
            (right - half, y + half),
            (left + half, y + half),
        ]

    def along(x: float, top: float, low: float) -> list[tuple[float, float]]:
        high, deep = top + half + e, low - half - e
        return [(x, top + e), (x + half, high), (x + half, deep), (x, low - e), (x - half, deep), (x - half, high)]

    right, bottom = width - half, height - half
    return {
        "a": across(half), "g": across(middle), "d": across(bottom), "f": along(half, half, middle),
        "b": along(right, half, middle), "e": along(half, middle, bottom), "c": along(right, middle, bottom),
    }  # fmt: skip


def shown(form: Display, value: float) -> str:
    """Write a number as a display of this form would show it, with as many decimals as there is room for.

    A character a place, a point behind that whose point shines. Raises ValueError where there is no room for it.
    """
    head, tail = form.places[: form.mantissa], form.places[form.mantissa :]
    power = 0
    if tail and value:
        mantissa, _, exponent = f"{value:.{sum(place.digit for place in head) - 1}e}".partition("e")
        value, power = float(mantissa), int(exponent)
    points = [len(head) - 1 - index for index, place in enumerate(head) if place.point] or [0]
    signed = head[0].kind == "-"
    room = len(head) - signed
    for decimals in sorted(points, reverse=True):
        text = f"{abs(value):.{decimals}f}"
        if len(text.replace(".", "")) <= room and (value >= 0 or signed):
            sign = ("-" if value < 0 else " ") if signed else ""
            text = text.rjust(room + ("." in text)) + ("." if form.points and "." not in text else "")
            if head[signed].kind == "1" and text[0] not in "1 ":
                continue
            always = min((index for index, place in enumerate(head[signed:]) if place.kind == "0"), default=room)
            return sign + text[:always] + text[always:].replace(" ", "0") + _exponent(tail, power)
    raise ValueError(f"{value} has no room in {form.text!r}")


def _exponent(tail: tuple[Cell, ...], power: int) -> str:
    if not tail:
        return ""
    digits = sum(place.digit for place in tail)
    sign = ("-" if power < 0 else " ") if any(place.kind == "-" for place in tail) else ""
    if power < 0 and not sign or len(str(abs(power))) > digits:
        raise ValueError(f"the exponent {power} has no room")
    return f"{tail[0].kind}{sign}{abs(power):0{digits}d}"
