"""How a line of a log is taken apart, and how its columns become values, as the stanza declares it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import declared
from ..configured import Channel
from ..declare import Option
from ..declared import Declared
from ..errors import BadAnswer, BadInput, noted, shown, suggestion, together
from . import _scpi_quantity
from ._lines_form import IGNORED, MOST_COLUMNS, SHARED, SPACE
from ._scpi_quantity import Question

EXACTLY = "="
FORM = (
    Option(
        "columns",
        "list",
        f"the names of a line's columns, in order; {IGNORED} for one that is not read, {EXACTLY}TEXT for one that is always TEXT",
    ),
    Option("header", "int", "the number of the line, from 1, in which each file says the names of its columns, instead of `columns`"),
    Option("pairs", "bool", "behind `columns`, name and value alternate"),
    Option("separator", "str", 'what stands between columns, such as "\\t"; a space is any number of spaces and tabs'),
)  # fmt: skip
WHERE = (
    Option("from", "str", "the column that holds it; default: its own name"),
    Option("valid_when", "map", "columns and what is in them where the value is a reading, such as {on: 1}"),
    *(option for option in _scpi_quantity.WHERE if option.name in SHARED),
)
UNUSED = {"query": "", "part": None, "separator": ",", "pattern": None}  # of what SCPI's quantities have


class LogForm:
    """Takes lines of one form apart."""

    def __init__(self, options: Mapping[str, Any]):
        """Read an instrument's, or a channel's keys. Raises BadInput."""
        self.columns: list[str] = options["columns"] or []
        self.header: int = options["header"] or 0
        self.pairs: bool = options["pairs"] or False
        self.separator: str = "," if options["separator"] is None else options["separator"]
        with together() as wrong:
            if options["header"] is not None and not 1 <= options["header"] <= MOST_COLUMNS:
                wrong.append(BadInput(f"found {options['header']}, expected a line's number, from 1", ("header",)))
            if bool(self.columns) == bool(self.header):
                said = (
                    "is there beside `header`: a file's own names"
                    if self.header
                    else "is missing; expected the columns' names, or `header`"
                )
                wrong.append(BadInput(said, ("columns",)))
            if self.pairs and self.header:
                wrong.append(BadInput("leave this out: the header says what is where", ("pairs",)))
            if not self.separator:
                wrong.append(BadInput("is empty; expected what stands between columns, such as ','", ("separator",)))
            for index, name in enumerate(self.columns):
                with noted(wrong):
                    self._check_column(index, name)
            if len(self.columns) > MOST_COLUMNS:
                wrong.append(BadInput(f"has {len(self.columns)} names, expected {MOST_COLUMNS} at most", ("columns",)))

    def _check_column(self, index: int, name: Any) -> None:
        if not isinstance(name, str) or not name:
            raise BadInput(f"found {shown(name)}, expected a column's name", ("columns", index))
        if name[0] != EXACTLY and name != IGNORED and name in self.columns[:index]:
            raise BadInput(f"{name!r} is the name of another column already", ("columns", index))

    @property
    def open(self) -> bool:
        """Tell whether the names of columns stand in the files."""
        return bool(self.pairs or self.header)

    @property
    def names(self) -> list[str]:
        """List the columns that are read, as far as the stanza says them."""
        return [name for name in self.columns if name != IGNORED and name[0] != EXACTLY]

    def check(self, name: str, path: tuple[Any, ...]) -> None:
        """Refuse (BadInput) a column that no line has."""
        if not self.open and name not in self.names:
            raise BadInput(f"a line has no column {name!r}; {suggestion(name, self.names)}", path)

    def split(self, line: str) -> list[str]:
        """Cut a line into its columns."""
        parts = line.split(None if self.separator == SPACE else self.separator)
        return [part.strip() for part in parts]

    def parts(self, line: str, header: list[str]) -> dict[str, str]:
        """Take a line apart, by column; ``header``: the names that its file has. Raises BadAnswer where it has another form."""
        found = self.split(line)
        columns = header if self.header else self.columns
        if (
            found
            and not found[-1]
            and len(found) > len(columns)
            and (not self.pairs or (len(found) - len(columns)) % 2)
        ):
            found.pop()  # a separator at the end
        given = {}
        if not self.pairs and len(found) != len(columns):
            raise BadAnswer(f"found {len(found)} columns in {line[:80]!r}, expected {len(columns)}")
        if len(found) < len(columns):
            raise BadAnswer(f"found {len(found)} columns in {line[:80]!r}, expected {len(columns)} and more")
        for name, text in zip(columns, found, strict=False):
            if name[:1] == EXACTLY and not self.header:
                if text != name[1:]:
                    raise BadAnswer(f"found {text[:40]!r} in {line[:80]!r}, expected {name[1:]!r} there")
            elif name != IGNORED:
                given[name] = text
        rest = found[len(columns) :]
        return {**dict(zip(rest[::2], rest[1::2], strict=False)), **given}


class LogQuantity(Question):
    """One quantity of a line: which column it is, when that is a reading, and how it becomes a value."""

    def __init__(self, name: str, declared: Declared):
        super().__init__(
            name, Declared(declared.quantity, declared.scale, {**UNUSED, **declared.where, "valid_when": None})
        )
        self.column: str = declared.where["from"] or name
        self.conditions = {column: str(text) for column, text in (declared.where["valid_when"] or {}).items()}

    def of(self, parts: Mapping[str, str]) -> tuple[float | int | bool | str | None, str]:
        """Read it from the columns of a line; returns the value (None where there is none) and what is wrong.

        Raises BadAnswer where it is no value, KeyError where there is no such column.
        """
        if any(parts[column] != text for column, text in self.conditions.items()):
            return None, "not_valid"
        if not parts[self.column]:
            return None, "no_reading"
        return self.value(parts[self.column])


def read(channel: Channel, separator: str = "") -> dict[str, Declared]:
    """Check what a channel declares below ``read``, by quantity. Raises BadInput with the path from the channel on."""
    found = declared.read(channel.options["read"], WHERE)
    with together() as wrong:
        for name, each in found.items():
            with noted(wrong, "read", name):
                _scpi_quantity.check_value(each.where, each.quantity.type, separator, ())
                for column, text in (each.where["valid_when"] or {}).items():
                    if isinstance(text, bool) or not isinstance(text, (str, int)):
                        said = f"found {shown(text)}, expected a text as it stands in the file; write it in quotes"
                        raise BadInput(said, ("valid_when", column))
    return found
