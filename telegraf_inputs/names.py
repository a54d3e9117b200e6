"""Names and patterns that people write in a stanza, and what is refused."""

from __future__ import annotations

import re
import unicodedata

from .declare import FIELD, RESERVED
from .errors import BadInput, shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")  # files are called by it
NAME_WORDS = "letters, digits, '_', '-' or '.', a letter or digit first, 100 of them at most"

SPELT_OUT = str.maketrans(dict(zip("äöüÄÖÜßøØµμ", "ae oe ue Ae Oe Ue ss o O u u".split(), strict=True)))


def not_a_name(found: object) -> str:
    """Say what a name must be that is none, and propose the one that is next to it."""
    plain = unicodedata.normalize("NFKD", str(found).translate(SPELT_OUT)).encode("ascii", "ignore").decode()
    like = re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-")
    hint = (
        f"; did you mean {like!r}? (a label or title says it as people do)"
        if NAME.match(like) and like != found
        else ""
    )
    return f"found {shown(found)}, expected {NAME_WORDS}{hint}"


def check_field(name: object, path: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``path``) a name that a quantity can't have."""
    if not isinstance(name, str) or not FIELD.match(name):
        raise BadInput(f"found {name!r}, expected a field's name in snake_case, such as 'voltage'", path)
    if name in RESERVED:
        raise BadInput(f"each point has a {name!r} already; choose another name", path)
