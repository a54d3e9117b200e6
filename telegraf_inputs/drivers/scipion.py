"""Scipion: what a cryo-EM project says of itself while a session runs, from its SQLite files, which are only read.

Source: files that scipion-pyworkflow 3.11.7 and scipion-em 3.11.1 write; `summaryForMonitor.txt` of the gain protocols.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option, Stream
from ..errors import BadAnswer, InstrumentError
from ..inbox import Inbox
from ..memory import Memory
from ..reading import Reading
from ..source import Pushed
from ..stop import Stop
from ..url import Url
from . import _scipion_files as files
from ._picture_target import check_address, check_target, local_folder, without_address
from ._scipion_gain import SUMMARY, last_place, read_gains
from ._scipion_memory import ScipionMemory
from ._scipion_pictures import Carrier, Picture, pictures_of
from ._scipion_places import ScipionPlaces
from ._scipion_readings import acquisition, gain_of, properties, trouble_of, written
from ._scipion_streams import PICTURES_URL, STREAMS

PICTURES = "pictures"
MOST_PICTURES = 60  # handed over in one look, in about as many rows as a third of it
MOST_POINTS = 2000  # in one look; what is more waits for the next


class Scipion(Pushed):
    """Reads the projects of Scipion 3 while they grow: properties, acquisition, outputs, CTFs and gains.

    The folder of the connection is a project, or has projects in it; of those, the ones that changed within `active` are read. Each point
    has the tag `project`, so projects of several machines are kept apart in one database: give them different names.

    Files are only read, a few rows at a time: Scipion is never kept from writing for longer than that takes. A CTF has the time of its row
    (the column `creation`, UTC, whole seconds, and as nanoseconds its number, so that none takes another's place). The summary of gains
    has no times: its newest line has the time at which the file was written. Properties, acquisition and summary are what holds at each look.

    Where the program starts anew it goes on behind what it printed, by name and beginning of the project, wherever the folder is by then; what it
    printed and could not note comes once more, as the same points. It remembers that in the folder which `LABLINE_MEMORY` names
    (default: `~/.local/state/labline/memory`); where that is empty all CTFs are read at each start, and gains only from then on.

    With `pictures`, the micrograph, the power spectrum and the plot of shifts of each row are made into PNGs of at most 512 pixels, and carried to a
    folder of this machine or, by SFTP, of another one, as `PROJECT/RUN/MICROGRAPH_KIND.png`: written under another name, and renamed when whole.
    The channel `pictures` has a point, at the time of the row, of what has arrived, and of nothing else. What could not be carried is tried
    again; the host's key must be known (`ssh-keyscan`, then compare it). One that does not come within ten minutes of its row is told and left. This needs `pip install 'labline[scipion]'`.

    An infinite resolution, and a phase shift that the program did not fit, are no values. A graphics card is read by Telegraf's
    [nvidia_smi](../telegraf/README.md).
    """

    name = "scipion"
    title = "Scipion projects (cryo-EM)"
    manual = "scipion-pyworkflow 3.11.7 and scipion-em 3.11.1, the files that they write"
    known_as = ("cryo-em", "cryoem", "ctf", "gctf", "ctffind", "xmipp", "micrograph", "movie", "titan krios")
    verified = (
        "against a project that the published packages wrote, column by column; the summary of gains against lines of its "
        "known form; pictures of MRC files that the package mrcfile wrote, carried to OpenSSH's server; the plot of shifts "
        "was not seen in a genuine file; not yet beside a running session"
    )
    family = "protocol"
    schemes = ("file",)
    reopen = False
    waits = True
    timeout = 10.0
    interval = 60.0
    streams = tuple(STREAMS.values())
    channel_names = tuple(STREAMS)
    options_known = (
        Option("active", "duration", "of a folder of projects: how long ago one may have changed that is read", 7 * 86400.0),
        Option("pictures", "str", "the folder to which pictures are carried: file:///FOLDER, or sftp://USER@HOST/FOLDER"),
        Option(PICTURES_URL, "str", "the address at which browsers find that folder, such as /pictures beside Grafana, or https://HOST/pictures"),
        Option("picture_key", "str", "the file of the private key with which that host is logged in to"),
        Option("known_hosts", "str", "the file with the keys of hosts, as ssh keeps it; default: ~/.ssh/known_hosts of whoever runs the program"),
    )  # fmt: skip
    statuses = {
        "unreadable_file": "a file of a project is no database, or half-written; the program's log says which",
        "locked": "a file of a project is locked by whoever writes it",
        "unreadable": "a line of the summary of gains can't be read",
        "no_picture": "a picture did not come within ten minutes of its row, or is none; the program's log says which",
        "not_carried": "the folder of pictures can't be reached or written; it is tried again",
    }
    example = """\
name: session
driver: scipion
connection: file:///home/scipion/ScipionUserData/projects
channels:
  properties: {label: Project}
  acquisition: {label: Microscope}
  summary: {label: Outputs}
  ctf:
    label: CTF of micrographs
    limits:
      defocus_u: {warning: {below: 1000 Å, above: 40000 Å}}
      astigmatism: {warning: {above: 1000 Å}}
  gain:
    label: Residual gain
    limits:
      stddev: {warning: {above: 0.04}}
      p975_to_p025: {warning: {above: 1.15}}
      max_to_p975: {warning: {above: 4.5}}
"""

    @classmethod
    def channel_names_of(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(name for name in cls.channel_names if name != PICTURES or options.get("pictures"))

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        if stanza.options["pictures"]:
            check_target(stanza.options["pictures"], stanza.options["picture_key"], ("pictures",))
        if stanza.options[PICTURES_URL]:
            check_address(stanza.options[PICTURES_URL], (PICTURES_URL,))

    @classmethod
    def folders(cls, stanza: Stanza) -> Iterable[str]:
        return [folder] if (folder := local_folder(stanza.options["pictures"] or "")) else []

    @classmethod
    def apart(cls, data: Mapping[str, Any], folder: str) -> dict[str, Any]:
        if not data.get("pictures"):
            return dict(data)
        return {**without_address(data, PICTURES_URL), "pictures": Path(folder).as_uri()}

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        return STREAMS[channel.id]

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._folder = ""
        self._memory: ScipionMemory | None = None  # one for all openings: what is printed may be noted after the next
        self._wanted = {channel.id for channel in self.channels}
        to, key, hosts = (self.options[name] for name in ("pictures", "picture_key", "known_hosts"))
        self._carrier = Carrier(to, key, hosts) if to and PICTURES in self._wanted else None
        self._batch: list[Picture] = []  # the pictures of this look
        self._wrong: dict[tuple[str, ...], Reading] = {}  # channel and tags -> what was said of it at the last look
        self._left = 0  # points that this look may still read

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        self._folder = url.rest.rstrip("/") or "/"
        self._memory = self._memory or ScipionMemory(Memory(self.stanza.name))
        self._places = ScipionPlaces(self._memory)
        self._projects()
        return ""

    def look(self) -> Iterator[Reading]:
        """Read what is new; where something was wrong at the last look and is not any more, say so."""
        before, self._wrong = self._wrong, {}
        for reading in self._news():
            if reading.status != "ok":
                self._wrong[reading.channel, *(reading.tags or {}).values()] = reading
            yield reading
        for which in (each for each in before if each not in self._wrong):
            yield Reading(before[which].channel, {}, time.time_ns(), tags=before[which].tags)

    def _news(self) -> Iterator[Reading]:
        projects = self._projects()
        self._left = 0 if self._places.waiting else MOST_POINTS  # nobody takes what is printed: the files can wait
        failed: list[InstrumentError] = []
        for folder in projects:
            try:
                project = files.read_project(folder)
            except InstrumentError as error:
                failed.append(error)
                if len(projects) > 1:
                    for channel in self.channels:
                        yield trouble_of(channel.id, {"project": os.path.basename(folder)}, error)
                continue
            yield from self._project(folder, project)
        if self._carrier is not None and not self._places.waiting:
            yield from self._carried(self._carrier)
        if failed and len(failed) == len(projects):
            raise failed[0]
        if self._places.trouble:
            self.note("how far it has read can't be remembered", f"{self._places.trouble}: ")

    def receipt(self) -> Callable[[bool], None] | None:
        return self._places.receipt()

    def close(self) -> None:
        """Hand over no more pictures; no file is held open."""
        if self._carrier is not None:
            self._carrier.close()

    def _projects(self) -> list[str]:
        """List the folders of the projects that are read. Raises Disconnected where there is no folder, or no project."""
        there = files.projects(self._folder)
        since = time.time() - self.options["active"]
        return there if there == [self._folder] else [folder for folder in there if written(folder) >= since]

    def _project(self, folder: str, project: files.Project) -> Iterator[Reading]:
        now = time.time_ns()
        tags = {"project": os.path.basename(folder)}
        key = f"{tags['project']} {project.began_ns}"
        self._trace(f"{tags['project']}: {len(project.runs)} runs")
        if "properties" in self._wanted:
            yield Reading("properties", properties(folder, project, now), now, tags=tags)
        if "acquisition" in self._wanted and project.acquisition:
            yield Reading("acquisition", acquisition(project), now, tags=tags)
        for run in project.runs:
            own = {**tags, "run": run.name}
            for output in run.outputs if "summary" in self._wanted else ():
                values = {"size": output.size, "kind": output.kind, "protocol": run.protocol, "state": run.status}
                yield Reading("summary", values, now, tags={**own, "output": output.name})
            if "ctf" in self._wanted:
                for output in run.outputs:
                    if output.kind == "SetOfCTF" and output.file:
                        yield from self._ctfs(folder, key, output.file, {**own, "output": output.name})
            if self._carrier is not None and not self._carrier.busy:
                for output in run.outputs:
                    if output.kind == "SetOfCTF" and output.file:
                        self._gather(folder, key, output.file, {**own, "output": output.name})
            if "gain" in self._wanted and run.folder:
                yield from self._gains(folder, key, os.path.join(run.folder, SUMMARY), own)

    def _ctfs(self, folder: str, key: str, file: str, tags: dict[str, str]) -> Iterator[Reading]:
        path = os.path.join(folder, file)
        try:
            last = self._behind(path, key, file, file)
            while self._left > 0 and (rows := files.read_ctfs(path, last, self._left)):
                for row in rows:
                    yield Reading("ctf", row.values, row.time_ns, tags=tags)
                last = rows[-1].id
                self._read(key, file, (last, rows[-1].creation), len(rows))
        except InstrumentError as error:
            yield trouble_of("ctf", tags, error)

    def _gains(self, folder: str, key: str, file: str, tags: dict[str, str]) -> Iterator[Reading]:
        path = os.path.join(folder, file)
        if self._left <= 0 or not os.path.exists(path):
            return
        try:
            if self._places.unknown(key, file):
                self._places.skip(key, file, last_place(path))
                return
            gains = read_gains(path, self._places.place(key, file), self._left)
        except OSError as error:
            yield trouble_of("gain", tags, BadAnswer(f"{path}: {error.strerror}"))
            return
        yield from (gain_of(gain, tags) for gain in gains)
        if gains:
            self._read(key, file, (gains[-1].count, gains[-1].movie), len(gains))

    def _behind(self, path: str, key: str, file: str, place: str) -> int:
        """Tell behind which row to go on; 0 where the run was begun anew."""
        last, creation = self._places.place(key, place)
        return last if last and files.creation_of(path, last) == creation else 0

    def _gather(self, folder: str, key: str, file: str, tags: dict[str, str]) -> None:
        """Note the next pictures of a set, which are looked for on their own: they may come later than its rows."""
        path, place = os.path.join(folder, file), f"{PICTURES} {file}"
        room = (MOST_PICTURES - len(self._batch)) // len(files.PICTURES)
        if self._places.waiting or room <= 0:
            return
        with contextlib.suppress(InstrumentError):  # it is told where the rows are read
            rows = files.read_ctfs(path, self._behind(path, key, file, place), room)
            found = [each for row in rows for each in pictures_of(row, folder, key, place, tags)]
            if rows and not found:
                self._read(key, place, (rows[-1].id, rows[-1].creation), 0)
            self._batch += found

    def _carried(self, carrier: Carrier) -> Iterator[Reading]:
        """Tell what has arrived, and hand over what has not."""
        for each in carrier.take():
            picture, status = each.picture, "no_picture" if each.why else "ok"
            values = {} if each.why else {"path": each.name, "micrograph": picture.micrograph, "bytes": each.size}
            yield Reading(PICTURES, values, picture.time_ns, status, each.why, picture.tags)
            if picture.last:
                self._read(picture.key, picture.file, picture.order, 1)
        if carrier.trouble:
            yield Reading(PICTURES, {}, time.time_ns(), "not_carried", carrier.trouble)
        batch, self._batch = self._batch, []
        if batch and not carrier.busy:
            carrier.hand(batch)

    def _read(self, key: str, file: str, place: tuple[int, str], points: int) -> None:
        self._places.read(key, file, place)
        self._left -= points
        self._trace(f"{file}: {points} read, the last is {place[0]}")

    def _trace(self, text: str) -> None:
        if self.tap is not None:
            self.tap("<", text.encode())


DRIVER = Scipion

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
