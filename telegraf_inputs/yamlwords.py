"""What a word of a YAML file means: the plain words that are anything but text, as in YAML 1.2.

What YAML 1.1 makes of a word is what nobody expects: 1e-3 a text, 12:30 the number 750, 010 eight, no a truth value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import BadInput, shown
from .letters import MINUS, normal

TAG = "tag:yaml.org,2002:"
BEGINNINGS = frozenset("0123456789+-.nNtTfF~" + MINUS)  # of all words that are no text
NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z")
FLOAT = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?\Z"
    r"|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)


def _float(word: str) -> float:
    return float(word.lower().replace(".inf", "inf").replace(".nan", "nan"))


# tag -> (the words that it may stand before, what they become, what that is called)
KINDS: dict[str, tuple[re.Pattern[str], Callable[[str], Any], str]] = {
    "null": (NULL, lambda word: None, "nothing"),
    "bool": (BOOL, lambda word: word.lower() == "true", "true or false"),
    "int": (INT, int, "a whole number"),
    "float": (FLOAT, _float, "a number"),
}


def plain(text: str) -> Any:
    """Read a word that stands without quotes: nothing, a truth value, a number, or else the text itself."""
    if text and text[0] not in BEGINNINGS:
        return text
    word = normal(text)
    for form, made, _ in KINDS.values():
        if form.match(word):
            return made(word)
    return text


def tagged(tag: str, text: str) -> Any:
    """Read a word behind one of YAML's own tags. Raises BadInput where the tag is another, or the word is not of its kind."""
    kind = tag.removeprefix(TAG)
    if kind == "str":
        return text
    if not tag.startswith(TAG) or kind not in KINDS:
        raise BadInput(strange(tag))
    form, made, words = KINDS[kind]
    word = normal(text)
    if not form.match(word):
        raise BadInput(f"found {shown(f'!!{kind} {text}')}, expected {words} behind this tag, or no tag")
    return made(word)


def as_written(tag: str) -> str:
    """Write a tag as it stands in the file."""
    return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag


def strange(tag: str) -> str:
    """Say that a tag means nothing."""
    hint = (
        ""
        if tag.startswith(TAG)
        else "; a text that begins with ! needs quotes, and a password is in a file that the stanza names"
    )
    return f"found the tag {shown(as_written(tag))}, expected a value without a tag: tags mean nothing here{hint}"
