"""YAML files with the line of every value, and no silent surprises."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import BadInput
from .yamlmistakes import cause
from .yamlnodes import Builder, Lines

LARGEST = 32_000_000  # bytes of a file; 20 000 channels with limits are a quarter of that


@dataclass
class Document:
    """A parsed YAML file: ``data``, and ``line(path)`` for messages."""

    file: str
    data: Any
    _line: int = 0
    _lines: Lines = field(default_factory=dict, repr=False)

    def line(self, path: tuple[Any, ...]) -> int:
        """Find the line (from 1) where the value at ``path`` begins; that of its nearest parent where it is missing."""
        here, line = self.data, self._line
        for part in path:
            lines = self._lines.get(id(here))
            if isinstance(here, dict) and lines is not None and str(part) in here:
                line, here = lines[str(part)], here[str(part)]
            elif isinstance(here, list) and lines is not None and isinstance(part, int) and part < len(here):
                line, here = lines[part], here[part]
            else:
                break
        return line + 1

    def located(self, error: BadInput) -> BadInput:
        """Add this file's name, and the line, to an error that knows only its path."""
        if error.file is None:
            error.file, error.line = self.file, self.line(error.path)
        return error


def load(path: str | os.PathLike[str]) -> Document:
    """Read one YAML document. Raises BadInput where it can't be read, isn't YAML, or names a key twice."""
    file = os.fspath(path)
    try:
        with open(file, encoding="utf-8-sig") as stream:
            text = stream.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"is not UTF-8 text ({error.reason}); save it as UTF-8", file=file, line=line) from None
    if len(text) > LARGEST:
        raise BadInput(f"is too large for what people write: more than {LARGEST // 1_000_000} MB", file=file)
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """Read one YAML document from text; ``file`` is its name in messages."""
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    made = Builder(file)
    try:
        made.build(yaml.parse(text, Loader=kind))
    except yaml.MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        line, hint = cause(error, text, kind)
        raise BadInput(f"is not YAML: {what}{hint}", file=file, line=line) from None
    except yaml.reader.ReaderError as error:
        found = yaml.reader.Reader.NON_PRINTABLE.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        raise BadInput(f"is not YAML: {' '.join(str(error.reason).split())}", file=file, line=line) from None
    return Document(file, made.data, made.line, made.lines)
