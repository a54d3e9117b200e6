"""From the events of a YAML parser to plain data and the lines of all that is in them, within limits.

Nothing here, or behind it, calls itself as deep as a file is nested, or does as much as a file makes of itself by
aliases: what is beyond the limits is refused while it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import BadInput
from .letters import comma
from .yamlwords import TAG, plain, strange, tagged

DEEPEST = 50  # levels, through aliases
MOST_NODES = 1_000_000  # each alias counted as what it stands for; 20 000 channels with limits are fewer
LONGEST_TEXT = 10_000  # characters of one value
MERGE = "<<"

Lines = dict[int, Any]  # of a container, by its identity -> {key: line}, or [line, …]; from 0


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read."""

    made: Any
    lines: Any
    line: int
    anchor: str | None
    nodes: int  # how many there were before it
    height: int = 0  # of what is in it
    key: str | None = None  # the one whose value comes next
    key_event: Any = None
    value_event: Any = None  # the scalar before it
    last_key: str = ""
    merged: dict[str, Any] | None = None
    merged_lines: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Anchored:
    """What an anchor names: its value, how many nodes it is, how many levels deep."""

    made: Any
    nodes: int
    height: int


class Builder:
    """Makes data of one document's events: ``data``, ``line`` where they begin, ``lines`` of what is in them."""

    def __init__(self, file: str):
        self.file = file
        self.data: Any = None
        self.line = 0
        self.lines: Lines = {}
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: it is not at its end
        self._documents = 0

    def build(self, events: Iterable[Any]) -> None:
        """Read all events. Raises BadInput with path, file and line; what the parser raises."""
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent:
                self._start(event, {}, {}, "map")
            elif kind is yaml.SequenceStartEvent:
                self._start(event, [], [], "seq")
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                self._documents += 1
                if self._documents > 1:
                    raise self._bad(
                        "is not YAML: expected a single document in the stream but found another document", event, ()
                    )

    def _scalar(self, event: Any) -> None:
        text, tag = event.value, event.tag
        self._count(1, event)
        if len(text) > LONGEST_TEXT:
            raise self._bad(f"is {len(text)} characters long, expected {LONGEST_TEXT} at most", event)
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.made) is dict:
            self._key(top, event)
            return
        if tag is None or tag == "!":
            made = text if event.style or tag else plain(text)
        else:
            try:
                made = tagged(tag, text)
            except BadInput as error:
                raise self._bad(error.message, event) from None
        if event.anchor is not None:
            self._anchor(event, _Anchored(made, 1, 0))
        self._put(made, event, 0)

    def _key(self, top: _Open, event: Any) -> None:
        key, line = event.value, event.start_mark.line
        if event.tag not in (None, "!", f"{TAG}str"):
            raise self._bad("a key must be a plain word or number", event)
        first = top.lines.get(key)
        if first is not None or (key == MERGE and top.merged is not None):
            where = f" (first on line {first + 1})" if first is not None else ""
            # The first key of an entry, again: more likely the next entry.
            entry = len(self._open) > 1 and type(self._open[-2].made) is list and key == next(iter(top.lines))
            hint = "keep one, or begin a new entry of the list here, with '- '" if entry else "keep one"
            raise self._bad(f"{key!r} stands twice{where}; {hint}", event, (*self._path(), key))
        if top.value_event is not None and not _halved(top.value_event, event):
            top.value_event = None
        if event.anchor is not None:
            self._anchor(event, _Anchored(key, 1, 0))
        top.key, top.key_event = key, event
        top.lines[key] = line

    def _start(self, event: Any, made: Any, lines: Any, kind: str) -> None:
        self._count(1, event)
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.made) is dict:
            raise self._bad("a key must be a plain word or number", event)
        if event.tag not in (None, "!", TAG + kind):
            raise self._bad(strange(event.tag), event)
        if len(self._open) >= DEEPEST:
            raise self._too_deep(event)
        if event.anchor is not None:
            self._anchor(event, None)
        self._open.append(_Open(made, lines, event.start_mark.line, event.anchor, self._nodes - 1))

    def _end(self) -> None:
        ended = self._open.pop()
        made, lines = ended.made, ended.lines
        if ended.merged is not None:
            made.update({key: value for key, value in ended.merged.items() if key not in made})
            lines.update({key: line for key, line in ended.merged_lines.items() if key not in lines})
        self.lines[id(made)] = lines
        height = ended.height + 1
        if ended.anchor is not None:
            self._anchors[ended.anchor] = _Anchored(made, self._nodes - ended.nodes, height)
        self._put(made, None, height, ended.line)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise yaml.MarkedYAMLError(problem="found undefined alias", problem_mark=event.start_mark)
        found = self._anchors[event.anchor]
        if found is None:
            raise self._bad("holds itself, by an alias", event)
        top = self._open[-1]
        if top.key is None and type(top.made) is dict:
            raise self._bad("a key must be a plain word or number", event)
        self._count(found.nodes, event)
        if len(self._open) + found.height > DEEPEST:
            raise self._too_deep(event)
        self._put(found.made, event, found.height)

    def _put(self, made: Any, event: Any, height: int, line: int = 0) -> None:
        """Put a value where it belongs; ``event`` is that of a scalar or an alias."""
        line = line if event is None else event.start_mark.line
        if not self._open:
            self.data, self.line = made, line
            return
        top = self._open[-1]
        top.height = max(top.height, height)
        if type(top.made) is list:
            top.made.append(made)
            top.lines.append(line)
            return
        key, top.key = top.key, None
        if key == MERGE and not top.key_event.style:
            del top.lines[key]
            self._merge(top, made)
            return
        top.made[key] = made
        word = event.value if type(event) is yaml.ScalarEvent and not event.style else None
        if word == "" and top.value_event is not None:
            raise self._half(top)
        top.value_event, top.last_key = event if word and word[-1].isdigit() else None, str(key)

    def _half(self, top: _Open) -> BadInput:
        whole = f"{top.value_event.value},{top.key_event.value}"
        return self._bad(
            f"found {whole!r}, {comma(whole)}",
            top.key_event,
            (*self._path(), top.last_key),
        )

    def _merge(self, top: _Open, made: Any) -> None:
        """Take over the keys of a mapping, or of several of which the first ones count more."""
        several = made if type(made) is list else [made]
        if not all(type(each) is dict for each in several):
            raise self._bad(
                f"found {MERGE!r} before what has no keys; expected a mapping, or a list of some", top.key_event
            )
        top.merged = {}
        for each in reversed(several):
            # What is taken over is copied, as often as it is: the time for it is that of as many keys.
            self._count(len(each), top.key_event)
            top.merged |= each
            top.merged_lines |= self.lines[id(each)]

    def _anchor(self, event: Any, found: _Anchored | None) -> None:
        if event.anchor in self._anchors:
            raise self._bad(f"is not YAML: the anchor &{event.anchor} stands twice; give each its own name", event, ())
        self._anchors[event.anchor] = found

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise self._bad(f"is too much: more than {MOST_NODES} values, with what aliases stand for", event, ())

    def _path(self) -> tuple[Any, ...]:
        """Tell where the value is that comes next; where a key does, the mapping that it is in."""
        parts = [len(each.made) if type(each.made) is list else each.key for each in self._open]
        return tuple(part for part in parts if part is not None)

    def _bad(self, message: str, event: Any, path: tuple[Any, ...] | None = None) -> BadInput:
        return BadInput(message, self._path() if path is None else path, self.file, event.start_mark.line + 1)

    def _too_deep(self, event: Any) -> BadInput:
        return self._bad(f"is nested too deeply (more than {DEEPEST} levels)", event, ())


def _halved(value: Any, key: Any) -> bool:
    """Tell whether a key may be but the second half of ``{a: 1,5}``, whose first half is the value before it."""
    return bool(not key.style and key.value[:1].isdigit() and value.end_mark.index + 1 == key.start_mark.index)
