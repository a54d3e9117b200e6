"""What happens to a picture of a display: noise, a tilted camera, blur, glare, uneven light, reflections, a camera that moved."""

from __future__ import annotations

import io
import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from telegraf_inputs.drivers import _display_region

if TYPE_CHECKING:
    from .displays import Drawn


def spoil(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """Spoil a grey picture as its kind says, its numbers with it."""
    spoiling = {
        "tilted": _tilted, "blurred": _blurred, "glare": _glare, "uneven": _uneven, "moved": _moved,
        "misdeclared": _misdeclared, "reflection": _reflection, "covered": _covered,
    }.get(drawn.kind)  # fmt: skip
    if spoiling:
        drawn = spoiling(drawn, height, chance)
    if drawn.kind == "clean":
        return drawn
    return replace(
        drawn,
        picture=_noisy(
            drawn.picture, chance.uniform(10, 35) if drawn.kind == "noisy" else chance.uniform(1, 8), chance
        ),
    )


def as_jpeg(picture: Any, chance: random.Random) -> Any:
    """Compress a picture hard."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=chance.randint(15, 60))
    return Image.open(io.BytesIO(data.getvalue()))


def _tilted(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    w, h = drawn.picture.size
    angle = math.radians(chance.uniform(-12, 12))
    cos, sin, cx, cy = math.cos(angle), math.sin(angle), w / 2, h / 2
    side = chance.uniform(-0.15, 0.15) / cx  # seen from the side, too

    def there(x: float, y: float) -> tuple[float, float]:
        u, v = cos * (x - cx) - sin * (y - cy), sin * (x - cx) + cos * (y - cy)
        return cx + u / (1 + side * u), cy + v / (1 + side * u)

    edges = [(0.0, 0.0), (float(w), 0.0), (float(w), float(h)), (0.0, float(h))]
    numbers = _display_region.perspective([there(*edge) for edge in edges], edges)
    fill = drawn.picture.getpixel((1, 1))
    turned = drawn.picture.transform(
        (w, h), Image.Transform.PERSPECTIVE, numbers, Image.Resampling.BICUBIC, fillcolor=fill
    )
    return replace(drawn, picture=turned, corners=tuple(there(*corner) for corner in drawn.corners))


def _blurred(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    return replace(drawn, picture=drawn.picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.01, 0.06) * height)))


def _glare(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """A lamp seen in the glass: a soft bright spot somewhere."""
    w, h = drawn.picture.size
    spot = Image.new("L", (w, h), 0)
    x, y, r = chance.uniform(0, w), chance.uniform(0, h), chance.uniform(0.2, 1.2) * height
    ImageDraw.Draw(spot).ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), fill=round(chance.uniform(40, 255)))
    soft = spot.filter(ImageFilter.GaussianBlur(chance.uniform(0.1, 0.5) * height))
    return replace(drawn, picture=ImageChops.add(drawn.picture, soft))


def _uneven(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    ramp = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize(drawn.picture.size)
    low = chance.uniform(0.45, 0.9)
    return replace(
        drawn, picture=ImageChops.multiply(drawn.picture, ramp.point(lambda v: 255 * (low + (1 - low) * v / 255)))
    )


def _moved(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """The camera was touched: the display is not where it was declared; half of the time by about a digit."""
    (x0, _), (x1, _) = drawn.corners[:2]
    places = len(drawn.form.replace(".", ""))
    pitch = (x1 - x0) / (places + (places - 1) * drawn.gap) * (1 + drawn.gap)
    if by_a_digit := chance.random() < 0.5:
        dx, dy = chance.choice((-1, 1)) * pitch * chance.uniform(0.9, 1.1), chance.uniform(-0.05, 0.05) * height
    else:
        dx, dy = chance.uniform(-1.0, 1.0) * height, chance.uniform(-0.6, 0.6) * height
    return replace(
        drawn, corners=tuple((x + dx, y + dy) for x, y in drawn.corners), texts=() if by_a_digit else drawn.texts
    )


def _misdeclared(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """Whoever declared the region was careless: too large, too small, askew, with another gap."""
    xs, ys = [x for x, _ in drawn.corners], [y for _, y in drawn.corners]
    cx, cy = sum(xs) / 4, sum(ys) / 4
    wide, high = 1 + chance.uniform(-0.2, 0.2), 1 + chance.uniform(-0.4, 0.4)
    slant, slip = chance.uniform(-0.3, 0.3), 0.08 * height
    corners = tuple(
        (
            cx + (x - cx) * wide + slant * (y - cy) + chance.uniform(-slip, slip),
            cy + (y - cy) * high + chance.uniform(-slip, slip),
        )
        for x, y in drawn.corners
    )
    return replace(drawn, corners=corners, gap=max(0.1, drawn.gap + chance.uniform(-0.25, 0.25)))


def _reflection(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """A window, a lamp or an edge is seen in the glass, as sharp as the digits."""
    w, h = drawn.picture.size
    glass = Image.new("L", (w, h), 0)
    pen = ImageDraw.Draw(glass)
    for _ in range(chance.randint(1, 4)):
        x, y = chance.uniform(0.1, 0.9) * w, chance.uniform(0.3, 0.7) * h
        long, angle = chance.uniform(0.1, 1.5) * height, chance.choice((0, math.pi / 2, chance.uniform(0, math.pi)))
        ends = (x, y, x + long * math.cos(angle), y + long * math.sin(angle))
        pen.line(ends, fill=round(chance.uniform(30, 255)), width=max(1, round(chance.uniform(0.04, 0.25) * height)))
    return replace(
        drawn,
        picture=ImageChops.add(drawn.picture, glass.filter(ImageFilter.GaussianBlur(chance.uniform(0, 0.04) * height))),
    )


def _covered(drawn: Drawn, height: int, chance: random.Random) -> Drawn:
    """Something is before the display: a cable, a hand, the edge of a rack. What it hides is not told by what is seen."""
    w, h = drawn.picture.size
    covered = drawn.picture.copy()
    x, y = chance.uniform(0.1, 0.9) * w, chance.uniform(0.3, 0.7) * h
    angle, wide = chance.uniform(0, math.pi), chance.uniform(0.1, 1.2) * height
    along, far = (math.cos(angle), math.sin(angle)), float(w + h)
    ends = (x - far * along[0], y - far * along[1], x + far * along[0], y + far * along[1])
    ImageDraw.Draw(covered).line(ends, fill=round(chance.uniform(0, 255)), width=round(wide))
    return replace(drawn, picture=covered)


def _noisy(picture: Any, sigma: float, chance: random.Random) -> Any:
    """Add noise of its own to each pixel; Pillow's own noise has no seed."""
    w, h = picture.size
    grain = Image.frombytes("L", (w, h), chance.randbytes(w * h)).point(
        [round(128 + (v - 127.5) * sigma / 73.6) for v in range(256)]
    )
    return ImageChops.add(picture, grain, 1, -128)
