"""An instrument's stanza: the keys that it has in the site file, and alone in a program's own config file."""

from __future__ import annotations

import re

from . import connection, drivers, duration, yamlfile
from .driver import PINNED, RESERVED_TAGS, Option, Quantity, check_pattern
from .errors import BadInput, shown, suggestion
from .point import BadPoint, Point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .calibration import Calibration
    from .connection import Url
    from .driver import Driver

RANGES = {"interval": ("1ms", "1y"), "timeout": ("1ms", "1d"), "stale": ("0s", "10y")}  # what can be waited for
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")  # files are called by it
NAME_WORDS = "letters, digits, '_', '-' or '.', a letter or digit first, 100 of them at most"
# Fields that labline adds to a driver's quantities.
RESERVED_FIELDS = ("status", "up", "read_seconds", "errors", "reconnects", "overruns", "dropped", "readings", "state")

KEYS = (
    Option("name", "str", "the instrument's name: tag `instrument` of all it delivers", required=True),
    Option("driver", "str", "the driver that reads it", required=True),
    Option(
        "connection",
        "str",
        "how it is reached, a URL: tcp://host:port, serial:///dev/ttyUSB0, visa://…, phidget://…, file:///…, sim",
        required=True,
    ),
    Option("label", "str", "its name for people; default: the name"),
    Option("description", "str", "a sentence about it, shown on dashboards"),
    Option("interval", "duration", "time between readings, such as 10s or 500ms; default: the driver's"),
    Option("timeout", "duration", "how long to wait for one answer; default: the driver's"),
    Option(
        "trigger",
        "str",
        'who sets the pace: self, the program (default), or stdin, Telegraf\'s `signal = "STDIN"`',
        "self",
        choices=("self", "stdin"),
    ),
    Option("tags", "map", "tags of your own, name: text"),
    Option("channels", "map", "the channels that are read; default: all that the driver declares"),
    Option(
        "stale",
        "duration",
        "how long without data until the stale-data alarm; default: follows the interval; 0s switches it off",
    ),
)
CHANNEL_KEYS = (
    Option("label", "str", "the channel's name for people"),
    Option("description", "str", "a sentence about it, shown on dashboards"),
    Option("calibration", "map", "how the raw quantity becomes the one that is meant (telegraf_inputs/calibration.py)"),
    Option("limits", "map", "alarm limits by quantity; read by the floors above"),
)


class Channel:
    """One channel: ``options`` are the driver's, ``limits`` stand as they are written.

    ``quantities`` are all that the channel delivers, by name, the calibrated one included.
    """

    __slots__ = ("id", "label", "description", "options", "calibration", "quantities", "limits")

    def __init__(self, id: str, label: str, description: str, options: dict[str, Any], limits: dict[str, Any]):
        self.id, self.label, self.description, self.options, self.limits = id, label, description, options, limits
        self.calibration: Calibration | None = None
        self.quantities: dict[str, Quantity] = {}


class Stanza:
    """A checked stanza. ``driver`` is the driver's class; durations are in seconds.

    ``identity`` is what the instrument says of itself, once it is connected.
    """

    __slots__ = (
        "name",
        "label",
        "description",
        "driver",
        "connection",
        "interval",
        "timeout",
        "trigger",
        "tags",
        "channels",
        "options",
        "stale",
        "identity",
    )

    def __init__(self, driver: type[Driver], values: dict[str, Any]):
        self.driver = driver
        self.name: str = values["name"]
        self.label: str = values["label"] or self.name
        self.description: str = values["description"] or ""
        self.interval: float = driver.interval if values["interval"] is None else values["interval"]
        self.timeout: float = driver.timeout if values["timeout"] is None else values["timeout"]
        self.trigger: str = values["trigger"]
        self.stale: float | None = values["stale"]
        self.options: dict[str, Any] = {o.name: values[o.name] for o in driver.options_known}
        self.identity = ""
        self.connection: Url
        self.tags: dict[str, str]
        self.channels: list[Channel]


