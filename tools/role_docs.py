"""The roles' pages, ansible/roles/*/README.md, and their table in ansible/README.md: `python -m tools.role_docs [--check]`.

All of it is made from each role's ``meta/argument_specs.yml``: the specification's ``short_description`` is the role's
line, its ``description`` (a paragraph or a list of them) says what it does and needs; the keys are its ``options``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from . import generated, markdown

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "ansible"
TABLE = re.compile(r"(<!-- roles -->\n).*?(<!-- end -->)", re.S)
TYPES = {
    "str": "text",
    "path": "path",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "list": "list",
    "dict": "mapping",
    "raw": "anything",
}


def main(arguments: list[str]) -> int:
    """Write the pages, or tell with status 1 what is not current."""
    return generated.main("tools.role_docs", lambda: [(FOLDER, pages())], arguments)


def pages() -> dict[str, str]:
    """Make the pages: path inside ansible/ -> text."""
    specified = {role: _specification(role) for role in _roles()}
    rows = ((f"[{role}](roles/{role}/README.md)", said["short_description"]) for role, said in specified.items())
    table = markdown.table(("role", "what it is for"), rows)
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = {"README.md": TABLE.sub(lambda match: f"{match[1]}{table}\n{match[2]}", index)}
    return found | {f"roles/{role}/README.md": _page(role, said) for role, said in specified.items()}


def _roles() -> list[str]:
    """List the roles, those of site.yml in its order first."""
    there = {path.parents[1].name for path in FOLDER.glob("roles/*/meta/argument_specs.yml")}
    plays = yaml.safe_load((FOLDER / "site.yml").read_text(encoding="utf-8"))
    listed = (each if isinstance(each, str) else each["role"] for play in plays for each in play.get("roles", ()))
    return [role for role in dict.fromkeys((*listed, *sorted(there))) if role in there]


def _specification(role: str) -> dict[str, Any]:
    text = (FOLDER / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    specification: dict[str, Any] = yaml.safe_load(text)["argument_specs"]["main"]
    return specification


def _page(role: str, specification: Mapping[str, Any]) -> str:
    told = specification.get("description", [])
    templates = (FOLDER / "roles" / role / "templates").glob("*.j2")
    units = sorted(path.stem for path in templates if Path(path.stem).suffix in (".service", ".timer"))
    parts = [
        f"# {role}",
        markdown.paragraph(f"{specification['short_description'].rstrip('.')}."),
        *map(markdown.paragraph, [told] if isinstance(told, str) else told),
        markdown.paragraph(f"Units that it makes: {', '.join(f'`{unit}`' for unit in units)}.") if units else "",
        "## Keys",
        markdown.table(("key", "type", "default", "meaning"), _rows(specification.get("options", {}))),
        markdown.paragraph(
            "Made by `python -m tools.role_docs` from [meta/argument_specs.yml](meta/argument_specs.yml); how roles are "
            "used: [ansible](../../README.md)."
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(options: Mapping[str, Mapping[str, Any]], above: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, option in options.items():
        kind = TYPES[option.get("type", "str")]
        if "elements" in option:
            kind += f" of {TYPES[option['elements']]}s" if option["elements"] in ("dict", "int") else " of texts"
        meaning = " ".join(option["description"].split())
        if "choices" in option:
            meaning += f" One of {', '.join(f'`{choice}`' for choice in option['choices'])}."
        if option.get("no_log"):
            meaning += " Secret: it belongs in the vault."
        yield f"`{above}{name}`", kind, _default(option), meaning
        inside = f"{above}{name}{'[]' if option.get('elements') == 'dict' else ''}."
        yield from _rows(option.get("options", {}), inside)


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "**required**"
    value = option.get("default")
    if value is None:
        return ""
    if value in ("", [], {}):
        return {"str": "empty", "list": "none", "dict": "none"}.get(option.get("type", "str"), "empty")
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
