"""YAML files with the line of every value, and no silent surprises."""

from __future__ import annotations

import os

import yaml

from .errors import BadInput


class Document:
    """A parsed YAML file: ``data``, and ``line(path)`` for messages."""

    __slots__ = ("file", "data", "_root")

    def __init__(self, file: str, data, root):
        self.file, self.data, self._root = file, data, root

    def line(self, path: tuple) -> int:
        """Find the line (from 1) on which the value at ``path`` begins; that of the nearest parent where it is missing."""
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


def load(path: str) -> Document:
    """Read one YAML document. Raises BadInput where it can't be read, isn't YAML, or names a key twice."""
    file = os.fspath(path)
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read()
    except OSError as error:
        raise BadInput(f"can't be read: {error.strerror}", file=file) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"is not UTF-8 text ({error.reason} at byte {error.start})", file=file) from None
    return parse(text, file)


def parse(text: str, file: str) -> Document:
    """Read one YAML document from text; ``file`` is its name in messages."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
        if root is not None:
            _normalise(root, file, ())
        data = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.problem, error.context) if part)
        hint = "; is the text indented with tabs? YAML wants spaces" if "\\t" in what or "'\t'" in what else ""
        raise BadInput(f"is not YAML: {what}{hint}", file=file, line=mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise BadInput(f"is not YAML: {error}", file=file) from None
    finally:
        loader.dispose()
    return Document(file, data, root)


def _normalise(node, file: str, path: tuple) -> None:
    """Make every key text (channel ``5:`` is the channel "5", and ``on:`` no truth value), and refuse a key that stands twice."""
    if isinstance(node, yaml.MappingNode):
        seen = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput("a key must be a plain word or number", path, file, key.start_mark.line + 1)
            if key.tag == "tag:yaml.org,2002:merge":
                _normalise(value, file, path)
                continue
            key.tag = "tag:yaml.org,2002:str"
            if key.value in seen:
                raise BadInput(f"{key.value!r} stands twice (first on line {seen[key.value]}); keep one",
                               (*path, key.value), file, key.start_mark.line + 1)
            seen[key.value] = key.start_mark.line + 1
            _normalise(value, file, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _normalise(value, file, (*path, index))
