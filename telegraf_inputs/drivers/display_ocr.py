"""Displays of instruments that have no interface, read from the pictures of a camera.

Sources: the instrument's manual says what its display shows; tesseract(1) for displays of text.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, NoAnswer, Stopped, noted, together
from ..fields import clashes
from ..reading import Reading
from ..snapshot import Snapshots
from ..source import NUMBER, Polled
from ..stop import Stop
from ..url import Url
from . import _display_form, _seven_segment
from ._display_channel import OPTIONS, DisplayChannel
from ._display_parts import DisplayText, Unsure
from ._display_text import NoProgram
from ._display_text import read as read_text
from ._picture_files import PictureFiles
from ._pictures import THUMB, opened
from .camera import FETCHED, check_fetched, open_fetched

CONFIDENCE = Quantity("confidence", "%", "How sure the least sure part of the reading is", 0.0, 100.0, decimals=0)
PICTURES = 3  # of a cycle, at most: two in a row that say the same are needed
PAUSE_SECONDS = 0.2  # between two pictures of a cycle


@dataclass(frozen=True)
class DisplayReading:
    """What one picture shows of a display: ``text`` None where it can't be told; ``number`` None where it is none."""

    text: str | None
    number: float | None
    confidence: float
    status: str
    detail: str = ""


