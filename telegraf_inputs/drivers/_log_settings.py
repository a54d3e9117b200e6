"""What a stanza says of log files, of all its channels or of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option
from ..errors import BadInput, noted, together
from ._log_file import ENCODINGS
from ._log_form import FORM, LogForm, read
from ._log_paths import LogPaths
from ._log_times import FORM_WORDS, LogTime

FILES = Option(
    "files",
    "str",
    "the path of the files below the folder: %Y %y %m %d %H %M %S stand for their date, * for any letters, {channel} for the channel's name",
)
TIMES = (
    Option("time", "list", "the columns that are the time, in the order of time_form; default: [time]"),
    Option("time_form", "str", f"how times are written: {FORM_WORDS}; default: iso"),
    Option("encoding", "str", "how the files write characters; default: utf-8", choices=ENCODINGS),
)
COMMON = (FILES, *FORM, *TIMES)


def settings(stanza: Stanza, channel: Channel) -> dict[str, Any]:
    """Tell what holds for the files of a channel: its own keys, else the instrument's. Raises BadInput."""
    own: Mapping[str, Any] = channel.options
    keys = {o.name: stanza.options[o.name] if own[o.name] is None else own[o.name] for o in COMMON}
    if own["columns"] is not None and own["header"] is None:
        keys["header"] = None
    if own["header"] is not None and own["columns"] is None:
        keys["columns"] = None
    if not keys["files"]:
        raise BadInput(
            "is missing; expected the path of its files, here or in the instrument", ("channels", channel.id, "files")
        )
    keys["files"] = keys["files"].replace("{channel}", channel.id)
    return {
        **keys,
        "time": keys["time"] or ["time"],
        "time_form": keys["time_form"] or "iso",
        "encoding": keys["encoding"] or "utf-8",
    }


def check(stanza: Stanza, channel: Channel, keys: Mapping[str, Any]) -> None:
    """Refuse (BadInput) keys of a channel that don't fit each other."""

    def at(key: str) -> tuple[Any, ...]:
        return ("channels", channel.id, key) if channel.options.get(key) is not None else (key,)

    with together() as wrong:
        try:
            LogPaths(keys["files"])
        except BadInput as error:
            wrong.append(BadInput(error.message, at("files")))
        try:
            form = LogForm(keys)
            LogTime(keys["time_form"], stanza.options["zone"])
        except BadInput as error:
            for each in getattr(error, "errors", [error]):
                wrong.append(BadInput(each.message, (*at(str(each.path[0])), *each.path[1:])))
            return
        for index, name in enumerate(keys["time"]):
            with noted(wrong):
                if not isinstance(name, str):
                    raise BadInput(f"found {name!r}, expected a column's name", (*at("time"), index))
                form.check(name, (*at("time"), index))
        with noted(wrong, "channels", channel.id) as found:
            for name, each in read(channel, form.separator).items():
                with noted(found, "read", name):
                    form.check(each.where["from"] or name, ("from",) if each.where["from"] else ())
                    for column in each.where["valid_when"] or {}:
                        form.check(column, ("valid_when", column))
