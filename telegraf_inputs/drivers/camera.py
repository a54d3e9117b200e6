"""Cameras that give one picture when they are asked: network cameras by their snapshot URL, others by a program or a file.

Sources: makers' manuals call it snapshot URL (Axis: VAPIX, /axis-cgi/jpg/image.cgi); Raspberry Pi documentation, rpicam-still;
ffmpeg-devices(1), video4linux2.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, noted, together
from ..passwords import password
from ..reading import Gathered, Reading
from ..snapshot import Snapshots
from ..source import Polled
from ..stop import Stop
from ..url import HERE, Url
from ._picture_files import PictureFiles
from ._picture_folder import PictureFolder
from ._picture_target import check_address, without_address
from ._pictures import Photograph, whole

CHANNEL = "picture"
DEVICES, PICTURES_OF = (
    "/dev/v4l/by-id",
    "-video-index0",
)  # as udev names cameras at USB, and of each what gives pictures
SIMULATED = "simulated"  # of a simulator: the folder of its URL, and that of its pictures within the camera's
MB = 10**6
FETCHED = (
    Option("user", "str", "the user, where the camera wants one; http and https only"),
    Option("password_file", "str", "the file that holds the password"),
    Option("arguments", "list", "what the program is given, a text each; command only"),
)
BRIGHTNESS = Quantity("brightness", "%", "Mean brightness of the picture, of white", 0.0, 100.0, decimals=1)
CONTRAST = Quantity("contrast", "%", "Standard deviation of the brightness, of white", 0.0, 100.0, decimals=1)
DIFFERENCE = Quantity("difference", "%", "Mean difference from the picture before, of white", 0.0, 100.0, decimals=2)
SIZE = Quantity("size", "B", "Size of the picture's file", 1, type="int")
PICTURES_URL = "pictures_url"  # the option
PATH = Quantity("path", "", "Where the picture is kept, within its folder", type="str", picture=PICTURES_URL)


def check_fetched(stanza: Stanza, wrong: list[BadInput]) -> None:
    """Note what is wrong with how pictures are fetched."""
    options = stanza.options
    scheme = "sim" if simulated(stanza) else stanza.connection.scheme  # which is spoken to otherwise than the camera
    if bool(options["user"]) != bool(options["password_file"]):
        missing = "password_file" if options["user"] else "user"
        wrong.append(BadInput("is missing; user and password_file go together", (missing,)))
    if scheme in ("command", "file") and options["user"]:
        wrong.append(BadInput("is for http and https; a program is given what it needs in arguments", ("user",)))
    if scheme in ("http", "https", "file") and options["arguments"]:
        wrong.append(BadInput("is for a program: connection: command://PROGRAM", ("arguments",)))
    for index, argument in enumerate(options["arguments"] or ()):
        if not isinstance(argument, (str, int)) or isinstance(argument, bool) or "\0" in str(argument):
            wrong.append(BadInput(f"found {argument!r}, expected a text; write it in quotes", ("arguments", index)))


def simulated(stanza: Stanza) -> bool:
    """Tell whether a simulator stands in the camera's place; one that runs beside the program is known by its URL."""
    host, _, path = stanza.connection.rest.partition("/")
    return stanza.simulated or host.partition(":")[0] in HERE and path.startswith(f"{SIMULATED}/")


def open_fetched(link: Any, stanza: Stanza) -> Any:
    """Give the way to a camera what its stanza says of it. Raises BadInput where its password can't be read."""
    if stanza.connection.scheme == "command":
        link.arguments = [str(argument) for argument in stanza.options["arguments"] or ()]
    elif stanza.options["user"] and not simulated(stanza):
        link.user, link.password = stanza.options["user"], password(stanza.options["password_file"])
    return link


