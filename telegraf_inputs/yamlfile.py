"""YAML files with the line of every value, and no silent surprises."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

import yaml

from .errors import BadInput
from .yamlmistakes import cause

TAG = "tag:yaml.org,2002:"
# What YAML 1.1 makes of a word is what nobody expects: 1e-3 a text, 12:30 the number 750, 010 eight, no a truth value.
# These are the plain words that are anything but text here, as in YAML 1.2.
PLAIN = (
    ("null", r"(?:null|Null|NULL|~|)\Z"),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})\Z"),
    (
        "float",
        r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d{1,3})?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z",
    ),
)
DEEPEST = 50


@dataclass
class Document:
    """A parsed YAML file: ``data``, and ``line(path)`` for messages."""

    file: str
    data: Any
    _root: yaml.Node | None

    def line(self, path: tuple[Any, ...]) -> int:
        """Find the line (from 1) where the value at ``path`` begins; that of its nearest parent where it is missing."""
        node = self._root
        line = node.start_mark.line if node is not None else 0
        for part in path:
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(part):
                        line, node = key.start_mark.line, value
                        break
                else:
                    break
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
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
            text = stream.read()
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"is not UTF-8 text ({error.reason}); save it as UTF-8", file=file, line=line) from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """Read one YAML document from text; ``file`` is its name in messages."""
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = kind(text)
    try:
        root = loader.get_single_node()
        if root is not None:
            _normalise(root, loader, file)
        data = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        line, hint = cause(error, text, kind)
        raise BadInput(f"is not YAML: {what}{hint}", file=file, line=line) from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"is not YAML: {' '.join(str(error).split())}", file=file) from None
    except RecursionError:
        raise BadInput(f"is nested too deeply (more than {DEEPEST} levels)", file=file) from None
    finally:
        loader.dispose()
    return Document(file, data, root)


def _normalise(root: yaml.Node, loader: Any, file: str) -> None:
    """Make every key text (channel ``5:`` is "5"), and plain words what they look like; refuse a key that stands twice."""
    plain = [(tag, re.compile(word, re.ASCII)) for tag, word in PLAIN]
    done: dict[int, bool] = {}  # an alias is one node in many places

    def visit(node: yaml.Node, path: tuple[Any, ...]) -> None:
        if done.get(id(node)):
            return
        if id(node) in done:
            raise BadInput("holds itself, by an alias", path, file, node.start_mark.line + 1)
        if len(path) > DEEPEST:
            raise RecursionError
        done[id(node)] = False
        if isinstance(node, yaml.MappingNode):
            visit_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                visit(value, (*path, index))
        elif (
            isinstance(node, yaml.ScalarNode)
            and not node.style
            and node.tag == loader.resolve(yaml.ScalarNode, node.value, (True, False))
        ):
            # Neither quoted nor a block of text, and without a tag of its own.
            node.tag = TAG + next((tag for tag, word in plain if word.match(node.value)), "str")
        done[id(node)] = True

    def visit_mapping(node: yaml.MappingNode, path: tuple[Any, ...]) -> None:
        lines: dict[str, int] = {}
        before = None
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput("a key must be a plain word or number", path, file, line)
            if key.tag == f"{TAG}merge":
                visit(value, path)
                continue
            key.tag = f"{TAG}str"
            if key.value in lines:
                # The first key of an entry, again: more likely the next entry.
                entry = bool(path) and isinstance(path[-1], int) and key.value == next(iter(lines))
                hint = "keep one, or begin a new entry of the list here, with '- '" if entry else "keep one"
                raise BadInput(
                    f"{key.value!r} stands twice (first on line {lines[key.value]}); {hint}",
                    (*path, key.value),
                    file,
                    line,
                )
            if before is not None and _halved(before[1], key, value):
                whole = f"{before[1].value},{key.value}"
                raise BadInput(
                    f"found {whole!r}, expected {whole.replace(',', '.')!r}: decimals have a point, not a comma",
                    (*path, before[0].value),
                    file,
                    line,
                )
            before = key, value
            lines[key.value] = line
            visit(value, (*path, key.value))

    visit(root, ())


def _halved(before: yaml.Node, key: yaml.Node, value: yaml.Node) -> bool:
    """Tell whether a key is but the second half of ``{a: 1,5}``, whose first half is the value ``before``."""
    if not all(isinstance(node, yaml.ScalarNode) and not node.style for node in (before, key, value)):
        return False
    return bool(
        value.value == ""
        and key.value[:1].isdigit()
        and before.value[-1:].isdigit()
        and before.end_mark.index + 1 == key.start_mark.index
    )
