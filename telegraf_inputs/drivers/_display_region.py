"""Where a display is in a picture: its four corners, and the display as if one stood right before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Corner = tuple[float, float]


def straightened(picture: Any, corners: Sequence[Corner], width: int, height: int, margin: int) -> Any:
    """Cut what lies between four corners out of a picture, in perspective, as a grey picture of ``width`` × ``height``.

    ``corners``: top left, top right, bottom right, bottom left, in pixels of the picture. ``margin`` pixels more are
    around it; what lies outside of the picture is black.
    """
    from PIL import Image

    target = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    shifted = [(x + margin, y + margin) for x, y in target]
    size = (width + 2 * margin, height + 2 * margin)
    return picture.transform(
        size, Image.Transform.PERSPECTIVE, _perspective(shifted, corners), Image.Resampling.BILINEAR
    )


def _perspective(there: Sequence[Corner], here: Sequence[Corner]) -> list[float]:
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
            raise ValueError("three of the corners lie on one line")
        rows[column] = [value / pivot for value in rows[column]]
        for row in range(8):
            if row != column and (factor := rows[row][column]):
                rows[row] = [value - factor * top for value, top in zip(rows[row], rows[column], strict=True)]
    return [row[8] for row in rows]
