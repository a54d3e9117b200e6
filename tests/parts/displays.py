"""Pictures of seven-segment displays, drawn from a seed: clean, noisy, tilted, blurred, with glare, unevenly lit, as JPEG."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

KINDS = ("clean", "noisy", "tilted", "blurred", "glare", "uneven", "jpeg", "nudged")
SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
    "8": "abcdefg", "9": "abcdfg", "-": "g", "E": "adefg", "r": "eg", "o": "cdeg", "L": "def", " ": "",
}  # fmt: skip
FORMS = ("8.8.8.8", "-8.8.8.8", "88.8", "888", "-88.88", "8.8E-8", "8.8.8.8.8", "-8.8.8.8.8.8")
COLOURS = ((255, 40, 30), (60, 255, 80), (255, 180, 40), (70, 140, 255), (240, 240, 240))


@dataclass
class Drawn:
    """One picture of a display: what it shows, and where it is declared to be."""

    kind: str
    picture: Any  # grey
    corners: list[tuple[float, float]]
    form: str
    text: str  # a character a place, a point behind that whose point shines
    gap: float
    lit: str


def many(count: int, seed: int, font: Any = None) -> Iterator[Drawn]:
    """Draw pictures of all kinds in turn, of different displays."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        yield draw(KINDS[number % len(KINDS)], chance, font)


def shown(form: str, chance: random.Random) -> str:
    """Choose what a display of this form shows: a number, or now and then dashes or a word."""
    places = [character for character in form if character != "."]
    points = [index for index, after in enumerate(_after(form)) if after]
    point = chance.choice(points) if points else None
    if chance.random() < 0.06:
        text = ["-"] * len(places) if chance.random() < 0.5 else list("Err".rjust(len(places))[: len(places)])
        if places[0] == "-" and text[0] not in "- ":
            text[0] = " "
        return "".join(text) if "E" not in form else " " * len(places)
    text, begun = [], False
    for index, place in enumerate(places):
        if place == "8":
            last = index + 1 == len(places) or places[index + 1] != "8" or index == point
            digit = chance.choice("0123456789")
            begun = begun or digit != "0" or last or "E" in places[:index]
            text.append(digit if begun else " ")
        else:
            text.append(chance.choice("- ") if place == "-" else place)
        if index == point:
            text[-1] += "."
    return "".join(text)


def _after(form: str) -> list[bool]:
    found: list[bool] = []
    for character in form:
        if character == ".":
            found[-1] = True
        else:
            found.append(False)
    return found


def draw(kind: str, chance: random.Random, font: Any = None, form: str = "", text: str = "") -> Drawn:
    """Draw a display; ``font``: a typeface of segments instead of our own polygons."""
    form = form or chance.choice(FORMS)
    text = text or shown(form, chance)
    height = chance.choice((40, 60, 90, 140))
    width, gap = height * chance.uniform(0.5, 0.58), chance.uniform(0.3, 0.55)
    thick, slant = chance.uniform(0.10, 0.17) * height, math.tan(math.radians(chance.uniform(0, 10)))
    lit = chance.choice(("bright", "bright", "bright", "dark"))
    bezel, ghost = chance.uniform(5, 50), chance.uniform(0, 0.12)
    light = chance.uniform(140, 235)
    if lit == "dark":
        bezel, light = chance.uniform(130, 200), chance.uniform(20, 60)
    count = len([c for c in form if c != "."])
    scale, border = 3, height
    total = width * (count + gap * (count - 1))
    size = (math.ceil(total + 2 * border + slant * height), height + 2 * border)
    sheet = Image.new("L", (size[0] * scale, size[1] * scale), round(bezel))
    pen = ImageDraw.Draw(sheet)

    def place(x: float, y: float) -> tuple[float, float]:
        return (border + x + slant * (height - y)) * scale, (border + y) * scale

    def level(share: float) -> int:
        return round(bezel + (light - bezel) * share)

    index = 0
    for character in text:
        left = (index - (character == ".")) * width * (1 + gap)
        if character == ".":
            x, r = left + width * (1 + gap * 0.5), thick * 0.6
            dot = [place(x + r * math.cos(a), height - r + r * math.sin(a)) for a in (0.3 * k for k in range(21))]
            pen.polygon(dot, fill=level(1))
            continue
        for name, points in _bars(width, height, thick).items():
            share = 1.0 if name in SEGMENTS[character] else ghost
            pen.polygon([place(left + x, y) for x, y in points], fill=level(share))
        index += 1
    picture = sheet.resize(size, Image.Resampling.BOX)
    corners = [(0.0, 0.0), (total, 0.0), (total, float(height)), (0.0, float(height))]
    corners = [(border + x + slant * (height - y), border + y) for x, y in corners]
    if lit == "bright":
        picture = _bloom(picture, chance.uniform(0, 0.3), height)
    picture, corners = _spoilt(kind, picture, corners, height, chance)
    slip = 0.012 * height  # whoever declared the region did not do better
    corners = [(x + chance.uniform(-slip, slip), y + chance.uniform(-slip, slip)) for x, y in corners]
    return Drawn(kind, picture, corners, form, text, gap, lit)


