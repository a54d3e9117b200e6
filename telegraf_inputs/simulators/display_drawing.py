"""The seven segments of a digit, drawn as polygons."""

from __future__ import annotations

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
