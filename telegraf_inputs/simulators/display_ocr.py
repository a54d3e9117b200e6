"""A network camera that looks at displays: where the stanza says, of its forms, showing numbers that move."""

from __future__ import annotations

import io
import math
from collections.abc import Container
from typing import Any

from ..configured import Stanza
from ..drivers._display_channel import DisplayChannel
from ..drivers._display_form import Display
from ..drivers._display_parts import HEIGHT, WIDTH
from ..drivers._display_region import placed
from ..drivers._seven_segment import LEAST_CONFIDENCE
from ..drivers.display_ocr import CONFIDENCE
from .base import Signal
from .camera import CameraSimulator
from .display_drawing import SEGMENTS, bars, shown

BORDER = 120  # pixels of the picture beyond the displays
THICK = 10.0  # of a segment, where a digit is HEIGHT high
LIGHT = {"bright": (22, 205), "dark": (170, 45)}  # of what is around a segment, and of a lit one


class DisplayOcrSimulator(CameraSimulator):
    """Answers each GET with a JPEG; of a display of text it draws nothing.

    ``shows`` may be set: channel -> what its display shows, a character a place. ``displaced``: all is so many pixels elsewhere.
    """

    # Of several pictures a cycle, one may come later than a short timeout where the machine is busy.
    states = dict.fromkeys(("truncated", "garbage", "over_range"), {"degraded", "silent"})
    not_faults = {fault: why for fault, why in CameraSimulator.not_faults.items() if fault != "over_range"}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self.shows: dict[str, str] = {}
        self.displaced = (0, 0)
        self._displays = [DisplayChannel(channel) for channel in stanza.channels]
        self._signals: dict[str, Signal] = {}
        for index, display in enumerate(self._displays):
            if display.form is not None:
                center = _center(display.form, index)
                self._signals[display.id] = Signal(center, 0.01 * center, 0.0, 900 + 100 * index, seed + index)

    def gallery(self) -> None:
        """Serve nothing: its driver keeps no pictures."""

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        found = {}
        for display in self._displays:
            if display.form is not None:
                low, high = self._signals[display.id].band()
                step = _resolution(display.form, high)
                found[display.id, display.quantity.name] = low - step, high + step
        return found

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        return {(display.id, CONFIDENCE.name): _Sure() for display in self._displays if display.form is not None}

    def picture(self, *, black: bool = False) -> bytes:
        from PIL import Image, ImageChops, ImageDraw

        corners = [corner for display in self._displays for corner in display.corners]
        size = math.ceil(max(x for x, _ in corners)) + BORDER, math.ceil(max(y for _, y in corners)) + BORDER
        room = Image.new("L", size, 0 if black else LIGHT["bright"][0])
        pen = ImageDraw.Draw(room)
        for display in () if black else self._displays:
            if display.form is not None:
                self._draw(pen, display, display.form)
        grain = Image.frombytes(
            "L", (size[0] // 2, size[1] // 2), self._random.randbytes((size[0] // 2) * (size[1] // 2))
        )
        seen = ImageChops.add(room, grain.resize(size).point([value // 32 for value in range(256)]))
        data = io.BytesIO()
        ImageChops.offset(seen, *self.displaced).convert("RGB").save(data, "JPEG", quality=85)
        return data.getvalue()

    def _draw(self, pen: Any, display: DisplayChannel, form: Display) -> None:
        dark, light = LIGHT[display.looks.lit]
        pitch = WIDTH * (1 + display.looks.gap)
        size = (round(pitch * (len(form.places) - 1) + WIDTH), HEIGHT)
        if display.looks.lit == "dark":
            glass = [(-pitch - 20, -30), (size[0] + pitch + 20, -30), (size[0] + pitch + 20, 110), (-pitch - 20, 110)]
            pen.polygon(placed(display.corners, size, glass), fill=dark)
        text = self.shows.get(display.id)
        if text is None:
            text = shown(form, self._signals[display.id]())
            if self.current_fault() == "over_range":
                text = "".join("-" if place.digit else " " for place in form.places)
        at = -pitch
        for character in text:
            if character == ".":
                x, y = at + WIDTH + (pitch - WIDTH) / 2, HEIGHT - 5.0
                dot = [(x - 4, y - 4), (x + 4, y - 4), (x + 4, y + 4), (x - 4, y + 4)]
                pen.polygon(placed(display.corners, size, dot), fill=light)
                continue
            at += pitch
            for name, points in bars(WIDTH, HEIGHT, THICK).items():
                if name in SEGMENTS[character]:
                    moved = [(at + x, y) for x, y in points]
                    pen.polygon(placed(display.corners, size, moved), fill=light)


def _center(form: Display, index: int) -> float:
    """Choose a value that uses most of the places, another for each display."""
    digits = sum(place.kind in "80" for place in form.places[: form.mantissa])
    after = min(_decimals(form), default=0)
    if form.mantissa < len(form.places):
        return (1.5 + 0.7 * (index % 10)) * 1e-5
    return float((0.15 + 0.07 * (index % 10)) * 10.0 ** (digits - after))


def _decimals(form: Display) -> list[int]:
    """List how many digits may stand behind the point, for each place of it."""
    kinds = form.places[: form.mantissa]
    return [len(kinds) - 1 - index for index, place in enumerate(kinds) if place.point]


def _resolution(form: Display, value: float) -> float:
    """Tell how much a change of one in the last digit is."""
    text = shown(form, value).replace(" ", "")
    mantissa = text.partition("E")[0] if "E" in form.text else text
    power = math.floor(math.log10(abs(value))) if form.mantissa < len(form.places) else 0
    return float(10.0 ** (power - len(mantissa.partition(".")[2])))


class _Sure:
    """Contains each confidence that a reading may have."""

    def __contains__(self, percent: object) -> bool:
        return isinstance(percent, (int, float)) and 100 * LEAST_CONFIDENCE <= percent <= 100.0


SIMULATOR = DisplayOcrSimulator
