"""An instrument's stanza: the keys that it has in the site file, and alone in a program's own config file."""

from __future__ import annotations

import os
from typing import Any

from . import calibration, connections, drivers, duration, options, spikes, transports, wires, yamlfile
from .calibration import Calibration
from .configured import ANY, Channel, Stanza
from .declare import MARKS, PINNED, RESERVED_TAGS, Option, Quantity, pin
from .errors import BadInput, noted, shown, suggestion, together
from .line import Wire
from .names import NAME, not_a_name
from .options import take
from .pattern import check_pattern
from .point import BadPoint, Point
from .source import Source
from .url import Url

__all__ = ["CHANNEL_KEYS", "KEYS", "Channel", "Stanza", "check", "check_all", "load", "load_all"]

RANGES = {"interval": ("1ms", "1y"), "timeout": ("1ms", "1d"), "stale": ("0s", "10y")}  # what can be waited for
# Fields that labline adds to a driver's quantities.
EACH = "each channel"  # the label of what stands for channels that are found in the data
RESERVED_FIELDS = (
    *MARKS,
    *("up", "read_seconds", "errors", "reconnects", "overruns", "dropped", "discarded", "readings"),
    *("spikes", "state"),
)

KEYS = (
    Option("name", "str", "the instrument's name: tag `instrument` of all it delivers", required=True),
    Option("driver", "str", "the driver that reads it", required=True),
    Option(
        "connection",
        "str",
        "how it is reached, a URL such as tcp://host:port or serial:///dev/ttyUSB0 (the driver's page lists its own), or sim",
    ),
    Option("node", "str", "the node that reads it; default: the first"),
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
    Option("enabled", "bool", "false: it is not read, and no alarm waits for it; what it measured stays", True),
    Option("tags", "map", "tags of your own, name: text"),
    wires.WIRE,
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
    Option("filter", "map", "how single readings that are far from those before them are found, and kept aside"),
    Option("limits", "map", "alarm limits by quantity; read by the floors above"),
)
# What people write for what is a part of another key -> where that stands.
IN_A_URL = "it is a part of the connection, as "
HOMES_OF_AN_INSTRUMENT = {
    **dict.fromkeys(("url", "uri", "device", "resource"), "how it is reached is its connection: a URL"),
    **dict.fromkeys(("host", "hostname", "address", "ip", "port"), f"{IN_A_URL}connection: tcp://HOST:PORT"),
    **dict.fromkeys(
        ("baudrate", "baud", "parity", "bytesize", "stopbits"),
        f"{IN_A_URL}connection: serial:///dev/serial/by-id/…?baudrate=9600",
    ),
    "type": "what reads it is its driver",
}
FOR_DRIVER = ("type", "kind", "device_type", "plugin", "input", "treiber")
HOME_OF_A_LIMIT = "it belongs to a limit of a channel, as limits: {QUANTITY: {warning: {above: VALUE}}}"
HOMES_OF_A_LIMIT = dict.fromkeys(("above", "below", "warning", "critical", "hysteresis", "alarm_when"), HOME_OF_A_LIMIT)
# Where a mistake leaves it known what the instrument delivers, and what its driver goes by; and so of a channel.
TO_THEMSELVES = [
    (name,) for name in ("name", "node", "label", "description", "interval", "timeout", "stale", "enabled", "tags")
] + [("channels",)]
TO_A_CHANNEL = [(name,) for name in ("label", "description", "limits")]


def of_channels(driver: type[Source]) -> dict[str, str]:
    """Say, for each key of a channel, where it belongs."""
    names = [option.name for option in (*CHANNEL_KEYS, *driver.channel_options)]
    of_channel = {name: f"it belongs to a channel, as channels: NAME: {name}:" for name in names}
    return HOMES_OF_AN_INSTRUMENT | HOMES_OF_A_LIMIT | of_channel | _of_quantities(driver)


def of_instruments(driver: type[Source]) -> dict[str, str]:
    """Say, for each key of an instrument, where it belongs."""
    names = [option.name for option in (*keys_of(driver), *driver.options_known)]
    of_instrument = dict.fromkeys(names, "it belongs to the instrument, beside its driver")
    return HOMES_OF_A_LIMIT | of_instrument | _of_quantities(driver)


