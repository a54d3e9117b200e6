"""Grafana's quoting: of what people wrote, wherever Grafana expands ``$NAME`` or reads a Go template; of files' names."""

from __future__ import annotations

import re

from telegraf_inputs.errors import BadInput, shown

OPENING = re.compile(r"[${]{2,}|[${]\Z")  # what begins an action or a variable, with what may stand behind it


def literal(text: str) -> str:
    """Write a text so that Grafana's expansion of variables leaves it as it is."""
    return text.replace("$", "$$")


def plain(text: str) -> str:
    """Write a text for an annotation, which is a Go template, and in which newer Grafanas expand ``${NAME}``.

    What stands behind it may be an action.
    """
    return OPENING.sub(lambda found: "".join(f'{{{{ "{sign}" }}}}' for sign in found[0]), text)


def file(path: str) -> str:
    """Write where Grafana finds a secret: in a file, which must be there when it starts. Raises BadInput."""
    if not path or not path.isprintable() or path != path.strip() or any(c in path for c in "{}$"):
        raise BadInput(f"found {shown(path)}, expected a path without brackets and '$': Grafana can't be told it")
    return f"$__file{{{path}}}"