def load(path: str, driver: type[Driver] | None = None) -> Stanza:
    """Read a config file: one stanza. Raises BadInput with file, line and path.

    With a ``driver`` it must be this one's, and as little as can be is left in memory: so a program reads its own.
    """
    data = yamlfile.load(path).data if driver is None else yamlfile.data_of(path)
    try:
        stanza = check(data)
        if driver is not None and stanza.driver.name != driver.name:
            raise BadInput(f"found {stanza.driver.name!r}, but this program is {driver.name!r}", ("driver",))
        return stanza
    except BadInput as error:
        raise yamlfile.load(path).located(error) from None


def check(data: Any) -> Stanza:
    """Check one stanza. Raises BadInput with the path inside it."""
    if not isinstance(data, dict):
        found = "nothing" if data is None else shown(data)
        raise BadInput(f"found {found}, expected an instrument's keys: name, driver, connection …")
    driver = drivers.load(_value(data, KEYS[1]))
    values = _take(data, KEYS, driver.options_known, f"driver {driver.name!r}")
    if not NAME.match(values["name"]):
        raise BadInput(f"found {shown(values['name'])}, expected {NAME_WORDS}", ("name",))
    stanza = Stanza(driver, values)
    for key, (shortest, longest) in RANGES.items():
        value = getattr(stanza, key)
        if value is not None and not duration.read(shortest) <= value <= duration.read(longest):
            raise BadInput(f"found {data[key]!r}, expected a duration from {shortest} to {longest}", (key,))
    stanza.connection = _connection(values["connection"], driver)
    stanza.channels = _channels(values["channels"], stanza)
    stanza.tags = _tags(values["tags"] or {}, stanza.channels)
    if PINNED in driver.options_known and stanza.options[PINNED.name]:
        check_pattern(stanza.options[PINNED.name], (PINNED.name,))
    driver.check(stanza)
    seen: dict[str, str] = {}
    for place, path in driver.places(stanza):
        if place in seen:
            raise BadInput(f"{place} is channel {seen[place]!r} already", path)
        seen[place] = path[-1] if len(path) < 2 else path[1]
    return stanza


def _connection(text: str, driver: type[Driver]) -> Url:
    try:
        url = connection.Url(text)
        if url.scheme not in (*driver.schemes, "sim"):
            raise BadInput(
                f"driver {driver.name!r} can't be reached by {url.scheme}; expected "
                f"{' or '.join(driver.schemes)} (or sim to try it without hardware)"
            )
        url.check(driver.wire)
        if url.scheme == "sim":
            from .simulators import settings

            settings(url, driver)
    except BadInput as error:
        error.path = ("connection",)
        raise
    return url


def _tags(tags: dict[str, Any], channels: list[Channel]) -> dict[str, str]:
    fields = {*RESERVED_FIELDS, *(name for channel in channels for name in channel.quantities)}
    for name, value in tags.items():
        if name in RESERVED_TAGS or name in fields:
            raise BadInput(
                f"{name!r} is a tag or field that labline writes itself; choose another name", ("tags", name)
            )
        if isinstance(value, (bool, float)) or not isinstance(value, (str, int)) or value == "":
            raise BadInput(
                f"found {shown(value)}, expected a text that is not empty; write it in quotes", ("tags", name)
            )
        try:
            Point("tags", {name: value})
        except BadPoint as error:
            raise BadInput(str(error), ("tags", name)) from None
    return {name: str(value) for name, value in tags.items()}


def _channels(given: dict[str, Any] | None, stanza: Stanza) -> list[Channel]:
    driver = stanza.driver
    known = driver.channel_names_of(stanza.options)
    if given is None:
        if known is None:
            raise BadInput(f"driver {driver.name!r} reads the channels that you name; add at least one", ("channels",))
        given = dict.fromkeys(known)
    if not given:
        raise BadInput("is empty; name at least one channel, or leave it out to read all", ("channels",))
    channels = []
    for name, data in given.items():
        where = ("channels", name)
        if known is not None and name not in known:
            raise BadInput(f"driver {driver.name!r} has no channel {name!r}; {suggestion(name, known)}", where)
        if known is None and not NAME.match(name):
            raise BadInput(f"found {shown(name)}, expected {NAME_WORDS}", where)
        if data is not None and not isinstance(data, dict):
            keys = ", ".join(o.name for o in (*CHANNEL_KEYS, *driver.channel_options))
            raise BadInput(f"found {shown(data)}, expected the channel's keys: {keys}", where)
        try:
            channels.append(_channel(name, data or {}, driver))
        except BadInput as error:
            error.path = (*where, *error.path)
            raise
    return channels


