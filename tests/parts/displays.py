"""Pictures of seven-segment displays, drawn from a seed: of each kind in turn, each with what it shows and where."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from telegraf_inputs.simulators.display_drawing import SEGMENTS, bars

from . import spoilt_pictures

KINDS = ("clean", "noisy", "tilted", "blurred", "glare", "uneven", "jpeg")  # that ought to be read
DECEIVING = ("moved", "misdeclared", "reflection", "changing", "covered", "more")  # of which no wrong number may come
FORMS = (
    "8.8.8.8", "-8.8.8.8", "88.8", "888", "-88.88", "8.8E-8", "8.8.8.8.8", "-8.8.8.8.8.8", "8.8E-88", "8.8 -8", "0.0.0.0", "80.0",
    "-1.8.8.8",
)  # fmt: skip
COLOURS = ((255, 40, 30), (60, 255, 80), (255, 180, 40), (70, 140, 255), (240, 240, 240))
GLASS = ((200, 215, 190), (190, 200, 215), (220, 220, 220))  # of an LCD
FONT_SLANT = 5.0  # degrees, of DSEG's italics


@dataclass
class Drawn:
    """One picture of a display: what it shows, and where it is declared to be."""

    kind: str
    picture: Any  # in colours
    corners: tuple[tuple[float, float], ...]
    form: str
    texts: tuple[str, ...]  # what it may be read as: a character a place, a point behind that whose point shines
    gap: float
    lit: str
    also: tuple[str, ...] = ()

    @property
    def grey(self) -> Any:
        return self.picture.convert("L")


@dataclass(frozen=True)
class Style:
    """How a display is built; lengths in pixels."""

    height: int
    width: float
    gap: float
    thick: float
    slant: float  # to the right, of one pixel upwards
    lit: str
    background: float
    light: float
    ghost: float  # how much an unlit segment is seen
    font: Path | None


def many(count: int, seed: object, kinds: tuple[str, ...] = KINDS, fonts: tuple[Path, ...] = ()) -> Iterator[Drawn]:
    """Draw pictures of these kinds in turn, of different displays; with ``fonts``, in their typefaces."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        yield draw(kinds[number % len(kinds)], chance, chance.choice(fonts) if fonts else None)


def draw(kind: str, chance: random.Random, font: Path | None = None) -> Drawn:
    """Draw one picture of a display that nobody has seen before."""
    form = chance.choice(FORMS)
    text = shown(form, chance)
    style = _style(chance, font)
    picture, corners = _sheet(text, style)
    hooked = ("7",) if font else ()  # DSEG draws it so
    declared = Drawn(kind, picture, corners, form, (text,), style.gap, style.lit, hooked)
    if kind == "changing":  # a picture that was taken while the number changed
        after = shown(form, chance)
        blend = Image.blend(picture, _sheet(after, style)[0], chance.uniform(0, 1))
        declared = replace(declared, picture=blend, texts=(text, after))
    if kind == "more":  # the display has one place more than was declared
        declared = _with_one_more(form, chance, style)
    if style.lit == "bright":
        declared = replace(declared, picture=_bloom(declared.picture, chance.uniform(0, 0.3), style.height))
    declared = spoilt_pictures.spoil(declared, style.height, chance)
    slip = 0.012 * style.height  # whoever declared the region did not do better
    slipped = tuple((x + chance.uniform(-slip, slip), y + chance.uniform(-slip, slip)) for x, y in declared.corners)
    coloured = _coloured(declared.picture, style, chance)
    declared = replace(declared, picture=coloured, corners=slipped, gap=declared.gap * chance.uniform(0.95, 1.05))
    return replace(declared, picture=spoilt_pictures.as_jpeg(coloured, chance)) if kind == "jpeg" else declared


def shown(form: str, chance: random.Random) -> str:
    """Choose what a display of this form shows: a number, or now and then dashes, a word or nothing."""
    places = [character for character in form if character != "."]
    points = [index for index, after in enumerate(_points(form)) if after]
    point = chance.choice(points) if points else None
    if chance.random() < 0.06:
        word = chance.choice(("-" * len(places), "Err".rjust(len(places)), "0L".center(len(places)), " " * len(places)))
        free = len(word) == len(places) and places[0] == "8" and not {"E", "0"} & {*form}
        return word if free else " " * len(places)
    text, begun = [], False
    for index, place in enumerate(places):
        if place in "801":
            last = index + 1 == len(places) or places[index + 1] not in "80" or index == point
            digit = chance.choice("0123456789" if place != "1" else "01")
            begun = begun or digit != "0" or last or place == "0" or "E" in places[:index]
            text.append(digit if begun and (place, digit) != ("1", "0") else " ")
        else:
            text.append(chance.choice("- ") if place == "-" else place)
        if index == point:
            text[-1] += "."
    return "".join(text)


def _points(form: str) -> list[bool]:
    found: list[bool] = []
    for character in form:
        if character == ".":
            found[-1] = True
        else:
            found.append(False)
    return found