def _of_quantities(driver: type[Source]) -> dict[str, str]:
    """Say where a unit belongs, or that the driver knows it."""
    if any(option.name == "read" for option in driver.channel_options):
        return {"unit": "it belongs to a quantity, as read: NAME: {unit: …}"}
    return {"unit": f"driver {driver.name!r} knows the units of what it reads"}


def keys_of(driver: type[Source]) -> tuple[Option, ...]:
    """List the keys that a stanza of one driver has, beside the driver's own."""
    return tuple(key for key in KEYS if key is not wires.WIRE or driver.speaks_text())


def load(path: str, driver: type[Source] | None = None) -> Stanza:
    """Read a config file: one stanza. Raises BadInput with file, line and path; with a ``driver`` it must be this one's."""
    errors: list[BadInput] = []
    stanza = load_all(path, errors, driver)
    if stanza is None:
        raise errors[0]
    return stanza


def load_all(path: str, errors: list[BadInput], driver: type[Source] | None = None) -> Stanza | None:
    """Read a config file as ``load`` does, and note all that is wrong with it in ``errors``, by lines."""
    found: list[BadInput] = []
    stanza = None
    with noted(found):
        document = yamlfile.load(path)
        stanza = check_all(document.data, found)
        if stanza is not None:
            stanza.folder = os.path.dirname(os.path.abspath(path))
        if stanza is not None and driver is not None and stanza.driver.name != driver.name:
            found.append(BadInput(f"found {stanza.driver.name!r}, but this program is {driver.name!r}", ("driver",)))
        for error in found:
            document.located(error)
    errors += sorted(found, key=lambda error: error.line or 0)
    return None if found else stanza


def check(data: Any) -> Stanza:
    """Check one stanza. Raises BadInput with the path inside it: the first mistake."""
    errors: list[BadInput] = []
    stanza = check_all(data, errors)
    if stanza is None or errors:
        raise errors[0]
    return stanza


def _named(data: dict[str, Any]) -> str:
    """Give the driver's name. Raises BadInput; where it stands under another key, that is told."""
    other = next((key for key in data if str(key).lower() in FOR_DRIVER), "")
    if other and data.get("driver") is None:
        raise BadInput(f"is no key of an instrument; what reads it is its driver, as driver: {data[other]}", (other,))
    return str(options.value(data, KEYS[1]))


def check_all(data: Any, errors: list[BadInput]) -> Stanza | None:
    """Check one stanza and note all that is wrong with it in ``errors``, each with its path inside it.

    Returns what could be understood, with the channels of which it is known what they deliver; None where that is no
    instrument, or what it delivers hangs on what is wrong.
    """
    if not isinstance(data, dict):
        found = "nothing" if data is None else shown(data)
        errors.append(BadInput(f"found {found}, expected an instrument's keys: name, driver, connection …"))
        return None
    driver = None
    with noted(errors):
        driver = drivers.load(_named(data))
    if driver is None:
        _check_common(data, errors)
        return None
    return _check(data, driver, errors)


def _check_common(data: dict[str, Any], errors: list[BadInput]) -> None:
    """Look at the keys that every instrument has, where nobody knows which others its driver would have."""
    names = [option.name for option in KEYS]
    for key in data:
        if key not in names and (hint := suggestion(key, names)).startswith("did you mean"):
            errors.append(BadInput(f"is not a key that every instrument has; {hint}", (key,)))
    for option in KEYS:
        if option.name != "driver":
            with noted(errors):
                options.value(data, option)