class Camera(Polled):
    """Reads a picture each interval, tells how bright it is and how it differs from the last one, and keeps it.

    With `folder` in the channel, pictures are kept there, a folder a day, for `keep` and within `keep_size`; the oldest go first. `index.html` in it
    shows the newest, `index.json` lists them for programs, `latest.jpg` is the newest. A folder is not served by this: let the web
    server of the house serve it, best the proxy that serves Grafana, to those who may see Grafana, or for a look
    `python3 -m http.server --bind 127.0.0.1 --directory FOLDER 8097`. With `pictures_url`, where browsers find the folder, the dashboard shows the
    newest pictures of the time that is chosen. Whoever may see the folder sees your laboratory.

    Of files, which a camera uploads or a program writes, the connection is the file, or the folder of which the newest *.jpg, *.jpeg or *.png is
    read, with the time at which it was written. One that is being written is waited for. Where none comes for `frozen` intervals, that is told.

    A picture that is torn, black, or the same as those before, bit for bit, is told; of the same one, nothing is stored. A camera's own
    noise makes any two pictures differ. A picture that is damaged in its middle and has its end passes for a whole one. A plain (baseline)
    JPEG may have 64 megapixels; PNG and progressive JPEG, 4. A camera that hangs costs its `timeout`, and no other instrument anything. A URL
    holds no password: it would stand in messages.
    """

    name = "camera"
    title = "Cameras, by snapshot URL, a program or files"
    manual = "the camera's own manual: snapshot URL; Raspberry Pi documentation, rpicam-still; ffmpeg-devices(1)"
    verified = (
        "with pictures that ffmpeg made and served (a program that nobody here wrote), by programs that print one, and by ffmpeg on "
        "a V4L2 device of a Linux kernel (vivid) that went and came back; not yet on a camera"
    )
    known_as = (
        "webcam",
        "ip camera",
        "rpicam",
        "libcamera",
        "v4l2",
        "usb camera",
        "axis",
        "hikvision",
        "snapshot",
        "picture",
    )
    family = "picture"
    extra = "camera"
    schemes = ("http", "https", "command", "file")
    timeout = 10.0
    interval = 60.0
    channel_names = (CHANNEL,)
    streams = (Stream("camera", (BRIGHTNESS, CONTRAST, DIFFERENCE, SIZE, PATH)),)
    options_known = (
        *FETCHED,
        Option(
            PICTURES_URL,
            "str",
            "the address at which browsers find the folder, such as /door beside Grafana, or https://HOST/door: then the "
            "dashboard shows the pictures",
        ),
        Option("black", "float", "a picture is black below this brightness, in %", 2.0),
        Option("frozen", "int", "after so many pictures that are the same, it is frozen; 0: never", 2),
    )
    channel_options = (
        Option("folder", "str", "the folder in which pictures are kept; default: none is"),
        Option("keep", "duration", "how long they are kept", 7 * 86400.0),
        Option("keep_size", "int", "how much they may be together, in MB", 2000),
    )
    statuses = {
        "torn": "the picture is not whole, or no picture: the program's log says what came",
        "black": "the picture is black: no light, a covered lens, or a fault of the camera",
        "frozen": "the camera gives the same picture again and again, bit for bit",
        "not_kept": "the picture could not be written into its folder: the program's log says why",
    }
    example = """\
name: door
driver: camera
connection: http://192.168.1.60/snapshot.jpg
interval: 60s
channels:
  picture: {label: Door of the laboratory}
"""
    link: Snapshots
    contacts = 1  # one that hangs is not waited for more than once

    @classmethod
    def find(cls) -> Iterator[str]:
        for device in sorted(glob.glob(f"{DEVICES}/*{PICTURES_OF}")):
            label = os.path.basename(device).removesuffix(PICTURES_OF).removeprefix("usb-").replace("_", " ")
            arguments = [*"-loglevel error -f v4l2 -i".split(), device, *"-frames:v 1 -f mjpeg -".split()]
            yield (
                f"name: camera\nlabel: {json.dumps(label)}\ndriver: camera\nconnection: command://ffmpeg\n"
                f"arguments: {json.dumps(arguments)}\ninterval: 60s\nchannels:\n  picture: {{}}\n"
            )

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        every = cls.streams[0].quantities
        return every if channel.options["folder"] else tuple(each for each in every if each is not PATH)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        options = stanza.options
        with together() as wrong:
            check_fetched(stanza, wrong)
            if options[PICTURES_URL]:
                with noted(wrong):
                    check_address(options[PICTURES_URL], (PICTURES_URL,))
                if not any(channel.options["folder"] for channel in stanza.channels):
                    wrong.append(BadInput("needs a folder, in the channel, that is found there", (PICTURES_URL,)))
            for channel in stanza.channels:
                folder, size = channel.options["folder"], channel.options["keep_size"]
                if folder and not folder.startswith("/"):
                    expected = "expected a whole path such as /srv/pictures/door"
                    wrong.append(BadInput(f"found {folder!r}, {expected}", ("channels", channel.id, "folder")))
                if size < 1:
                    wrong.append(
                        BadInput(f"found {size}, expected 1 MB or more", ("channels", channel.id, "keep_size"))
                    )
            if not 0 <= options["black"] < 100:
                wrong.append(BadInput(f"found {options['black']:g}, expected a percentage from 0", ("black",)))
            if options["frozen"] < 0 or options["frozen"] == 1:
                wrong.append(BadInput(f"found {options['frozen']}, expected 2 or more; 0: never", ("frozen",)))

    @classmethod
    def places(cls, stanza: Stanza) -> Iterable[tuple[str, tuple[str, ...]]]:
        for channel in stanza.channels:
            if channel.options["folder"]:
                yield f"folder {channel.options['folder'].rstrip('/')}", ("channels", channel.id, "folder")

    @classmethod
    def folders(cls, stanza: Stanza) -> Iterable[str]:
        return [channel.options["folder"] for channel in stanza.channels if channel.options["folder"]]

    @classmethod
    def apart(cls, data: Mapping[str, Any], folder: str) -> dict[str, Any]:
        channels = {
            name: {**channel, "folder": folder} if channel and channel.get("folder") else channel
            for name, channel in (data.get("channels") or {}).items()
        }
        if channels == (data.get("channels") or {}):
            return dict(data)
        return {**without_address(data, PICTURES_URL), "channels": channels}

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Any:
        if url.scheme == "file":
            return PictureFiles(url.rest, stanza.timeout, stop)
        return open_fetched(super().open_link(url, stanza, stop), stanza)

    def __init__(self, stanza: Stanza, link: Snapshots):
        super().__init__(stanza, link)
        self._folder: PictureFolder | None = None
        self._within = SIMULATED if simulated(stanza) else ""  # simulated pictures never meet the camera's
        for channel in stanza.channels:
            if folder := channel.options["folder"]:
                folder = os.path.join(folder, self._within)
                title = channel.label or stanza.label or stanza.name
                self._folder = PictureFolder(folder, title, channel.options["keep"], channel.options["keep_size"] * MB)
        self._ahead: tuple[bytes, int] | None = None  # the first picture, and its time
        self._before: Photograph | None = None
        self._same = ("", 0)  # the digest of the last picture, and how often it came

    def identify(self) -> str:
        self._ahead = self.link.fetch(), self.link.answered_ns  # by nothing else is known whether there is a camera
        return ""  # each picture comes over a way of its own

    def read(self) -> Iterator[Reading]:
        for channel in self.channels:  # there is one: without its picture there is no camera
            if (reading := self._take(channel)) is not None:
                yield reading

    def _take(self, channel: Channel) -> Reading | None:
        """Take a picture; None where it is the one before once more, and may be that."""
        data, taken = self._ahead or (self.link.fetch(), self.link.answered_ns)
        self._ahead = None
        try:
            picture = whole(data)
        except BadAnswer as error:
            return Reading(channel.id, {}, time.time_ns(), "torn", str(error))
        digest = hashlib.sha256(data).hexdigest()
        self._same = digest, self._same[1] + 1 if digest == self._same[0] else 1
        if 0 < self.options["frozen"] <= self._same[1]:
            return Reading(channel.id, {}, time.time_ns(), "frozen", f"the same picture came {self._same[1]} times")
        if self._same[1] > 1:
            return None
        found = Gathered()
        found.add("brightness", picture.brightness, "black" if picture.brightness < self.options["black"] else "")
        found.add("contrast", picture.contrast)
        found.add("difference", picture.difference(self._before) if self._before else None)
        found.add("size", len(data))
        if self._folder:
            try:
                found.add("path", os.path.join(self._within, self._folder.add(data, picture.kind, taken)))
            except OSError as error:
                found.note("not_kept", f"{error.filename or channel.options['folder']}: {error.strerror}")
        self._before = picture
        return found.reading(channel.id, taken)


DRIVER = Camera

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
