"""Holds the variables and groups of an inventory against what the roles take; used by the role preflight."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

UNREAD = object()  # stands for what can't be read yet: a vault, or a fact of a machine that was not asked
EXPECTED = {
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
}
KINDS: dict[str, type | tuple[type, ...]] = {
    "str": (str, int, float),
    "int": int,
    "bool": bool,
    "list": (list, tuple),
    "dict": Mapping,
}
ALIKE, ROUGHLY = 0.9, 0.7  # of 1: what is another name for sure is less
LONGEST = 40  # characters of a value, in a message


class ActionModule(ActionBase):  # type: ignore[misc]
    """Takes ``roles`` (a folder) and ``groups`` (their names); fails with all that is wrong."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = task_vars or {}
        host = given["inventory_hostname"]
        roles = of_roles(Path(self._task.args["roles"]))
        options = {name: option for of_role in roles.values() for name, option in of_role.items()}
        # Those of the inventory and the command line; what a play sets is not the user's, and what an earlier one left begins so.
        names = [name for name in given["hostvars"].raw_get(host) if name in given and not name.startswith("_")]
        values = {name: self._resolved(given[name]) for name in names if name in options}
        wrong = [
            *unknown(names, roles),
            *(told for name, value in values.items() for told in misfits(value, options[name], name)),
            *strange_groups(given["groups"], self._task.args["groups"]),
        ]
        if wrong:
            result |= {"failed": True, "msg": f"{host}: " + "; ".join(wrong) + "."}
        return result | {"changed": False}

    def _resolved(self, value: Any) -> Any:
        """Resolve the templates in a value; a part that can't be is UNREAD."""
        if isinstance(value, Mapping):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        try:
            return self._templar.template(value)
        except AnsibleError:
            return UNREAD


def of_roles(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what the roles in a folder take: role -> variable -> its option in the specification."""
    return {
        file.parents[1].name: yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        for file in sorted(folder.glob("*/meta/argument_specs.yml"))
    }


def unknown(names: Collection[str], roles: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Tell of variables that begin as a role's do, or look like one of a role's, and are none."""
    known = [name for of_role in roles.values() for name in of_role]
    for name in sorted(set(names) - set(known)):
        role = next((role for role in roles if name.startswith(f"{role}_")), "")
        meant = difflib.get_close_matches(name, known, 1, ROUGHLY if role else ALIKE)
        if role:
            hint = f"did you mean {meant[0]}?" if meant else f"{role} knows {', '.join(roles[role])}"
            yield f"no role knows {name}; {hint}"
        elif meant and abs(len(meant[0]) - len(name)) <= 2:  # with words of your own before it, it is yours
            yield f"no role knows {name}; did you mean {meant[0]}?"


def misfits(value: Any, option: Mapping[str, Any], name: str) -> Iterator[str]:
    """Tell where a value, or what is in it, is not of the kind that its option says; secrets are not shown."""
    kind = option.get("type", "str")
    if value is UNREAD:
        return
    if not _is(value, kind) or (kind == "str" and option.get("no_log") and not isinstance(value, str)):
        yield f"{name} is {_shown(value, option)}, expected {EXPECTED[kind]}{_advice(value, kind)}"
    elif kind == "int" and re.search(r"_ports?\b", name) and not 0 <= value <= 65535:
        yield f"{name} is {value}, expected a port, 1 to 65535"
    elif kind == "list" and "elements" in option:
        inner = {**option, "type": option["elements"]}
        del inner["elements"]
        for index, item in enumerate(value):
            yield from misfits(item, inner, f"{name}[{index}]")
    elif kind == "dict" and "options" in option:
        yield from _misfits_inside(value, option, name)


def _misfits_inside(value: Mapping[str, Any], option: Mapping[str, Any], name: str) -> Iterator[str]:
    known = option["options"]
    for key in value:
        if key in known:
            yield from misfits(value[key], known[key], f"{name}.{key}")
        else:
            meant = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {meant[0]}?" if meant else f"known: {', '.join(known)}"
            yield f"{name} has no {key}; {hint}"
    # What passwords lack is told by who asks for them, with the way to them.
    missing = [key for key, inner in known.items() if inner.get("required") and key not in value]
    if missing and not option.get("no_log"):
        yield f"{name} lacks {', '.join(missing)}"


def _advice(value: Any, kind: str) -> str:
    """Say how to write a value that is right but for its quotes."""
    if kind == "str" and isinstance(value, int | float):
        return ": write it in quotes"
    if isinstance(value, str) and re.fullmatch(
        {"int": "[0-9]+", "bool": "(?i)true|false|yes|no"}.get(kind, "(?!)"), value
    ):
        # From an INI file, or the command line, what is no literal of Python is a text.
        return f": write {value.title() if kind == 'bool' else value} without quotes, on the command line as JSON"
    return ""


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    return isinstance(value, KINDS[kind])


def _shown(value: Any, option: Mapping[str, Any]) -> str:
    if value is None:
        return "empty"
    what = next((EXPECTED[kind] for kind in EXPECTED if _is(value, kind)), type(value).__name__)
    if isinstance(value, int | float) and not isinstance(value, bool):
        what = "a number"
    if option.get("no_log") or not isinstance(value, str | int | float):
        return what
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{what}, {text if len(text) <= LONGEST else text[:LONGEST] + '…'}"


def strange_groups(groups: Mapping[str, Sequence[str]], known: Collection[str]) -> Iterator[str]:
    """Tell of groups that look like one that the plays know, and have hosts which that one has not."""
    for name in sorted(set(groups) - {"all", "ungrouped", *known}):
        for meant in difflib.get_close_matches(name, known, 1, 0.8):
            lost = sorted(set(groups[name]) - set(groups.get(meant, ())))
            if lost:
                yield f"no play knows the group {name} ({', '.join(lost)}); did you mean {meant}?"
