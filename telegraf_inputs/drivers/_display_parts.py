"""Where the parts of a seven-segment display are, and how bright each is over what lies beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ._display_form import Display
from ._display_region import Corner, straightened

WIDTH, HEIGHT = 40, 80  # of a digit, in pixels of the straightened display
ABOVE = 16  # pixels above and below it that are looked at, too
SPOT = 4  # pixels along a strip around it, of which one is measured
LEAST_HEIGHT = 16.0  # pixels of the picture: smaller digits have no segments to tell apart

# The segments of a digit: a on top, then clockwise b to f, g in the middle. Where each is looked for: x, y, width and height
# of its core, and the way in which a thin or a thick one may be out of place.
SPAN = 4  # pixels that it may be
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
BESIDE = {
    "a": ("upper",), "b": ("upper",), "c": ("lower",), "d": ("lower",), "e": ("lower",), "f": ("upper",),
    "g": ("upper", "lower"),
}  # fmt: skip

Mean = Callable[[float, float, float, float], float]  # the mean brightness of a part: x, y, width, height
Halves = tuple[float, float]  # of a segment: the darker, and the brighter


class Unsure(Exception):
    """What the display shows can't be told; the message says where and why."""


@dataclass
class DisplayText:
    """What a display shows: a character a place, and how sure the least sure segment is (0 … 1)."""

    text: str
    confidence: float
    # For whoever looks at it: place and segment -> brightness in parts of the contrast.
    shares: dict[tuple[int, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Looks:
    """How a display looks: ``gap`` between two digits in widths of a digit; ``lit`` is bright, or dark (an LCD).

    ``contrast``: how much brighter what shines is usually (of 255); a display with less than half of it is off. 0: unknown.
    ``also``: digits that have other shapes, too.
    """

    gap: float = 0.4
    lit: str = "bright"
    contrast: float = 0.0
    also: tuple[str, ...] = ()


@dataclass
class Parts:
    """How bright each part is, of 255; of a display whose lit segments are dark, how dark.

    ``segments``, a place: segment -> its halves, over what lies beside it. ``holes`` (within the digits), ``points`` and ``beside``
    (where nothing may shine, by words for it): over the ``background``. ``around``: strips right round the display, spot by spot.
    """

    background: float
    segments: list[dict[str, Halves]]
    holes: list[dict[str, float]]
    points: list[float]
    beside: dict[str, float]
    around: list[list[float]]


def measure(picture: Any, corners: tuple[Corner, ...], form: Display, looks: Looks) -> Parts:
    """Measure the parts of a display in a picture. Raises Unsure where it is too small, or cut off."""
    from PIL import Image

    flat, soft, left, pitch = _flat(picture, corners, form, looks)
    lefts = [left + pitch * index for index in range(len(form.places))]

    def mean(x: float, y: float, w: float, h: float) -> float:
        box = (x, y + ABOVE, x + w, y + h + ABOVE)
        return float(flat.resize((1, 1), Image.Resampling.BOX, box=box).getpixel((0, 0)))

    holes = [{name: mean(left + x, y, w, h) for name, (x, y, w, h) in HOLES.items()} for left in lefts]
    ordered = sorted(value for around in holes for value in around.values())
    background = ordered[len(ordered) // 2]

    def strongest(x: float, y: float, w: float, h: float) -> float:
        """Find what differs most from the background in a box."""
        box = (round(x), round(y + ABOVE), round(x + w), round(y + h + ABOVE))
        low, high = soft.crop(box).getextrema()
        return float(max(low - background, high - background, key=abs))

    beside = {
        "left of the digits": strongest(left - 12, 4, 6, HEIGHT - 8),
        "right of the digits": strongest(lefts[-1] + WIDTH + (0.8 * (pitch - WIDTH)), 4, 6, HEIGHT - 24),
        "above the digits": strongest(left, -12, lefts[-1] + WIDTH - left, 5),
        "below the digits": strongest(left, HEIGHT + 8, lefts[-1] + WIDTH - left, 5),
    }
    for where, neighbour in (("left", left - pitch), ("right", lefts[-1] + pitch)):
        for name in CORES:
            beside[f"{where} of the digits, as segment {name} of one more would"] = (
                max(_halves(mean, neighbour, name)) - background
            )
    if (across := pitch - WIDTH) >= 8:
        for index, at in enumerate(lefts[:-1]):
            beside[f"between places {index + 1} and {index + 2}"] = strongest(at + WIDTH + across / 2 - 2, 6, 4, 54)
    segments = []
    for at, around in zip(lefts, holes, strict=True):
        dark = {name: max(around[hole] for hole in BESIDE[name]) for name in CORES}
        segments.append({name: _over(_halves(mean, at, name), dark[name]) for name in CORES})
    return Parts(
        background,
        segments,
        [{name: value - background for name, value in around.items()} for around in holes],
        [_point(mean, at, pitch) - background for at in lefts],
        beside,
        _around(flat),
    )


def _flat(picture: Any, corners: tuple[Corner, ...], form: Display, looks: Looks) -> tuple[Any, Any, float, float]:
    """Give the display as if one stood right before it, that once more without its noise, where it begins, and its pitch."""
    from PIL import ImageFilter

    height = min(math.dist(corners[0], corners[3]), math.dist(corners[1], corners[2]))
    if height < LEAST_HEIGHT:
        raise Unsure(f"the digits are {height:.0f} pixels high; {LEAST_HEIGHT:.0f} are needed")
    pitch = WIDTH * (1 + looks.gap)
    width = round(pitch * (len(form.places) - 1) + WIDTH)
    margin = math.ceil(pitch) + 2
    flat = straightened(picture, corners, (width, HEIGHT), (margin, ABOVE), looks.lit == "dark")
    if flat is None:
        raise Unsure("the picture ends too near to the display: a digit more must have room at either side of it")
    return flat, flat.filter(ImageFilter.BoxBlur(3)), margin, pitch


def _around(flat: Any) -> list[list[float]]:
    """Measure four strips at the edges of what was cut out: above, below, left and right of the display."""
    from PIL import Image

    exact, (w, h) = flat.convert("F"), flat.size
    strips = []
    for box in ((0, 1, w, 8), (0, h - 8, w, h - 1), (1, 0, 9, h), (w - 9, 0, w - 1, h)):
        wide = box[2] - box[0] > box[3] - box[1]
        size = (round((box[2] - box[0]) / SPOT), 1) if wide else (1, round((box[3] - box[1]) / SPOT))
        line = exact.resize(size, Image.Resampling.BOX, box=box)
        strips.append([float(line.getpixel((at, 0) if wide else (0, at))) for at in range(max(size))])
    return strips


def _halves(mean: Mean, left: float, name: str) -> Halves:
    """Measure a segment in two halves, where it is brightest within its span: in what lies over it they differ."""
    x, y, w, h, (right, down) = CORES[name]
    step = max(range(0, SPAN + 1, 2), key=lambda step: mean(left + x + right * step, y + down * step, w, h))
    x, y = x + right * step, y + down * step
    if right:
        halves = mean(left + x, y, w, h / 2), mean(left + x, y + h / 2, w, h / 2)
    else:
        halves = mean(left + x, y, w / 2, h), mean(left + x + w / 2, y, w / 2, h)
    return min(halves), max(halves)


def _over(halves: Halves, dark: float) -> Halves:
    return halves[0] - dark, halves[1] - dark


def _point(mean: Mean, left: float, pitch: float) -> float:
    """Measure the brightest spot of the size of a point, low behind a digit."""
    across = pitch - WIDTH
    spots = [(left + WIDTH + across * part - 3, y) for part in (0.3, 0.5, 0.7) for y in (70, 73)]
    return max(mean(x, y, 5, 5) for x, y in spots)
