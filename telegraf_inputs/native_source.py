"""What Telegraf reads by an input of its own: a page that turns a stanza into Telegraf's tables; no program runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from . import declared
from .configured import Channel, Stanza
from .declare import Option, Stream
from .declared import Declared
from .errors import BadInput, noted, shown, together
from .source import Source

READ = Option("read", "map", "what is read: quantity: where it is, its unit …", required=True)
COMMA = Option("decimal_comma", "bool", "what comes as text has a decimal comma: 1,5 is one and a half", False)
PLACE = "{channel}"
SECRET = re.compile(r"\w+\Z", re.ASCII)  # what Telegraf takes for a secret's name
NATIVE_STATUSES = {
    "no_reading": "the device says that it has no value",
}


class Native(Source):
    """Reads what an input of Telegraf's own can read. A subclass defines ``table``, and ``source`` of a quantity.

    Its channels and quantities stand in the stanza; ``where`` are the keys of a quantity that say where it is read. With
    ``finds``, the source of channel ANY has PLACE where what comes has the channel's name.
    """

    alive_by = "points"
    timeout = 5.0
    channel_names = None
    channel_options: tuple[Option, ...] = (READ,)
    quantity_keys: tuple[Option, ...] = declared.KEYS  # beside ``where``
    statuses: Mapping[str, str] = NATIVE_STATUSES
    input = ""  # Telegraf's plugin
    computes: ClassVar[bool] = False  # it reads nothing, and is computed of what others deliver
    by: ClassVar[Literal["field", "node", "topic"]] = "field"  # how native/shape.star finds a value
    secret_options: tuple[str, ...] = ()  # keys of the stanza that name files in the folder of passwords
    file_options: tuple[str, ...] = ()  # keys of the stanza that name other files, on the machine that runs Telegraf
    agent: ClassVar[Mapping[str, Any]] = {}  # keys that its input needs in Telegraf's own table

    @classmethod
    def speaks_text(cls) -> bool:
        return False  # Telegraf does, in its own way

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        return Stream(cls.name, tuple(each.quantity for each in cls.declared(channel).values()))

    @classmethod
    def declared(cls, channel: Channel) -> dict[str, Declared]:
        """Tell what a channel's ``read`` declares. Raises BadInput."""
        return declared.read(channel.options["read"], cls.where, cls.quantity_keys)

    @classmethod
    def plugin(cls, stanza: Stanza) -> str:
        """Name Telegraf's input."""
        return cls.input

    @classmethod
    def unstarted(cls, stanza: Stanza) -> str:
        """Tell what Telegraf does where the input can't be started: retry, or ignore it. Else Telegraf ends, and all that it reads."""
        return "retry"

    @classmethod
    def needs(cls, stanza: Stanza) -> Sequence[str]:
        """Name the files of Telegraf's machine without which the input ends Telegraf, whatever it is told for that case."""
        return ()

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        """Make the keys of Telegraf's table, without those that every input has (alias, interval, tags).

        A mapping inside is a sub-table, a list of mappings several of them. ``client``: a name that no other lab has.
        """
        raise NotImplementedError

    @classmethod
    def source(cls, stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[Any]:
        """Tell by what native/shape.star knows a quantity's value; two quantities never have the same."""
        return [cls.input, {}, field_name(channel, quantity)]

    @classmethod
    def own_time(cls, stanza: Stanza, channel: Channel) -> list[Any] | None:
        """Tell where what comes of a channel has a time of its own (keys, form), as native/shape.star reads it; None: nowhere."""
        return None

    @classmethod
    def by_hand(cls, stanza: Stanza) -> Stanza:
        """Change what must not be like that of a lab that runs, where it is read once beside it."""
        return stanza

    @classmethod
    def secrets(cls, stanza: Stanza) -> list[str]:
        """List the files of the secrets folder that it needs."""
        return [stanza.options[name] for name in cls.secret_options if stanza.options[name]]

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            if stanza.trigger != "self":
                wrong.append(BadInput("leave this out: Telegraf itself sets the pace of this driver", ("trigger",)))
            for name in cls.secret_options:
                with noted(wrong):
                    check_secret(stanza.options[name], (name,))
            for option in cls.options_known:
                with noted(wrong):
                    check_plain(stanza.options[option.name], (option.name,))
            seen: dict[str, str] = {}
            for channel in stanza.declared:
                with noted(wrong, "channels", channel.id) as found:
                    found += cls._channel_mistakes(stanza, channel, seen)

    @classmethod
    def _channel_mistakes(cls, stanza: Stanza, channel: Channel, seen: dict[str, str]) -> Iterator[BadInput]:
        """Find what is wrong with a channel; ``seen`` are the values that are read already."""
        if channel.calibration is not None and channel.calibration.form != "linear":
            yield BadInput(
                f"found {channel.calibration.form!r}; what Telegraf reads it calibrates by form linear alone",
                ("calibration", "form"),
            )
        for name, each in cls.declared(channel).items():
            if each.where.get(COMMA.name) and each.quantity.type != "float":
                yield BadInput("is for type float", ("read", name, COMMA.name))
            source = str(cls.source(stanza, channel, name, each.where))
            if source in seen:
                yield BadInput(f"reads the same value as {seen[source]}", ("read", name))
            seen.setdefault(source, f"{name!r} of channel {channel.id!r}")

    @classmethod
    def places(cls, stanza: Stanza) -> list[tuple[str, tuple[str, ...]]]:
        return []  # a broker, an agent or a server has room for many


def field_name(channel: Channel, quantity: str) -> str:
    """Name a value among those that one input delivers."""
    return f"{channel.id}.{quantity}"


def secret(name: str) -> str:
    """Write a reference to a file of the secrets folder, which Telegraf looks up itself."""
    return f"@{{labline:{name}}}"


def check_plain(value: Any, path: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``path``) a text that Telegraf would take for a reference to a secret, which then goes out."""
    if isinstance(value, str) and "@{" in value:
        raise BadInput(
            f"found {shown(value)}, expected a text without '@{{', behind which Telegraf looks for a password", path
        )


def check_secret(name: str | None, path: tuple[str, ...]) -> None:
    """Refuse (BadInput at ``path``) what is no name of a file in the secrets folder."""
    if name is not None and not SECRET.match(name):
        raise BadInput(
            f"found {name!r}, expected the name of a file in the folder of passwords: letters, digits and '_'", path
        )