def _bars(w: float, h: float, t: float) -> dict[str, list[tuple[float, float]]]:
    """Give the seven bars as polygons with bevelled ends, a little apart."""
    e, half = t * 0.12, t / 2

    def across(y: float) -> list[tuple[float, float]]:
        return [
            (half + e, y),
            (t + e, y - half),
            (w - t - e, y - half),
            (w - half - e, y),
            (w - t - e, y + half),
            (t + e, y + half),
        ]

    def along(x: float, top: float, low: float) -> list[tuple[float, float]]:
        return [
            (x, top + e),
            (x + half, top + half + e),
            (x + half, low - half - e),
            (x, low - e),
            (x - half, low - half - e),
            (x - half, top + half + e),
        ]

    m = h / 2
    return {
        "a": across(half), "g": across(m), "d": across(h - half),
        "f": along(half, half, m), "b": along(w - half, half, m), "e": along(half, m, h - half), "c": along(w - half, m, h - half),
    }  # fmt: skip


def _bloom(picture: Any, share: float, height: int) -> Any:
    glow = picture.filter(ImageFilter.GaussianBlur(height * 0.08)).point(lambda v: v * share)
    return ImageChops.add(picture, glow)


def _spoilt(kind: str, picture: Any, corners: list[tuple[float, float]], height: int, chance: random.Random) -> Any:
    w, h = picture.size
    if kind == "tilted":
        angle = math.radians(chance.uniform(-12, 12))
        cos, sin, cx, cy = math.cos(angle), math.sin(angle), w / 2, h / 2
        k = chance.uniform(-0.0006, 0.0006)  # seen from the side, too

        def there(x: float, y: float) -> tuple[float, float]:
            u, v = cos * (x - cx) - sin * (y - cy), sin * (x - cx) + cos * (y - cy)
            return cx + u / (1 + k * u), cy + v / (1 + k * u)

        from telegraf_inputs.drivers import _display_region

        edges = [(0.0, 0.0), (float(w), 0.0), (float(w), float(h)), (0.0, float(h))]
        coefficients = _display_region._perspective([there(*edge) for edge in edges], edges)
        fill = picture.getpixel((1, 1))
        picture = picture.transform(
            (w, h), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=fill
        )
        corners = [there(*corner) for corner in corners]
    elif kind == "nudged":  # the camera was touched: the region is not where it was declared
        dx, dy = chance.uniform(-0.35, 0.35) * height, chance.uniform(-0.35, 0.35) * height
        corners = [(x + dx, y + dy) for x, y in corners]
    elif kind == "blurred":
        picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.01, 0.07) * height))
    elif kind == "glare":
        spot = Image.new("L", (w, h), 0)
        x, y, r = chance.uniform(0, w), chance.uniform(0, h), chance.uniform(0.2, 1.2) * height
        ImageDraw.Draw(spot).ellipse((x - r, y - r * 0.6, x + r, y + r * 0.6), fill=round(chance.uniform(40, 255)))
        picture = ImageChops.add(picture, spot.filter(ImageFilter.GaussianBlur(chance.uniform(0.1, 0.5) * height)))
    elif kind == "uneven":
        ramp = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize((w, h))
        low = chance.uniform(0.45, 0.9)
        picture = ImageChops.multiply(picture, ramp.point(lambda v: 255 * (low + (1 - low) * v / 255)))
    if kind in ("noisy", "jpeg", "blurred", "tilted", "glare", "uneven"):
        sigma = chance.uniform(10, 35) if kind == "noisy" else chance.uniform(1, 8)
        picture = _noisy(picture, sigma, chance)
    if kind == "jpeg":
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=chance.randint(15, 60))
        picture = Image.open(io.BytesIO(data.getvalue())).convert("L")
    return picture, corners


def _noisy(picture: Any, sigma: float, chance: random.Random) -> Any:
    """Add noise of its own to each pixel; Pillow's own noise has no seed."""
    w, h = picture.size
    grain = Image.frombytes("L", (w, h), chance.randbytes(w * h)).point(lambda v: 128 + (v - 127.5) * sigma / 73.6)
    return ImageChops.add(picture, grain, 1, -128)