class DisplayOcr(Polled):
    """Reads the numbers of seven-segment displays, LED or LCD, from a camera's pictures; displays of text by tesseract.

    Nothing is guessed. Each channel is one display, of which the stanza says where it is in the picture (`region`) and what
    stands where (`form`). Each segment, and each point, is measured against what lies beside it; only where all are clearly lit or
    clearly dark, and nothing shines where no segment is, there is a reading. A value is given when two different pictures in
    a row say the same; up to three are taken in a cycle. What is in doubt is a status, not a number.

    `labline calibrate-display INSTRUMENT SITE` takes a picture and draws regions, segments and what was read into it. A
    picture must show a digit's width more at either side of a display than it has, for only so is it seen when the camera has moved.
    Digits have to be 16 pixels high; 40 are good. Shield the display from lamps and windows, fix the camera, and set a long exposure:
    many LED displays light one digit at a time, and a short one shows some of them dark.

    Of files, which a camera uploads or a program writes, the connection is the file, or the folder of which the newest *.jpg, *.jpeg or
    *.png is read; a value is given when two in a row say the same, with the time at which the newer one was written. Where none comes for `frozen`
    intervals, that is told.

    It can't be seen that a segment is broken, that something of the very colour of the display hides a part of it, or that
    the camera moved by exactly one line of a display with several like ones.
    """

    name = "display_ocr"
    title = "Displays, read from a camera's pictures"
    manual = "the instrument's own manual: what its display shows; tesseract(1)"
    verified = (
        "with drawn pictures, some hundreds in each run of the tests, and with DSEG, typefaces of segments of Debian's that nobody "
        "here drew: clean, noisy, tilted, blurred, with glare, unevenly lit, compressed hard; moved, covered, reflecting, changing. "
        "Not yet on a real display"
    )
    known_as = ("ocr", "seven segment", "7-segment", "display", "lcd", "led", "panel meter", "camera")
    family = "picture"
    extra = "camera"
    schemes = ("http", "https", "command", "file")
    timeout = 10.0
    interval = 30.0
    channel_names = None
    streams = (Stream("display_ocr"),)  # its quantities stand in the stanza
    options_known = (
        *FETCHED,
        Option("frozen", "int", "of files: after so many intervals without a new one it is frozen; 0: never", 2),
    )
    channel_options = OPTIONS
    statuses = {
        "torn": "the picture is not whole, or no picture: the program's log says what came",
        "frozen": "the camera gives the same picture again and again, bit for bit",
        "unsure": "what the display shows is in doubt: the program's log says which part, and why",
        "changing": "no two pictures in a row say the same",
        "blank": "the display is dark",
        "dashes": "the display shows dashes",
        "no_number": "the display shows a word (Err, OL), or what does not fit its form",
        "no_program": "tesseract, which reads text, is not installed",
    }
    example = """\
name: gauge
driver: display_ocr
connection: http://192.168.1.60/snapshot.jpg
interval: 30s
channels:
  foreline:
    label: Foreline
    form: "8.8E-8"
    region: [160, 120, 300, 80]
    slant: 5
    read: {pressure: {unit: mbar, description: Pressure in the foreline, low: 1.0e-9, high: 1500}}
  bath:
    label: Bath
    form: "-88.88"
    region: [160, 300, 300, 80]
    slant: 5
    read: {temperature: {unit: °C, description: Temperature of the bath, low: -60, high: 99, decimals: 2}}
"""
    link: Snapshots

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return DisplayChannel(channel).quantity, CONFIDENCE

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            check_fetched(stanza, wrong)
            if stanza.options["frozen"] < 0:
                wrong.append(BadInput(f"found {stanza.options['frozen']}, expected 1 or more; 0: never", ("frozen",)))
            for channel in stanza.channels:
                with noted(wrong, "channels", channel.id):
                    DisplayChannel(channel)
            for clash in clashes([stanza]):
                wrong.append(BadInput(clash.message, ("channels", clash.channel.id, "read", clash.quantity.name)))

    @classmethod
    def places(cls, stanza: Stanza) -> Iterator[tuple[str, tuple[str, ...]]]:
        return iter(())  # one camera may show a room, too, to another instrument

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Any:
        if url.scheme == "file":
            return PictureFiles(url.rest, stanza.timeout, stop)
        return open_fetched(super().open_link(url, stanza, stop), stanza)

    def __init__(self, stanza: Stanza, link: Snapshots):
        super().__init__(stanza, link)
        self.displays = [DisplayChannel(channel) for channel in stanza.channels]
        self._said: dict[str, str | None] = {}  # channel -> what the last picture said
        self._digest = ""  # of the last picture
        self._same = 0  # cycles with no other file
        self._least: tuple[int, int] | None = None  # the size in pixels that is large enough

    def identify(self) -> str:
        return ""  # each picture comes over a way of its own

    def read(self) -> Iterator[Reading]:
        waiting: dict[str, Reading] = {}  # channel -> what is to be told where no other picture says more
        pending = list(self.displays)
        files = isinstance(self.link, PictureFiles)  # there is no other one to be had now
        for attempt in range(1 if files else PICTURES):
            if attempt and self.link.stop.wait(PAUSE_SECONDS):
                raise Stopped
            data = self.link.fetch()
            taken = self.link.answered_ns
            digest = hashlib.sha256(data).hexdigest()
            self._same = self._same + 1 if files and digest == self._digest else 0
            if files and self._same and not 0 < self.options["frozen"] <= self._same:
                return
            if digest == self._digest:
                now = time.time_ns() if files else taken  # what the file said at its own time is told already
                for display in pending:
                    same = Reading(display.id, {}, now, "frozen", "the camera gave the same picture again")
                    waiting.setdefault(display.id, same)
                continue
            self._digest = digest
            try:
                picture = self.decoded(data)
            except BadAnswer as error:
                self._said.clear()
                waiting = {display.id: Reading(display.id, {}, taken, "torn", str(error)) for display in pending}
                continue
            for display in tuple(pending):
                seen = self.see(display, picture)
                before, self._said[display.id] = self._said.get(display.id), seen.text
                if seen.text is not None and seen.text == before:
                    pending.remove(display)
                    values = (
                        {}
                        if seen.number is None
                        else {display.quantity.name: seen.number, CONFIDENCE.name: seen.confidence}
                    )
                    yield Reading(display.id, values, taken, seen.status, seen.detail)
                elif files and before is None and seen.text is not None:
                    pending.remove(display)  # the next one tells
                elif seen.text is None:
                    waiting[display.id] = Reading(display.id, {}, taken, seen.status, seen.detail)
                else:
                    waiting[display.id] = Reading(
                        display.id, {}, taken, "changing", f"the last picture shows {seen.text!r}"
                    )
            if not pending:
                return
            del data, picture  # a large one is enough at a time
        for display in pending:
            yield waiting[display.id]

    def decoded(self, data: bytes) -> Any:
        """Decode a picture, no larger than it need be. Raises BadAnswer."""
        if self._least is None:
            wide, high = opened(data, THUMB)[0].info["labline_size"]
            by = min(display.reducible for display in self.displays)
            self._least = int(wide / by), int(high / by)
        picture, _ = opened(data, self._least)
        return picture

    def see(self, display: DisplayChannel, picture: Any) -> DisplayReading:
        """Tell what one picture shows of a display."""
        wide, high = picture.info["labline_size"]
        corners = display.where((picture.width / wide, picture.height / high))
        try:
            if display.form is None:
                shown = read_text(picture, corners, display.looks.lit == "dark", self.stanza.timeout)
                return _of_text(display, shown)
            shown = _seven_segment.read(picture, corners, display.form, display.looks)
        except Unsure as error:
            return DisplayReading(None, None, 0.0, "unsure", str(error))
        except NoProgram as error:
            return DisplayReading(None, None, 0.0, "no_program", str(error))
        except NoAnswer as error:
            return DisplayReading(None, None, 0.0, "no_answer", str(error))
        number, why = _display_form.meaning(display.form, shown.text)
        detail = f"it shows {shown.text!r}" if why else ""
        return DisplayReading(shown.text, number, float(round(100 * shown.confidence)), why or "ok", detail)


def _of_text(display: DisplayChannel, shown: DisplayText) -> DisplayReading:
    assert display.pattern
    match = display.pattern.match(shown.text)
    found = (match[1] if match.re.groups else match[0]) if match else ""
    if not match or not NUMBER.match(found or ""):
        status = "no_number" if shown.text.strip() else "blank"
        return DisplayReading(shown.text, None, 0.0, status, f"it shows {shown.text[:40]!r}")
    return DisplayReading(shown.text, float(found), float(round(100 * shown.confidence)), "ok")


DRIVER = DisplayOcr

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