def _style(chance: random.Random, font: Path | None) -> Style:
    height = chance.choice((40, 60, 90, 140))
    lit = chance.choice(("bright", "bright", "bright", "dark"))
    background, light = (chance.uniform(5, 50), chance.uniform(140, 235))
    if lit == "dark":
        background, light = chance.uniform(130, 200), chance.uniform(20, 60)
    width, gap = height * chance.uniform(0.5, 0.58), chance.uniform(0.3, 0.55)
    slant = math.tan(math.radians(chance.uniform(0, 10)))
    if font:
        upright = font.with_name(
            font.name.replace("Italic", "") if "-Italic" not in font.name else font.name.replace("Italic", "Regular")
        )
        face = ImageFont.truetype(str(upright), 400)
        left, top, right, low = face.getmask("8").getbbox()
        width = height * (right - left) / (low - top)
        gap = face.getlength("8") / (right - left) - 1
        slant = math.tan(math.radians(FONT_SLANT)) if "Italic" in font.name else 0.0
    thick = chance.uniform(0.10, 0.17) * height
    return Style(height, width, gap, thick, slant, lit, background, light, chance.uniform(0, 0.12), font)


def _sheet(text: str, style: Style) -> tuple[Any, tuple[tuple[float, float], ...]]:
    """Draw a display in grey; with the outer edges of its first and last place."""
    count, scale, border = len(text.replace(".", "")), 3, round(1.6 * style.height)
    total = style.width * (count + style.gap * (count - 1))
    size = (math.ceil(total + 2 * border + style.slant * style.height), style.height + 2 * border)
    sheet = Image.new("L", (size[0] * scale, size[1] * scale), round(style.background))
    pen = ImageDraw.Draw(sheet)

    def place(x: float, y: float) -> tuple[float, float]:
        return (border + x + style.slant * (style.height - y)) * scale, (border + y) * scale

    def level(share: float) -> int:
        return round(style.background + (style.light - style.background) * share)

    index = 0
    for character in text:
        left = (index - (character == ".")) * style.width * (1 + style.gap)
        if style.font:
            face = ImageFont.truetype(str(style.font), 100)
            _, top, _, low = face.getmask("8").getbbox()
            face = ImageFont.truetype(str(style.font), 100 * style.height * scale / (low - top))
            inked = face.getmask("8").getbbox()
            assert inked
            at = (border + left) * scale - (_lean(face) if "Italic" in style.font.name else inked[0])
            if character == ".":
                at += face.getlength("8")
            pen.text((at, (border + style.height) * scale), character.replace(" ", "!"), level(1), face, anchor="ls")
        elif character == ".":
            x, r = left + style.width * (1 + style.gap * 0.5), style.thick * 0.6
            dot = [place(x + r * math.cos(a), style.height - r + r * math.sin(a)) for a in (0.3 * k for k in range(21))]
            pen.polygon(dot, fill=level(1))
        else:
            for name, points in bars(style.width, style.height, style.thick).items():
                share = 1.0 if name in SEGMENTS[character] else style.ghost
                pen.polygon([place(left + x, y) for x, y in points], fill=level(share))
        index += character != "."
    corners = [(0.0, 0.0), (total, 0.0), (total, float(style.height)), (0.0, float(style.height))]
    where = tuple((border + x + style.slant * (style.height - y), border + y) for x, y in corners)
    return sheet.resize(size, Image.Resampling.BOX), where


def _lean(face: Any) -> float:
    """Tell where the lower left of an italic digit is: its ink begins there, less a bevel that upright ones have too."""
    return float(face.getmask("8").getbbox()[0])


def _with_one_more(form: str, chance: random.Random, style: Style) -> Drawn:
    longer = chance.choice((f"8{form}", f"{form}8"))
    text = shown(longer, chance)
    picture, corners = _sheet(text, style)
    count = len(longer.replace(".", ""))
    less = style.width * (1 + style.gap) * (count - len(form.replace(".", "")))
    if longer.startswith("8") and longer[1:] == form:
        corners = tuple((x + (less if index in (0, 3) else 0), y) for index, (x, y) in enumerate(corners))
        texts = (text[1:],) if text[0] == " " else ()
    else:
        corners = tuple((x - (less if index in (1, 2) else 0), y) for index, (x, y) in enumerate(corners))
        texts = ()
    return Drawn("more", picture, corners, form, texts, style.gap, style.lit)


def _bloom(picture: Any, share: float, height: int) -> Any:
    glow = picture.filter(ImageFilter.GaussianBlur(height * 0.08)).point(lambda v: v * share)
    return ImageChops.add(picture, glow)


def _coloured(picture: Any, style: Style, chance: random.Random) -> Any:
    colour = chance.choice(COLOURS if style.lit == "bright" else GLASS)
    most = max(colour)
    return Image.merge("RGB", [picture.point([round(v * part / most) for v in range(256)]) for part in colour])
