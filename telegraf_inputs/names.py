"""Names and patterns that people write in a stanza, and what is refused."""

from __future__ import annotations

import re

from .declare import FIELD, RESERVED
from .errors import BadInput

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")  # files are called by it
NAME_WORDS = "letters, digits, '_', '-' or '.', a letter or digit first, 100 of them at most"


def check_field(name: object, path: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``path``) a name that a quantity can't have."""
    if not isinstance(name, str) or not FIELD.match(name):
        raise BadInput(f"found {name!r}, expected a field's name in snake_case, such as 'voltage'", path)
    if name in RESERVED:
        raise BadInput(f"each point has a {name!r} already; choose another name", path)
