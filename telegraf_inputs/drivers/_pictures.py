"""What a picture is: whole, of a size that can be, how bright, and how different from the one before."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

from ..errors import BadAnswer

THUMB = (160, 120)  # pixels of the small grey picture that is kept for comparing
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
# Of pixels: what has more would fill the memory. A plain JPEG is decoded at an eighth of its size where that is enough, or
# in grey; all else only whole and in colour.
MOST_PIXELS, MOST_PIXELS_GREY, MOST_PIXELS_WHOLE = 64_000_000, 20_000_000, 4_200_000


@dataclass(frozen=True)
class Photograph:
    """A whole picture as it came: ``data``; ``kind`` is jpg or png; ``brightness`` and ``contrast`` in % of white.

    ``contrast`` is the standard deviation of the brightness.
    """

    data: bytes
    kind: str
    width: int
    height: int
    brightness: float
    contrast: float
    thumb: Any  # grey, of Pillow

    def difference(self, before: Photograph) -> float:
        """Tell the mean difference of brightness from another picture, in % of white."""
        from PIL import ImageChops, ImageStat

        return float(ImageStat.Stat(ImageChops.difference(self.thumb, before.thumb)).mean[0]) / 2.55


def whole(data: bytes) -> Photograph:
    """Read a picture, JPEG or PNG. Raises BadAnswer where it is none, or is torn."""
    from PIL import ImageStat

    image, kind = opened(data, THUMB)
    width, height = image.info["labline_size"]
    thumb = image.resize(THUMB).convert("L")  # in this order: the other makes a second large picture
    stat = ImageStat.Stat(thumb)
    return Photograph(
        data, {"JPEG": "jpg", "PNG": "png"}[kind], width, height, stat.mean[0] / 2.55, stat.stddev[0] / 2.55, thumb
    )


def is_ended(data: bytes, kind: str = "") -> bool:
    """Tell whether the end of a picture (of that kind) is there; some cameras write empty bytes behind it."""
    ends = (ENDS[kind],) if kind else tuple(ENDS.values())
    return data.rstrip(b"\0\r\n").endswith(ends)


def opened(data: bytes, least: tuple[int, int] | None = None) -> tuple[Any, str]:
    """Open a picture, grey where that is had for nothing; gives Pillow's image, all of it decoded, and its format.

    ``least``: a size in pixels that is large enough; a JPEG is then decoded smaller. The size that it has as it came is
    ``info["labline_size"]``. Raises BadAnswer where it is no picture, or torn.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data), formats=tuple(ENDS))
        size = image.size
        plain = image.format == "JPEG" and not image.info.get("progressive")
        most = MOST_PIXELS_WHOLE if not plain else MOST_PIXELS if least else MOST_PIXELS_GREY
        if size[0] * size[1] > most:
            raise BadAnswer(
                f"a picture of {size[0]} × {size[1]} pixels came; at most {most / 1e6:g} million are read"
                f"{'' if plain else ' of what is no plain (baseline) JPEG: let the camera make such, or smaller ones'}"
            )
        if image.mode.startswith("I"):
            raise BadAnswer("a picture of 16 bits a pixel came; expected 8")
        if not is_ended(data, str(image.format)):
            raise BadAnswer(f"the picture is torn: its end is missing, after {len(data)} bytes")
        kind = str(image.format)
        if kind == "JPEG":
            image.draft("L", least)
        image.load()
    except Image.DecompressionBombError as error:
        raise BadAnswer(f"the picture is too large: {error}") from None
    except UnidentifiedImageError:
        raise BadAnswer(f"no picture came, but {data[:16]!r}…; expected JPEG or PNG") from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:  # all that Pillow's readers stumble over
        raise BadAnswer(f"the picture is torn: {error}") from None
    image.info["labline_size"] = size
    return image, kind
