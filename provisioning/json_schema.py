"""The site file's schema for editors (JSON schema): completion, descriptions and a first check while typing.

Made from the declarations that the site file is checked with: the structs, the stanza's keys, the drivers' options.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from telegraf_inputs import calibration, declared, drivers, duration, names, spikes, stanza, wires
from telegraf_inputs.declare import FIELD, Option, Quantity
from telegraf_inputs.letters import LONGEST_UNIT
from telegraf_inputs.native_source import Native
from telegraf_inputs.source import Source

from .limits import SEVERITIES
from .site_file import (
    DURATION_PATTERN,
    NAME_PATTERN,
    OWN_KEYS,
    Alarms,
    Keep,
    Limits,
    Notifications,
    Retention,
    Seconds,
    SiteFile,
    fields,
)

FILE = "schema/site.schema.json"
TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": ["string", "number"]},  # 123456 is a fine serial number: people don't quote it
    "unit": {"type": ["string", "number"], "maxLength": LONGEST_UNIT},
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "map": {"type": "object"},
    "list": {"type": "array"},
    "duration": {
        "type": "string",
        "pattern": DURATION_PATTERN,
        "patternErrorMessage": "expected a duration with its unit, such as 10s",
    },
}
KINDS: dict[str, dict[str, Any]] = {
    calibration.NUMBER: {"type": "number"},
    calibration.NUMBERS: {"type": "array", "items": {"type": "number"}, "minItems": 1},
    calibration.POINTS: {
        "type": "array",
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "minItems": 2,
    },
    calibration.TRUTH: {"type": "boolean"},
}


def render() -> str:
    """Write the schema, with all drivers that there are."""
    (top, _), parts = msgspec.json.schema_components(
        (SiteFile, Limits), schema_hook=own_type, ref_template="#/$defs/{name}"
    )
    for struct in (Retention, Alarms, Notifications):
        for name, info in fields(struct).items():
            value = None if info.default_factory is msgspec.NODEFAULT else info.default_factory()
            if isinstance(value, (Seconds, Keep)):
                parts[struct.__name__]["properties"][name]["default"] = duration.exact(value) if value else "forever"
    for part in parts.values():
        part["properties"] |= {
            key: _or_nothing(made) for key, made in part["properties"].items() if key not in part["required"]
        }
    site = parts.pop(top["$ref"].rpartition("/")[2])
    site["properties"]["instruments"]["items"] = {"$ref": "#/$defs/Instrument"}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "labline site file",
        **{key: value for key, value in site.items() if key != "title"},
        "patternProperties": {
            f"^{OWN_KEYS}": {"description": "your own, for texts that are used twice: &name and *name"}
        },
        "$defs": {**parts, "Instrument": _instrument(), "Calibration": _calibration()},
    }
    return json.dumps(_for_editors(schema), indent=1, ensure_ascii=False) + "\n"


def _for_editors(made: Any) -> Any:
    """Write patterns as editors read them (ECMA 262), whose end of a text is ``$``."""
    if isinstance(made, dict):
        return {
            key: value.replace(r"\Z", "$") if key == "pattern" and isinstance(value, str) else _for_editors(value)
            for key, value in made.items()
        }
    return [_for_editors(each) for each in made] if isinstance(made, list) else made


def own_type(kind: type) -> dict[str, Any]:
    """Describe a type of ours to msgspec (its ``schema_hook``)."""
    if kind is Seconds:
        return dict(TYPES["duration"])
    if kind is Keep:
        return {
            "type": "string",
            "pattern": f"{DURATION_PATTERN}|^forever$",
            "patternErrorMessage": "expected a duration such as 30d, or forever",
        }
    raise NotImplementedError(kind)


def _instrument() -> dict[str, Any]:
    properties = {option.name: _key(option) for option in stanza.KEYS}
    properties["name"] |= {"pattern": NAME_PATTERN, "patternErrorMessage": f"expected {names.NAME_WORDS}"}
    properties["driver"]["enum"] = list(drivers.names())
    properties["wire"] |= {"properties": {o.name: _key(o) for o in wires.OPTIONS}, "additionalProperties": False}
    return {
        "type": "object",
        "required": [option.name for option in stanza.KEYS if option.required],
        "properties": properties,
        "allOf": [_when("driver", name, _of_driver(drivers.load(name))) for name in drivers.names()],
    }


def _of_driver(driver: type[Source]) -> dict[str, Any]:
    """Say what a stanza of one driver has beside the common keys, and that it has no others."""
    known = [option.name for option in (*stanza.keys_of(driver), *driver.options_known)]
    channel = {option.name: _key(option) for option in (*stanza.CHANNEL_KEYS, *driver.channel_options)}
    channel["calibration"]["$ref"] = "#/$defs/Calibration"
    channel["filter"] |= {"properties": {o.name: _key(o) for o in spikes.KEYS}, "additionalProperties": False}
    channel["limits"] |= {
        "type": "object",  # never without a value: whoever writes it believes that there is an alarm
        "minProperties": 1,
        "properties": {
            q.name: {
                "description": f"{q.description} ({q.unit})" if q.unit else q.description,
                "$ref": "#/$defs/Limits",
                **_words(q),
            }
            for stream in driver.streams
            for q in stream.quantities
        },
        "additionalProperties": {"$ref": "#/$defs/Limits"},
    }
    if driver.where or issubclass(driver, Native):
        channel["read"] |= _quantities(driver)
    required = [option.name for option in driver.channel_options if option.required]
    channels: dict[str, Any] = {
        "minProperties": 1,
        "additionalProperties": {
            "type": "object" if required else ["object", "null"],
            "required": required,
            "properties": channel,
            "additionalProperties": False,
        },
    }
    if driver.channel_names is not None:
        channels["propertyNames"] = {"enum": list(driver.channel_names)}
    else:
        channels["propertyNames"] = {"pattern": rf"{NAME_PATTERN}|^\*$" if driver.finds else NAME_PATTERN}
    return {
        "description": driver.title,
        "required": [option.name for option in driver.options_known if option.required]
        + (["connection"] if driver.schemes else [])
        + (["channels"] if driver.channel_names is None else []),
        "properties": {
            **{option.name: _key(option) for option in driver.options_known},
            **({"connection": {"not": {"type": "null"}}} if driver.schemes else {}),
            "channels": channels,
        },
        "propertyNames": {"enum": known},
    }


def _quantities(driver: type[Source]) -> dict[str, Any]:
    """Say what stands below a channel's ``read``: quantities, and their keys."""
    keys = (*driver.where, *(driver.quantity_keys if issubclass(driver, Native) else declared.KEYS))
    return {
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{FIELD.pattern}".replace(r"\Z", "$")},
        "additionalProperties": {
            "type": "object",
            "required": [option.name for option in keys if option.required],
            "properties": {option.name: _key(option) for option in keys},
            "additionalProperties": False,
        },
    }


