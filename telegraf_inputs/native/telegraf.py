"""Any input of Telegraf's own, whose table and deliveries the stanza declares.

Source: the pages of Telegraf's inputs, https://docs.influxdata.com/telegraf/v1/input-plugins/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..configured import ANY, Channel, Stanza
from ..declare import Option, Stream
from ..errors import BadInput, noted, shown, together
from ..native_source import COMMA, PLACE, READ, Native

PLUGIN = re.compile(r"[a-z][a-z0-9_]*\Z")
PAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{0,39}\Z")
SECRETS = re.compile(r"@\{labline:(\w+)\}", re.ASCII)
NEEDED = {
    "systemd_units": ("/run/dbus/system_bus_socket",)
}  # without it there is no systemd to be asked, and Telegraf ends
NOT_TRIED_AGAIN = ("nvidia_smi",)  # what is not there when it starts ends Telegraf, where it is told to try again
OURS = ("alias", "interval", "tags", "precision", "tagpass", "tagdrop", "namepass", "namedrop")


class TelegrafInput(Native):
    """Reads whatever an input of Telegraf's own can read, by a table that you write.

    The stanza says what the input delivers: of each channel the measurement, the tags that tell it from the others, and
    the fields. Channel `*` stands for those that are not named: one of its tags is {channel}, whose values are their names. What no
    channel names is not stored. A password in the table is written `@{labline:NAME}`: the file NAME in
    the folder of passwords.
    """

    name = "telegraf"
    title = "Any input of Telegraf"
    manual = "the page of the input, https://docs.influxdata.com/telegraf/v1/input-plugins/"
    verified = "with inputs of Telegraf that need no device"
    family = "protocol"
    schemes = ()
    finds = True
    where = (Option("field", "str", "the field, as the input calls it; default: the quantity's name"), COMMA)
    channel_options = (
        READ,
        Option("measurement", "str", "the measurement, as the input calls it; in the database too", required=True),
        Option("page", "str", "the title of a dashboard of its own, which it shares with others of this page"),
        Option("tags", "map", "the tags that tell this channel from others, as the input sets them: tag: text"),
    )
    options_known = (
        Option("input", "map", "the input and its keys, as in Telegraf's configuration: {nvidia_smi: {timeout: 5s}}", required=True),
    )  # fmt: skip
    example = """\
name: gpus
driver: telegraf
interval: 10s
input:
  nvidia_smi: {bin_path: /usr/bin/nvidia-smi, timeout: 5s}
channels:
  gpu0:
    label: Left GPU
    measurement: nvidia_smi
    tags: {index: "0"}
    read:
      temperature: {field: temperature_gpu, unit: °C, low: 0, high: 150, description: Temperature of the GPU}
      load: {field: utilization_gpu, unit: "%", type: int, low: 0, high: 100, description: How busy it is}
    limits: {temperature: {warning: {above: 85 °C}}}
  gpu1:
    label: Right GPU
    measurement: nvidia_smi
    tags: {index: "1"}
    read:
      temperature: {field: temperature_gpu, unit: °C, low: 0, high: 150, description: Temperature of the GPU}
"""

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        declared = cls.declared(channel)
        quantities = tuple(each.quantity for each in declared.values())
        return Stream(channel.options["measurement"], quantities, page=channel.options["page"] or "")

    @classmethod
    def plugin(cls, stanza: Stanza) -> str:
        return str(next(iter(stanza.options["input"])))

    @classmethod
    def unstarted(cls, stanza: Stanza) -> str:
        return "ignore" if cls.plugin(stanza) in NOT_TRIED_AGAIN else "retry"

    @classmethod
    def needs(cls, stanza: Stanza) -> Sequence[str]:
        return NEEDED.get(cls.plugin(stanza), ())

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        tables = stanza.options["input"]
        if len(tables) != 1 or not PLUGIN.match(cls.plugin(stanza)):
            raise BadInput(
                f"found {shown(tables)}, expected one input and its keys, such as nvidia_smi: {{timeout: 5s}}",
                ("input",),
            )
        table = tables[cls.plugin(stanza)]
        path = ("input", cls.plugin(stanza))
        if table is not None and not isinstance(table, dict):
            raise BadInput(f"found {shown(table)}, expected the input's keys", path)
        with together() as wrong:
            for key in table or {}:
                if key in OURS:
                    wrong.append(BadInput("leave this out: labline writes it", (*path, key)))
            wrong += _without_value(table or {}, path)
            for channel in stanza.declared:
                page = channel.options["page"]
                if page is not None and not PAGE.match(page):
                    expected = "expected a title of up to 40 letters, digits and blanks"
                    wrong.append(BadInput(f"found {shown(page)}, {expected}", ("channels", channel.id, "page")))
                for tag, text in (channel.options["tags"] or {}).items():
                    if not isinstance(text, str):
                        place = ("channels", channel.id, "tags", tag)
                        wrong.append(BadInput(f"found {shown(text)}, expected a text; write it in quotes", place))
                if channel.id == ANY and list((channel.options["tags"] or {}).values()).count(PLACE) != 1:
                    tags = ("channels", channel.id, "tags")
                    wrong.append(
                        BadInput(f"one tag must be '{PLACE}': its values are the channels that are found", tags)
                    )
            with noted(wrong):
                super().check(stanza)

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        return dict(stanza.options["input"][cls.plugin(stanza)] or {})

    @classmethod
    def secrets(cls, stanza: Stanza) -> list[str]:
        return [name for text in _texts(stanza.options["input"]) for name in SECRETS.findall(text)]

    @classmethod
    def source(cls, stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[Any]:
        return [channel.measurement, channel.options["tags"] or {}, where["field"] or quantity]


def _without_value(value: Any, path: tuple[Any, ...]) -> Iterator[BadInput]:
    """Find what TOML has no way to write."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _without_value(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _without_value(item, (*path, index))
    elif value is None:
        yield BadInput("is empty; leave the key out, or write a value", path)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


DRIVER = TelegrafInput
