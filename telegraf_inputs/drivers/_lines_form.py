"""How a line is taken apart, as a channel declares it: by a pattern with named groups, into columns, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import declared
from ..configured import Channel
from ..declare import Option
from ..declared import Declared
from ..errors import BadAnswer, BadInput, noted, shown, suggestion, together
from ..pattern import Pattern
from . import _scpi_quantity
from ._scpi_quantity import Question

IGNORED = "-"  # the name of a column that is not read
SPACE = " "
MOST_COLUMNS, LONGEST_REQUEST = 1000, 200
FORM = (
    Option(
        "pattern",
        "str",
        "a regular expression for the whole line; its groups that have a name are the values",
    ),
    Option("columns", "list", f"the names of all its columns, in order; {IGNORED} for one that is not read"),
    Option("separator", "str", "what stands between columns; a space is any number of spaces and tabs", ","),
    Option("example", "str", "a line, to check the other keys with, and for the simulator"),
)
SHARED = ("base", "bits", "decimal_comma", "missing", "over_range")  # those that SCPI's quantities have too
WHERE = (
    Option("from", "str", "the group of the pattern, or the column, that holds it; default: its own name"),
    *(option for option in _scpi_quantity.WHERE if option.name in SHARED),
)
UNUSED = {"part": None, "separator": ",", "pattern": None, "valid_when": None}  # of what SCPI's quantities have
WHOLE = ""  # the one part of a line that is not taken apart


class Form:
    """Takes lines of one form apart."""

    def __init__(self, options: Mapping[str, Any]):
        """Read a channel's keys. Raises BadInput."""
        self._separator: str = options["separator"]
        self.pattern: Pattern | None = None
        self._columns: list[str] = options["columns"] or []
        if options["pattern"] and options["columns"]:
            raise BadInput("leave this out: the pattern says what is where", ("columns",))
        if options["pattern"]:
            try:
                self.pattern = Pattern(options["pattern"])
            except BadInput as error:
                raise BadInput(error.message, ("pattern",)) from None
        elif options["columns"] is not None:
            _check_columns(self._columns)
        if not self._separator:
            raise BadInput("is empty; expected what stands between columns, such as ','", ("separator",))
        self.names = list(self.pattern.names) if self.pattern else [c for c in self._columns if c != IGNORED]

    @property
    def whole(self) -> bool:
        """Tell whether a line is one value, and not taken apart."""
        return not (self.pattern or self._columns)

    @property
    def exact(self) -> bool:
        """Tell whether a line of which the end is missing can be told from a whole one."""
        return self.pattern is not None

    def parts(self, line: str) -> dict[str, str | None]:
        """Take a line apart, by name; None for a group that is not in it. Raises BadAnswer where it has another form."""
        line = line.strip()
        if self.pattern is not None:
            match = self.pattern.match(line)
            if not match:
                raise BadAnswer(f"found {line[:60]!r}, expected {self.words}")
            return dict(match.groupdict())
        if not self._columns:
            return {WHOLE: line}
        found = self.split(line)
        if len(found) != len(self._columns):
            raise BadAnswer(f"found {len(found)} in {line[:60]!r}, expected {self.words}")
        return {name: text.strip() for name, text in zip(self._columns, found, strict=True) if name != IGNORED}

    def takes(self, line: str) -> bool:
        """Tell whether a line has this form."""
        try:
            self.parts(line)
        except BadAnswer:
            return False
        return True

    def split(self, line: str) -> list[str]:
        """Cut a line into its columns."""
        return line.split(None if self._separator == SPACE else self._separator)

    def write(self, texts: Mapping[str, str], example: str) -> str:
        """Write a line of this form, as the instrument would: ``texts`` by name, all else as in the ``example``."""
        if self.pattern is not None:
            match = self.pattern.match(example.strip())
            assert match is not None, "a simulator wants an example that the pattern fits"
            line = match.string
            for name in sorted(texts, key=match.start, reverse=True):
                line = line[: match.start(name)] + texts[name] + line[match.end(name) :]
            return line
        given = self.split(example.strip()) if example else ["0"] * len(self._columns)
        said = (texts.get(name, other) for name, other in zip(self._columns, given, strict=True))
        return texts[WHOLE] if self.whole else self._separator.join(said)

    @property
    def separator(self) -> str:
        """What stands between values; "" where a line is not cut into columns."""
        return self._separator if self._columns else ""

    @property
    def words(self) -> str:
        """Say what is expected of a line."""
        if self.pattern is not None:
            return repr(self.pattern.text)
        between = "spaces" if self._separator == SPACE else repr(self._separator)
        return f"{len(self._columns)} columns between {between}" if self._columns else "a value"


