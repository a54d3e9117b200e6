"""Draws into a picture where displays are looked at, and what is read there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telegraf_inputs.drivers import _display_parts as parts
from telegraf_inputs.drivers._display_channel import DisplayChannel
from telegraf_inputs.drivers._display_region import Corner, placed
from telegraf_inputs.drivers._seven_segment import DARK, LIT, contrast_of

REGION, PLACE, STRAY = (255, 0, 255), (120, 120, 120), (220, 200, 0)
IS_LIT, IS_DARK, IN_DOUBT = (0, 230, 0), (60, 120, 255), (255, 40, 40)
LETTERS = 14  # pixels


class Drawing:
    """A picture that was taken (Pillow's), and what is drawn into a copy of it."""

    def __init__(self, picture: Any):
        from PIL import ImageDraw

        self.picture = picture
        self._seen = picture.convert("RGB")
        self._pen = ImageDraw.Draw(self._seen)

    def add(self, display: DisplayChannel, seen: Any) -> float | None:
        """Draw one display; gives how much brighter lit segments are (of 255), where that can be told."""
        wide, high = self.picture.info["labline_size"]
        corners = display.where((self.picture.width / wide, self.picture.height / high))
        self._pen.polygon(corners, outline=REGION)
        said = seen.text.strip() if seen.number is not None else f"{seen.status}: {seen.detail}"
        left, top = min(x for x, _ in corners), min(y for _, y in corners)
        self._pen.text((left, max(0, top - 2 * LETTERS)), f"{display.id}  {said}", REGION, font_size=LETTERS)
        if display.form is None:
            return None
        try:
            measured = parts.measure(self.picture, corners, display.form, display.looks)
        except parts.Unsure:
            return None
        contrast = contrast_of(measured)
        pitch = parts.WIDTH * (1 + display.looks.gap)
        size = (round(pitch * (len(display.form.places) - 1) + parts.WIDTH), parts.HEIGHT)
        for index, place in enumerate(display.form.places):
            at: float = index * pitch
            self._box(corners, size, (at, 0, parts.WIDTH, parts.HEIGHT), PLACE)
            for x, y, w, h in parts.HOLES.values():
                self._box(corners, size, (at + x, y, w, h), STRAY)
            for name, (x, y, w, h, (right, down)) in parts.CORES.items():
                span = (at + x, y, w + right * parts.SPAN, h + down * parts.SPAN)
                self._box(corners, size, span, _colour(measured.segments[index][name], contrast))
            if place.point:
                value = measured.points[index]
                beside = at + parts.WIDTH + (pitch - parts.WIDTH) / 2 - 3
                self._box(corners, size, (beside, 70, 6, 8), _colour((value, value), contrast))
        return contrast if contrast > 0 else None

    def write(self, target: Path) -> None:
        """Write it as a PNG; whole, or not at all. Raises OSError."""
        new = target.with_name(f".{target.name}.new")
        try:
            self._seen.save(new, "PNG")
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)

    def _box(
        self,
        corners: tuple[Corner, ...],
        size: tuple[int, int],
        box: tuple[float, float, float, float],
        colour: tuple[int, int, int],
    ) -> None:
        x, y, w, h = box
        outline = placed(corners, size, [(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        self._pen.polygon(outline, outline=colour)


def _colour(halves: tuple[float, float], contrast: float) -> tuple[int, int, int]:
    darker, brighter = (half / contrast if contrast > 0 else 0.0 for half in halves)
    if darker >= LIT:
        return IS_LIT
    return IS_DARK if brighter <= DARK else IN_DOUBT
