"""Pictures of MRC files, small enough to look at: read a few rows at a time, so that a large micrograph costs little memory.

Source: MRC2014 file format (Cheng et al., J. Struct. Biol. 192, 146), the header's words 1-4, 24 and 54.
"""

from __future__ import annotations

import array
import io
import math
import struct
from typing import Any, BinaryIO

from ..errors import BadAnswer

HEADER = 1024  # bytes
LARGEST_SIDE = 65_536  # pixels, of what is read
SIDE = 512  # pixels at most, of what is made
HALF = 12  # the mode of 16-bit floats, which Pillow can't read
MODES = {
    0: ("8S", 1),
    1: ("16S", 2),
    2: ("32F", 4),
    6: ("16", 2),
    HALF: ("32F", 2),
}  # as Pillow calls them, bytes a pixel
BIG = {"16S": "16BS", "32F": "32BF", "16": "16B"}
DARKEST, LIGHTEST = 0.01, 0.99  # the part of the pixels that may be plain black, or not plain white
SAMPLE = 128  # pixels a side, of which that is told


class NotWhole(Exception):
    """The file is not there, or shorter than its header says: whoever writes it has not finished."""


def png_of(path: str, number: int = 1) -> bytes:
    """Make a PNG of one image of an MRC file (the first is 1). Raises NotWhole, BadAnswer, OSError."""
    try:
        with open(path, "rb") as file:
            return _png(_reduced(file, path, number))
    except FileNotFoundError:
        raise NotWhole(f"{path}: it is not there") from None


def _reduced(file: BinaryIO, path: str, number: int) -> Any:
    """Read an image, reduced by the mean of k × k pixels."""
    from PIL import Image

    header = file.read(HEADER)
    if len(header) < HEADER:
        raise NotWhole(f"{path}: {len(header)} bytes, expected a header of {HEADER}")
    order = ">" if header[212:214] == b"\x11\x11" else "<"
    width, height, count, mode = struct.unpack(f"{order}4i", header[:16])
    (extended,) = struct.unpack(f"{order}i", header[92:96])
    if mode not in MODES or not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and extended >= 0):
        expected = f"up to {LARGEST_SIDE} pixels a side and mode {', '.join(map(str, MODES))}"
        raise BadAnswer(f"{path}: found {width} × {height} pixels of mode {mode}, expected {expected}")
    if not 0 < number <= max(1, count):
        raise BadAnswer(f"{path}: there is no image {number}, it has {count}")
    raw, size = MODES[mode]
    raw = raw if order == "<" else BIG.get(raw, raw)
    begin = HEADER + extended + (number - 1) * width * height * size
    by = max(1, math.ceil(max(width, height) / SIDE))
    by = min(by, width, height)
    picture = Image.new("F", (width // by, height // by))
    for row in range(height // by):
        file.seek(begin + row * by * width * size)
        data = file.read(by * width * size)
        if len(data) < by * width * size:
            raise NotWhole(f"{path}: it ends at row {row * by} of {height}")
        if mode == HALF:
            data = array.array("f", struct.unpack(f"{order}{by * width}e", data)).tobytes()
        form = "F;32F" if mode == HALF else f"F;{raw}"
        block = Image.frombytes("F", (width, by), data, "raw", form)
        picture.paste(block.reduce(by).crop((0, 0, width // by, 1)) if by > 1 else block, (0, row))
    return picture


def _png(picture: Any) -> bytes:
    seen = picture.resize((min(SAMPLE, picture.width), min(SAMPLE, picture.height)), 0)
    values = sorted(value for (value,) in struct.iter_unpack("=f", seen.tobytes()) if math.isfinite(value))
    low = values[int(DARKEST * len(values))] if values else 0.0
    high = values[min(len(values) - 1, int(LIGHTEST * len(values)))] if values else 1.0
    scale = 255.0 / (high - low) if high > low else 0.0
    out = io.BytesIO()
    picture.point(lambda value: value * scale - low * scale).convert("L").save(out, "PNG")
    return out.getvalue()
