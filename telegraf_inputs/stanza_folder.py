"""A folder of stanzas: each file is one instrument's; those of one driver, as they come, change and go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from . import stanza as stanzas
from . import yamlfile
from .configured import Stanza
from .errors import BadInput
from .source import Source

Stamp = tuple[int, int, int]  # of a file: when it was changed, its size, which one it is


@dataclass
class Changes:
    """What is to be done: instruments that ``came`` or are other ones now, names of those that are ``gone``, mistakes."""

    came: list[Stanza] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    bad: list[BadInput] = field(default_factory=list)


class StanzaFolder:
    """Follows the files ``*.yml`` of a folder whose `driver` is this one and which keep their own pace.

    A file is taken up once it stays as it is between two looks: one that is being written is not read. One with a mistake
    changes nothing: the instrument is read as before.
    """

    def __init__(self, folder: str, driver: type[Source]):
        self._folder, self._driver = folder, driver
        self._seen: dict[str, Stamp] = {}
        self._taken: dict[str, Stamp] = {}
        self._names: dict[str, str] = {}  # file -> the instrument that it is read as
        self._texts: dict[str, str] = {}

    def begin(self) -> Changes:
        """Read what is there. Raises BadInput where the folder can't be read."""
        try:
            self._seen = self._stamps()
        except OSError as error:
            raise BadInput(f"can't be read: {error.strerror}", file=self._folder) from None
        return self._take_up()

    def look(self) -> Changes:
        """Tell what changed; nothing while it is still changing, or can't be read."""
        try:
            stamps = self._stamps()
        except OSError:
            return Changes()  # a folder that is being exchanged
        settled, self._seen = stamps == self._seen, stamps
        return self._take_up() if settled and stamps != self._taken else Changes()

    def _stamps(self) -> dict[str, Stamp]:
        found = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(".yml") and not entry.name.startswith("."):
                    status = entry.stat()
                    found[entry.path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return dict(sorted(found.items()))

    def _take_up(self) -> Changes:
        changes = Changes()
        for file in sorted(self._names.keys() - self._seen.keys()):
            self._forget(file, changes)
        for file, stamp in self._seen.items():
            if self._taken.get(file) != stamp:
                self._read(file, changes)
        self._taken = dict(self._seen)
        return changes

    def _read(self, file: str, changes: Changes) -> None:
        try:
            document = yamlfile.load(file)
        except BadInput as error:
            changes.bad.append(error)
            return
        data = document.data if isinstance(document.data, dict) else {}
        if data.get("driver") != self._driver.name or data.get("trigger") == "stdin":
            self._forget(file, changes)
            return
        if (text := repr(data)) == self._texts.get(file):
            return
        found: list[BadInput] = []
        stanza = stanzas.load_all(file, found, self._driver)
        if stanza is None:
            changes.bad += found
            return
        if stanza.name in (name for other, name in self._names.items() if other != file):
            changes.bad.append(document.located(BadInput(f"{stanza.name!r} is there already", ("name",))))
            return
        self._forget(file, changes)
        self._names[file], self._texts[file] = stanza.name, text
        changes.came.append(stanza)

    def _forget(self, file: str, changes: Changes) -> None:
        self._texts.pop(file, None)
        if name := self._names.pop(file, None):
            changes.gone.append(name)