def _channel(name: str, data: dict[str, Any], driver: type[Driver]) -> Channel:
    values = _take(data, CHANNEL_KEYS, driver.channel_options, f"a channel of {driver.name!r}")
    options = {o.name: values[o.name] for o in driver.channel_options}
    channel = Channel(name, values["label"] or name, values["description"] or "", options, values["limits"] or {})
    channel.quantities = {q.name: q for q in driver.quantities_of(channel)}
    if values["calibration"] is not None:
        from . import calibration  # most programs do without

        try:
            channel.calibration = calibration.build(values["calibration"], channel.quantities)
        except BadInput as error:
            error.path = ("calibration", *error.path)
            raise
        channel.quantities = _calibrated(channel.quantities, channel.calibration)
    for quantity in channel.limits:
        if quantity not in channel.quantities:
            raise BadInput(
                f"this channel has no quantity {quantity!r}; {suggestion(quantity, channel.quantities)}",
                ("limits", quantity),
            )
    return channel


def _calibrated(own: dict[str, Quantity], made: Calibration) -> dict[str, Quantity]:
    """Add what a calibration delivers: the raw quantity keeps its name, or gets ``_raw`` where the calibrated takes it."""
    raw = own[made.of]
    result = dict(own)
    if made.to == made.of:
        result[f"{made.of}_raw"] = Quantity(
            f"{made.of}_raw",
            raw.unit,
            f"{raw.description}, before calibration",
            raw.low,
            raw.high,
            type=raw.type,
            decimals=raw.decimals,
        )
    result[made.to] = Quantity(
        made.to, made.unit, made.description or f"{raw.description}, calibrated", decimals=made.decimals
    )
    return result


def _take(data: dict[str, Any], common: tuple[Option, ...], special: tuple[Option, ...], owner: str) -> dict[str, Any]:
    """Read the declared keys of a mapping, with their defaults; refuse the others."""
    options = {o.name: o for o in (*common, *special)}
    for key in data:
        if key not in options:
            raise BadInput(f"is not a key of {owner}; {suggestion(key, options)}", (key,))
    return {name: _value(data, option) for name, option in options.items()}


def _value(data: dict[str, Any], option: Option) -> Any:
    """Read one key: the value in its declared type, or the default where it is missing."""
    value = data.get(option.name)
    if value is None:
        if option.required:
            raise BadInput(f"is missing; expected {option.description}", (option.name,))
        return option.default
    if option.type == "duration":
        try:
            value = duration.read(value)
        except BadInput as error:
            raise BadInput(f"{error.message}: {option.description}", (option.name,)) from None
    elif option.type == "str" and type(value) is int:
        value = str(value)  # 123456 is a fine serial number; people don't quote it
    elif option.type == "float" and type(value) is int:
        value = float(value)
    if not isinstance(value, PYTHON[option.type]) or isinstance(value, bool) != (option.type == "bool"):
        quotes = "; write it in quotes" if option.type == "str" and isinstance(value, (float, bool)) else ""
        raise BadInput(
            f"found {shown(value)}, expected {WORDS[option.type]}{quotes}: {option.description}", (option.name,)
        )
    if isinstance(value, float) and value - value != 0.0:  # NaN or infinite
        raise BadInput(f"found {shown(value)}, expected {WORDS[option.type]}: {option.description}", (option.name,))
    if option.choices and value not in option.choices:
        raise BadInput(f"found {shown(value)}, expected one of {', '.join(map(str, option.choices))}", (option.name,))
    return value


PYTHON = {"str": str, "float": float, "int": int, "bool": bool, "map": dict, "list": list, "duration": float}
WORDS = {
    "str": "a text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "map": "a mapping (key: value)",
    "list": "a list",
    "duration": "a duration",
}