def _check_columns(names: list[Any]) -> None:
    if not 1 <= len(names) <= MOST_COLUMNS:
        raise BadInput(f"has {len(names)} names, expected 1 to {MOST_COLUMNS}", ("columns",))
    with together() as wrong:
        for index, name in enumerate(names):
            if not isinstance(name, str) or not name:
                wrong.append(BadInput(f"found {shown(name)}, expected a column's name", ("columns", index)))
            elif name != IGNORED and name in names[:index]:
                wrong.append(BadInput(f"{name!r} is the name of another column already", ("columns", index)))


class LineQuantity(Question):
    """One quantity of a line: which part it is, and how that becomes a value."""

    def __init__(self, name: str, declared: Declared, form: Form, request: str):
        super().__init__(name, Declared(declared.quantity, declared.scale, {**declared.where, "query": request}))
        self.part = WHOLE if form.whole else declared.where["from"] or name
        self._form = form

    def value(self, answer: str) -> tuple[float | int | bool | str | None, str]:
        try:
            text = self._form.parts(answer)[self.part]
        except BadAnswer as error:
            raise BadAnswer(f"asked {self.query!r}, {error}" if self.query else str(error)) from None
        return (None, "") if text is None else self.said(text.strip(), answer)


class LineChannel:
    """What one channel declares of its lines: the request that brings them, their form, its quantities."""

    def __init__(self, channel: Channel):
        """Read a channel's keys. Raises BadInput with the path from the channel on."""
        options = channel.options
        self.name = channel.id
        self.request: str = options["request"] or ""
        self.example: str = options["example"] or ""
        with together() as wrong:
            with noted(wrong):
                _check_request(options["request"])
            with noted(wrong):
                self.form = Form(options)
            with noted(wrong):
                self.declared = declared.read(options["read"], WHERE)
        with together() as wrong:
            for name, each in self.declared.items():
                with noted(wrong, "read", name):
                    self._check(name, each)
        self.quantities = [
            LineQuantity(name, Declared(each.quantity, each.scale, {**UNUSED, **each.where}), self.form, self.request)
            for name, each in self.declared.items()
        ]
        if self.example:
            self._try_example()

    def _check(self, name: str, each: Declared) -> None:
        if self.form.whole:
            if len(self.declared) > 1:
                raise BadInput("a line is one value, and there are several quantities; say `pattern` or `columns`")
            if each.where["from"]:
                raise BadInput("leave this out: a line is one value without `pattern` or `columns`", ("from",))
        elif (part := each.where["from"] or name) not in self.form.names:
            given = ("from",) if each.where["from"] else ()
            if not self.form.names:
                raise BadInput(f"no group of the pattern has a name; write (?P<{part}>…) around what is meant", given)
            raise BadInput(f"a line has no {part!r}; {suggestion(part, self.form.names)}", given)
        _scpi_quantity.check_value(each.where, each.quantity.type, self.form.separator, ())

    def _try_example(self) -> None:
        try:
            for quantity in self.quantities:
                quantity.value(self.example)
        except BadAnswer as error:
            raise BadInput(f"does not fit the other keys: {error}", ("example",)) from None


def _check_request(request: str | None) -> None:
    if request is not None and not (0 < len(request) <= LONGEST_REQUEST and request.isascii()):
        raise BadInput(
            f"found {shown(request)}, expected {LONGEST_REQUEST} ASCII characters at most, without the end of the line; "
            "leave it out where it speaks by itself",
            ("request",),
        )
