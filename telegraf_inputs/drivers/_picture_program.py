"""Makes one batch of pictures and carries them, as a program of its own: what that takes of memory is given back when it ends.

It reads a batch (JSON, a line) from its input, and prints ``[number, name, bytes, why]`` of each picture that it is done with, then
``{"trouble": why}`` ("" where the folder was reached). It ends at once when its input does.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ..errors import BadAnswer
from ._mrc_picture import NotWhole, png_of
from ._picture_target import reached

PLACE = re.compile(r"(?:(\d+)@)?(.+)\Z", re.S)  # an image of a stack is 3@file.mrcs
LARGEST_PLAIN = 20_000_000  # bytes, of a picture that is one already
PNG, JPEG = b"\x89PNG", b"\xff\xd8"
PLAIN = (".png", ".jpg", ".jpeg")
ROW_SECONDS = 120  # that the pictures of a row may take; a folder that hangs ends the program


def main() -> int:
    """Run; returns the exit status."""
    batch = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    trouble = ""
    try:
        for line in carried(batch):
            print(json.dumps(line), flush=True)
    except ImportError as error:
        trouble = f"carrying pictures needs {error.name}: pip install 'labline[scipion]'"
    except Exception as error:  # whatever it is, the program that began this one tells it
        trouble = str(error) or type(error).__name__
    print(json.dumps({"trouble": trouble}), flush=True)
    return 0


def carried(batch: dict[str, Any]) -> Iterator[tuple[int, str, int, str]]:
    """Carry what is there: yields its number, name below the folder, bytes, and why there is none. Raises OSError.

    A row of which a picture may yet come is left out, and so are those of its set behind it: they are looked at again.
    """
    held = set()
    with reached(*batch["to"]) as target:
        for (of, _), row in itertools.groupby(
            enumerate(batch["pictures"]), lambda each: (each[1]["set"], each[1]["row"])
        ):
            signal.alarm(ROW_SECONDS)
            if of in held:
                continue
            try:
                made = [(number, picture, *_made(picture)) for number, picture in row]
            except NotWhole:
                held.add(of)
                continue
            for number, picture, data, why in made:
                name = f"{picture['stem']}.{'png' if data.startswith(PNG) else 'jpg'}"
                if not why:
                    target.put(name, data)
                yield number, "" if why else name, len(data), why
    signal.alarm(0)


def _made(picture: dict[str, Any]) -> tuple[bytes, str]:
    """Make a picture, or tell why there is none. Raises NotWhole where it may yet come."""
    try:
        return _data(picture["source"]), ""
    except NotWhole as error:
        if picture["awaited"]:
            raise
        return b"", str(error)
    except (BadAnswer, OSError) as error:
        return b"", str(error)


def _data(source: str) -> bytes:
    match = PLACE.match(os.path.basename(source))
    path = os.path.join(os.path.dirname(source), match[2] if match else "")
    if not path.lower().endswith(PLAIN):
        return png_of(path, int(match[1] or 1) if match else 1)
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_PLAIN + 1)
    except FileNotFoundError:
        raise NotWhole(f"{path}: it is not there") from None
    if len(data) > LARGEST_PLAIN or not data.startswith((PNG, JPEG)):
        raise BadAnswer(f"{path}: it is no picture of less than {LARGEST_PLAIN} bytes")
    return data


def _end_with_input() -> None:
    """End when nobody waits any more for what this program says."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