def _words(quantity: Quantity) -> dict[str, Any]:
    """Name the words of a code, which its limits choose among."""
    if not quantity.choices:
        return {}
    words = {"enum": list(dict.fromkeys(choice.word for choice in quantity.choices))}
    one = {"properties": {"alarm_when": {"items": words}}}
    return {"properties": dict.fromkeys(SEVERITIES, one)}


def _calibration() -> dict[str, Any]:
    common = {option.name: _option(option) for option in calibration.COMMON}
    common["to"]["pattern"] = f"^{FIELD.pattern}".replace(r"\Z", "$")
    common["decimals"] |= {"minimum": 0, "maximum": calibration.MOST_DECIMALS}
    common["range"] |= {"items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    forms = [
        _when(
            "form",
            name,
            {
                "required": list(required),
                "properties": {key: KINDS[kind] for key, kind in kinds.items()},
                "propertyNames": {"enum": [*common, *kinds]},
            },
        )
        for name, (_, kinds, required) in calibration.FORMS.items()
    ]
    return {"type": ["object", "null"], "required": ["form"], "properties": common, "allOf": forms}


def _when(key: str, value: str, then: dict[str, Any]) -> dict[str, Any]:
    return {"if": {"required": [key], "properties": {key: {"const": value}}}, "then": then}


def _key(option: Option) -> dict[str, Any]:
    """Describe a key of a stanza."""
    made = _option(option)
    return made if option.required else _or_nothing(made)


def _or_nothing(made: dict[str, Any]) -> dict[str, Any]:
    """Let a key stand there without a value: it is then as if it was not."""
    if "anyOf" in made:
        return made if {"type": "null"} in made["anyOf"] else made | {"anyOf": [*made["anyOf"], {"type": "null"}]}
    if "$ref" in made:
        reference = {"$ref": made["$ref"]}
        return {**{key: value for key, value in made.items() if key != "$ref"}, "anyOf": [reference, {"type": "null"}]}
    choices = {"enum": [*made["enum"], None]} if "enum" in made else {}
    if "type" not in made:
        return made | choices
    kinds = made["type"] if isinstance(made["type"], list) else [made["type"]]
    return made | {"type": [*kinds, "null"]} | choices


def _option(option: Option) -> dict[str, Any]:
    made = {"description": option.description, **TYPES[option.type]}
    if option.choices:
        made["enum"] = list(option.choices)
    if option.default is not None and option.type != "duration":
        made["default"] = option.default
    return made