def _check(data: dict[str, Any], driver: type[Source], errors: list[BadInput]) -> Stanza | None:
    before = len(errors)
    values: dict[str, Any] = {wires.WIRE.name: None}
    values |= take(
        data, (*keys_of(driver), *driver.options_known), f"driver {driver.name!r}", errors, of_channels(driver)
    )
    if values["name"] is not None and not NAME.match(values["name"]):
        errors.append(BadInput(not_a_name(values["name"]), ("name",)))
    for key, (shortest, longest) in RANGES.items():
        value = values[key]
        if value is not None and not duration.read(shortest) <= value <= duration.read(longest):
            errors.append(BadInput(f"found {data[key]!r}, expected a duration from {shortest} to {longest}", (key,)))
    stanza = Stanza(
        driver,
        name=values["name"] or "",
        label=values["label"] or values["name"] or "",
        description=values["description"] or "",
        connection=Url(""),
        node=values["node"] or "",
        interval=driver.interval if values["interval"] is None else values["interval"],
        timeout=driver.timeout if values["timeout"] is None else values["timeout"],
        trigger=values["trigger"],
        enabled=values["enabled"] is not False,
        stale=values["stale"],
        options={option.name: values[option.name] for option in driver.options_known},
    )
    with noted(errors, wires.WIRE.name) as found:
        stanza.wire = wires.read(values[wires.WIRE.name], driver.wire, found)
    with noted(errors, "connection"):
        stanza.connection = _connection(values["connection"], driver, stanza.wire)
    if any(error.path[:1] == (option.name,) for error in errors[before:] for option in driver.options_known):
        return None  # what channels there are may hang on these options
    with noted(errors):
        stanza.others = _others(driver)
        stanza.channels = _channels(values["channels"], stanza, errors)
    if len(errors) == before:
        _choose_reader(stanza, values)
    with noted(errors):
        stanza.tags = _tags(values["tags"] or {}, stanza.declared)
    if pattern := pin(stanza.options, driver.options_known):
        with noted(errors):
            check_pattern(pattern, (PINNED.name,), search=True)
    if any(error.path[:1] not in TO_THEMSELVES for error in errors[before:]):
        return stanza
    with noted(errors):
        stanza.driver.check(stanza)
        _check_places(stanza)
    return stanza


def _choose_reader(stanza: Stanza, values: dict[str, Any]) -> None:
    """Have it read by the class that its own keys ask for, with the times that this one has."""
    stanza.driver = reader = stanza.driver.reader(stanza)
    stanza.interval = reader.interval if values["interval"] is None else stanza.interval
    stanza.timeout = reader.timeout if values["timeout"] is None else stanza.timeout


def _check_places(stanza: Stanza) -> None:
    """Refuse what serves one channel only, and is named by two."""
    seen: dict[str, str] = {}
    with together() as wrong:
        for place, path in stanza.driver.places(stanza):
            if place in seen:
                wrong.append(BadInput(f"{place} is channel {seen[place]!r} already", path))
            seen.setdefault(place, path[-1] if len(path) < 2 else path[1])


def _connection(text: str | None, driver: type[Source], wire: Wire) -> Url:
    if not driver.schemes:
        if text is not None:
            raise BadInput(f"leave this out: driver {driver.name!r} has no connection")
        return Url("")
    if text is None:
        raise BadInput(f"is missing; expected {KEYS[2].description}")
    url = Url(text)
    network = next((scheme for scheme in driver.schemes if transports.load(scheme).network), "tcp")
    if url.scheme not in (*driver.schemes, "sim") and "@" not in text and (hint := connections.meant(text, network)):
        raise BadInput(f"{text!r} is no connection; {hint}")
    transport = transports.of(url)
    if url.scheme not in (*driver.schemes, "sim"):
        raise BadInput(
            f"driver {driver.name!r} can't be reached by {url.scheme}; expected "
            f"{' or '.join(driver.schemes)} (or sim to try it without hardware)"
        )
    transport.check(url, wire)
    if url.scheme == "sim":
        from . import simulators

        simulators.settings(url, driver)
    return url


def _tags(tags: dict[str, Any], channels: list[Channel]) -> dict[str, str]:
    fields = {*RESERVED_FIELDS, *(name for channel in channels for name in channel.stored)}
    with together() as wrong:
        for name, value in tags.items():
            with noted(wrong, "tags", name):
                _check_tag(name, value, fields)
    return {name: str(value) for name, value in tags.items()}


def _check_tag(name: str, value: Any, fields: set[str]) -> None:
    if name in RESERVED_TAGS or name in fields:
        raise BadInput(f"{name!r} is a tag or field that labline writes itself; choose another name")
    if isinstance(value, (bool, float)) or not isinstance(value, (str, int)) or value == "":
        raise BadInput(f"found {shown(value)}, expected a text that is not empty; write it in quotes")
    try:
        Point("tags", {name: value})
    except BadPoint as error:
        raise BadInput(str(error)) from None


