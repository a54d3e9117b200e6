"""An instrument's stanza: the keys that it has in the site file, and alone in a program's own config file."""

from __future__ import annotations

import re

from . import calibration, connection, drivers, yamlfile
from .driver import Option, Quantity
from .errors import BadInput, suggestion

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w|y)\Z")
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
# Tags that labline or Telegraf set.
RESERVED_TAGS = ("site", "host", "instrument", "channel", "time")

KEYS = (
    Option("name", "str", "the instrument's name: tag `instrument` of all it delivers", required=True),
    Option("driver", "str", "the driver that reads it", required=True),
    Option("connection", "str", "how it is reached, a URL: tcp://host:port, serial:///dev/ttyUSB0, visa://…, phidget://…, file:///…, sim:",
           required=True),
    Option("label", "str", "its name for people; default: the name"),
    Option("description", "str", "a sentence about it, shown on dashboards"),
    Option("interval", "duration", "time between readings, such as 10s or 500ms; default: the driver's"),
    Option("timeout", "duration", "how long to wait for one answer; default: the driver's"),
    Option("trigger", "str", "who sets the pace: self, the program (default), or stdin, Telegraf's `signal = \"STDIN\"`", "self",
           choices=("self", "stdin")),
    Option("tags", "map", "tags of your own, name: text"),
    Option("channels", "map", "the channels that are read; default: all that the driver declares"),
    Option("stale", "duration", "how long without data until the stale-data alarm; default: follows the interval; 0s switches it off"),
)
CHANNEL_KEYS = (
    Option("label", "str", "the channel's name for people"),
    Option("description", "str", "a sentence about it, shown on dashboards"),
    Option("calibration", "map", "how the raw quantity becomes the one that is meant (telegraf_inputs/calibration.py)"),
    Option("limits", "map", "alarm limits by quantity; read by the floors above"),
)


class Channel:
    """One channel: ``id``, ``label``, ``description``, ``options`` (the driver's), ``calibration``, ``quantities``, ``limits`` (as written)."""

    __slots__ = ("id", "label", "description", "options", "calibration", "quantities", "limits")


class Stanza:
    """A checked stanza. ``driver`` is the driver's class; durations are in seconds; ``identity`` is filled in on connecting."""

    __slots__ = ("name", "label", "description", "driver", "connection", "interval", "timeout", "trigger", "tags", "channels",
                 "options", "stale", "identity")


def load(path: str) -> Stanza:
    """Read a program's config file: one stanza. Raises BadInput with file, line and path."""
    document = yamlfile.load(path)
    try:
        return check(document.data)
    except BadInput as error:
        raise document.located(error) from None


def check(data) -> Stanza:
    """Check one stanza. Raises BadInput with the path inside it."""
    if not isinstance(data, dict):
        raise BadInput(f"found {data!r}, expected an instrument's keys: name, driver, connection …")
    stanza = Stanza()
    driver = stanza.driver = drivers.load(_value(data, KEYS[1]))
    values = _take(data, KEYS, driver.options_known, f"driver {driver.name!r}")
    stanza.name, stanza.trigger, stanza.stale = values["name"], values["trigger"], values["stale"]
    if not NAME.match(stanza.name):
        raise BadInput(f"found {stanza.name!r}, expected letters, digits, '_', '-' or '.', beginning with a letter or digit", ("name",))
    stanza.label, stanza.description = values["label"] or stanza.name, values["description"] or ""
    stanza.interval = driver.interval if values["interval"] is None else values["interval"]
    stanza.timeout = driver.timeout if values["timeout"] is None else values["timeout"]
    for key in ("interval", "timeout"):
        if getattr(stanza, key) <= 0:
            raise BadInput("must be longer than 0", (key,))
    stanza.connection = _connection(values["connection"], driver)
    stanza.tags = _tags(values["tags"] or {})
    stanza.options = {o.name: values[o.name] for o in driver.options_known}
    stanza.identity = ""
    stanza.channels = _channels(values["channels"], stanza)
    driver.check(stanza)
    return stanza


def duration(value) -> float:
    """Read a duration (``10s``, ``500ms``, ``1.5h``, ``30d``) as seconds."""
    match = DURATION.match(value) if isinstance(value, str) else None
    if not match:
        raise BadInput(f"found {value!r}, expected a duration with its unit (ms, s, m, h, d, w, y), such as 10s")
    return float(match[1]) * SECONDS[match[2]]


