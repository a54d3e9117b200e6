"""Where a display is in a picture: its four corners, and the display as if one stood right before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Corner = tuple[float, float]


def straightened(
    picture: Any, corners: Sequence[Corner], size: tuple[int, int], margin: tuple[int, int], dark: bool
) -> Any | None:
    """Cut what lies between four corners out of a picture, in perspective, as a grey one of ``size`` and its margins.

    ``corners``: top left, top right, bottom right, bottom left, in pixels of the picture. ``dark``: what shines is dark; it is
    bright in what is returned. None where it does not lie in the picture with its margins. Raises BadCorners.
    """
    from PIL import Image, ImageChops

    (width, height), (beside, above) = size, margin
    target = [(beside, above), (beside + width, above), (beside + width, above + height), (beside, above + height)]
    there = perspective(target, corners)
    full = (width + 2 * beside, height + 2 * above)
    outline = [_at(there, x, y) for x, y in ((0, 0), (full[0], 0), full, (0, full[1]))]
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    box = (math.floor(min(xs)) - 2, math.floor(min(ys)) - 2, math.ceil(max(xs)) + 2, math.ceil(max(ys)) + 2)
    if box[0] < -2 or box[1] < -2 or box[2] > picture.width + 2 or box[3] > picture.height + 2:
        return None
    box = (max(0, box[0]), max(0, box[1]), min(picture.width, box[2]), min(picture.height, box[3]))
    part = picture.crop(box).convert("L")
    high = min(math.dist(corners[0], corners[3]), math.dist(corners[1], corners[2]))
    shrunk = max(1, int(high / height))
    if shrunk > 1:
        part = part.reduce(shrunk)
    moved = [((x - box[0]) / shrunk, (y - box[1]) / shrunk) for x, y in corners]
    flat = part.transform(full, Image.Transform.PERSPECTIVE, perspective(target, moved), Image.Resampling.BILINEAR)
    return ImageChops.invert(flat) if dark else flat


class BadCorners(ValueError):
    """Three of four corners lie on one line."""


def perspective(there: Sequence[Corner], here: Sequence[Corner]) -> list[float]:
    """Find the eight numbers of the perspective that takes each point ``there`` to that ``here`` (Pillow's order)."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(there, here, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for column in range(8):
        best = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[best] = rows[best], rows[column]
        pivot = rows[column][column]
        if abs(pivot) < 1e-9:
            raise BadCorners("three of the corners lie on one line")
        rows[column] = [value / pivot for value in rows[column]]
        for row in range(8):
            if row != column and (factor := rows[row][column]):
                rows[row] = [value - factor * top for value, top in zip(rows[row], rows[column], strict=True)]
    return [row[8] for row in rows]


def _at(numbers: Sequence[float], x: float, y: float) -> Corner:
    a, b, c, d, e, f, g, h = numbers
    below = g * x + h * y + 1
    return (a * x + b * y + c) / below, (d * x + e * y + f) / below


def placed(corners: Sequence[Corner], size: tuple[int, int], points: Sequence[Corner]) -> list[Corner]:
    """Tell where points of the straightened display of ``size`` are in the picture."""
    width, height = size
    numbers = perspective([(0, 0), (width, 0), (width, height), (0, height)], corners)
    return [_at(numbers, x, y) for x, y in points]
