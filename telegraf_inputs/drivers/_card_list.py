"""A list of known cards: a text file, read anew whenever it changes."""

from __future__ import annotations

import os
import re
import stat

from ..errors import BadInput

LINE = re.compile(r"([0-9A-Fa-f]{10})(?:[\s,;:]+(.*))?\Z")
LARGEST = 1_000_000  # bytes


class CardList:
    """Knows cards by their number, as the file says at ``path``: a card a line, `0400A1B2C3 Anna`; `#` begins a comment.

    ``trouble`` tells why the file can't be read ("" where it can): then the cards are those that it had before, if any.
    It tells no line's text: a name may stand there.
    """

    def __init__(self, path: str):
        self._path = path
        self._names: dict[str, str] | None = None
        self._seen: tuple[int, ...] = ()
        self.trouble = ""

    def look(self) -> None:
        """Read the file, where it is another than before."""
        try:
            found = os.stat(self._path)
            seen = (found.st_ino, found.st_size, found.st_mtime_ns)
            if seen != self._seen:
                if not stat.S_ISREG(found.st_mode):  # others may be waited for
                    raise BadInput("is no file", file=self._path)
                self._names = self._read()
                self._seen, self.trouble = seen, ""
        except OSError as error:
            self.trouble, self._seen = f"{self._path}: {error.strerror}", ()
        except BadInput as error:
            self.trouble, self._seen = str(error), ()

    def knows(self, card: str) -> bool | None:
        """Tell whether a card is in the list; None where there has been none that could be read."""
        return None if self._names is None else card in self._names

    def name(self, card: str) -> str | None:
        """Tell whose a card is; None where the list does not say."""
        return (self._names or {}).get(card) or None

    def _read(self) -> dict[str, str]:
        with open(self._path, "rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BadInput(f"is too large for a list of cards: more than {LARGEST // 1_000_000} MB", file=self._path)
        names: dict[str, str] = {}
        for number, raw in enumerate(data.split(b"\n"), 1):
            try:
                text = raw.decode("utf-8-sig").partition("#")[0].strip()
            except UnicodeDecodeError:
                raise BadInput("is not UTF-8 text; save it as UTF-8", file=self._path, line=number) from None
            if not text:
                continue
            match = LINE.match(text)
            if not match or not (match[2] or "").isprintable():
                said = "found none of a card; expected ten digits 0-9, A-F, and a name, such as 0400A1B2C3 Anna"
                raise BadInput(said, file=self._path, line=number)
            card = match[1].upper()
            if card in names:
                raise BadInput(f"card {card} stands there twice", file=self._path, line=number)
            names[card] = match[2] or ""
        return names