def _channels(given: dict[str, Any] | None, stanza: Stanza, errors: list[BadInput]) -> list[Channel]:
    driver = stanza.driver
    known = driver.channel_names_of(stanza.options)
    if given is None:
        if known is None and not stanza.others:
            raise BadInput(f"driver {driver.name!r} reads the channels that you name; add at least one", ("channels",))
        made = (_channel(name, {}, driver, errors) for name in known or ())
        return [channel for channel in made if channel is not None]
    if not given:
        raise BadInput("is empty; name at least one channel, or leave it out to read all", ("channels",))
    channels: list[Channel] = []
    for name, data in given.items():
        where = ("channels", name)
        if known is not None and name not in known and not stanza.others:
            of_another = name in (driver.channel_names or ())  # a channel, but not with what the options say
            cure = f" with these options; known: {', '.join(known)}" if of_another else f"; {suggestion(name, known)}"
            errors.append(BadInput(f"driver {driver.name!r} has no channel {name!r}{cure}", where))
            continue
        anyone = driver.finds and name == ANY
        if (known is None or name not in known) and not anyone and not NAME.match(name):
            errors.append(BadInput(not_a_name(name), where))
            continue
        if data is not None and not isinstance(data, dict):
            keys = ", ".join(o.name for o in (*CHANNEL_KEYS, *driver.channel_options))
            errors.append(BadInput(f"found {shown(data)}, expected the channel's keys: {keys}", where))
            continue
        with noted(errors, *where) as found:
            channel = _channel(name, data or {}, driver, found)
            if channel is None:
                continue
            (stanza.others if anyone else channels).append(channel)
            if anyone and channel.limits:
                raise BadInput("name the channel that is to have limits: an alarm is of one", ("limits",))
    return channels


def _others(driver: type[Source]) -> list[Channel]:
    """Make what stands for the channels that a driver finds in the data: one for each of its streams that has such."""
    return [
        Channel(ANY, EACH, "", {}, {}, None, {quantity.name: quantity for quantity in stream.quantities}, stream)
        for stream in driver.streams
        if stream.discovered
    ]


def _channel(name: str, data: dict[str, Any], driver: type[Source], errors: list[BadInput]) -> Channel | None:
    """Read one channel's keys; what is wrong goes to ``errors``, with its path inside the channel.

    None where it is not known what it delivers.
    """
    values = take(
        data, (*CHANNEL_KEYS, *driver.channel_options), f"a channel of {driver.name!r}", errors, of_instruments(driver)
    )
    options = {o.name: values[o.name] for o in driver.channel_options}
    label = values["label"] or (EACH if name == ANY else name)
    channel = Channel(name, label, values["description"] or "", options, values["limits"] or {})
    if any(error.path[:1] not in TO_A_CHANNEL for error in errors):
        return None
    before = len(errors)
    with noted(errors):
        channel.stream = driver.stream_of(channel)
        channel.quantities = {q.name: q for q in driver.quantities_of(channel)}
    if len(errors) > before:
        return None
    if values["calibration"] is not None:
        with noted(errors, "calibration"):
            channel.calibration = calibration.build(values["calibration"], channel.quantities)
            channel.quantities = _calibrated(channel.quantities, channel.calibration)
    if len(errors) > before:
        return None
    if values["filter"] is not None:
        with noted(errors, "filter"):
            channel.filter = spikes.build(values["filter"], channel.quantities, channel.calibration)
    for quantity in channel.limits:
        if quantity not in channel.quantities:
            hint = _by_quantity(quantity, channel) or suggestion(quantity, channel.quantities)
            errors.append(BadInput(f"this channel has no quantity {quantity!r}; {hint}", ("limits", quantity)))
    return channel


def _by_quantity(key: str, channel: Channel) -> str:
    """Say where limits stand that were written without a quantity."""
    inside = (
        "{critical: …}" if key == "critical" else "{warning: …}" if key == "warning" else f"{{warning: {{{key}: …}}}}"
    )
    first = next(iter(channel.quantities), "QUANTITY")
    return f"limits stand by quantity, as limits: {{{first}: {inside}}}" if key in HOMES_OF_A_LIMIT else ""


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
        made.to, made.unit, made.description or f"{raw.description}, calibrated", made.least, decimals=made.decimals
    )
    return result