def _connection(text, driver):
    try:
        url = connection.Url(text)
    except BadInput as error:
        error.path = ("connection", *error.path)
        raise
    if url.scheme not in (*driver.schemes, "sim"):
        raise BadInput(f"driver {driver.name!r} can't be reached by {url.scheme}; expected "
                       f"{' or '.join(driver.schemes)} (or sim: to try it without hardware)", ("connection",))
    if url.scheme in ("tcp", "visa"):
        try:
            url.host_port() if url.scheme == "tcp" else url.visa_resource()
        except BadInput as error:
            error.path = ("connection",)
            raise
    return url


def _tags(tags):
    for name, value in tags.items():
        if name in RESERVED_TAGS:
            raise BadInput(f"tag {name!r} is set by labline itself; choose another name", ("tags", name))
        if not isinstance(value, (str, int, float)) or value == "":
            raise BadInput(f"found {value!r}, expected a text that is not empty", ("tags", name))
    return {name: str(value) for name, value in tags.items()}


def _channels(given, stanza):
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
            raise BadInput(f"found {name!r}, expected letters, digits, '_', '-' or '.'", where)
        if data is not None and not isinstance(data, dict):
            raise BadInput(f"found {data!r}, expected the channel's keys: {', '.join(o.name for o in CHANNEL_KEYS)}", where)
        try:
            channels.append(_channel(name, data or {}, driver))
        except BadInput as error:
            error.path = (*where, *error.path)
            raise
    return channels


def _channel(name, data, driver):
    values = _take(data, CHANNEL_KEYS, driver.channel_options, f"a channel of {driver.name!r}")
    channel = Channel()
    channel.id, channel.label, channel.description = name, values["label"] or name, values["description"] or ""
    channel.options = {o.name: values[o.name] for o in driver.channel_options}
    channel.limits = values["limits"] or {}
    own = {q.name: q for q in driver.quantities_of(channel)}
    channel.calibration, channel.quantities = None, own
    if values["calibration"] is not None:
        try:
            made = calibration.build(values["calibration"], own)
        except BadInput as error:
            error.path = ("calibration", *error.path)
            raise
        channel.calibration, channel.quantities = made, _calibrated(own, made)
    for quantity in channel.limits:
        if quantity not in channel.quantities:
            raise BadInput(f"this channel has no quantity {quantity!r}; {suggestion(quantity, channel.quantities)}", ("limits", quantity))
    return channel


def _calibrated(own, made):
    """Add what a calibration delivers: the raw quantity keeps its name, or gets ``_raw`` where the calibrated takes it."""
    raw = own[made.of]
    result = dict(own)
    if made.to == made.of:
        result[f"{made.of}_raw"] = Quantity(f"{made.of}_raw", raw.unit, f"{raw.description}, before calibration", raw.low, raw.high)
    elif made.to in own:
        raise BadInput(f"{made.to!r} is delivered by the driver itself; choose another name, or leave 'to' out", ("calibration", "to"))
    result[made.to] = Quantity(made.to, made.unit, made.description or f"{raw.description}, calibrated", decimals=raw.decimals)
    return result


def _take(data, common, special, owner):
    """Read the declared keys of a mapping, with their defaults; refuse the others."""
    options = {o.name: o for o in (*common, *special)}
    for key in data:
        if key not in options:
            raise BadInput(f"is not a key of {owner}; {suggestion(key, options)}", (key,))
    return {name: _value(data, option) for name, option in options.items()}


def _value(data, option):
    value = data.get(option.name)
    if value is None:
        if option.required:
            raise BadInput(f"is missing; expected {option.description}", (option.name,))
        return option.default
    kind, good = option.type, True
    if kind == "duration":
        try:
            return duration(value)
        except BadInput as error:
            error.path = (option.name,)
            raise
    if kind == "str":
        # 123456 is a fine serial number, and 1.10 a fine label: people don't quote them.
        good = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        value = str(value)
    elif kind == "float":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        value = float(value) if good else value
    elif kind == "int":
        good = type(value) is int
    elif kind == "bool":
        good = isinstance(value, bool)
    elif kind == "map":
        good = isinstance(value, dict)
    elif kind == "list":
        good = isinstance(value, list)
    if not good:
        raise BadInput(f"found {data[option.name]!r}, expected {WORDS[kind]}: {option.description}", (option.name,))
    if option.choices and value not in option.choices:
        raise BadInput(f"found {value!r}, expected one of {', '.join(map(str, option.choices))}", (option.name,))
    return value


WORDS = {"str": "a text", "float": "a number", "int": "a whole number", "bool": "true or false", "map": "a mapping (key: value)",
         "list": "a list", "duration": "a duration"}
