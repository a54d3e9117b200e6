"""All that is wrong with a stanza is told at once: each mistake, whatever else is wrong beside it."""

from __future__ import annotations

from typing import Any

import pytest

from telegraf_inputs import stanza
from telegraf_inputs.errors import BadInput

V = {"query": "V?", "unit": "V"}


def mistakes(data: dict[str, Any]) -> set[str]:
    """Check a stanza; the places of what is wrong."""
    found: list[BadInput] = []
    assert stanza.check_all({"name": "x", "connection": "tcp://h:1", **data}, found) is None or found
    return {".".join(map(str, error.path)) for error in found}


@pytest.mark.parametrize(
    ("data", "places"),
    [
        (
            {"driver": "lakeshore_372", "tags": {"site": "a", "b": "", "c": 1.5, "d": "fine", "e": "a\nb"}},
            {"tags.site", "tags.b", "tags.c", "tags.e"},
        ),
        (
            {"driver": "scpi", "channels": {"1": {"read": {"v": V}, "calibration": {"form": "linear", "x": 1, "a": "z", "range": [2, 1], "low": "y"}}}},
            {f"channels.1.calibration.{key}" for key in ("x", "a", "b", "range", "low")},
        ),
        (
            {"driver": "scpi", "channels": {"1": {"read": {"V": V, "w": {"query": "W?", "unit": 1.5, "scal": 1}, "u": 5, "s": {**V, "scale": 0, "low": 2, "high": 1}}}}},
            {f"channels.1.read.{key}" for key in ("V", "w.unit", "w.scal", "u", "s.scale", "s.low")},
        ),
        (
            {"driver": "scpi", "setup": ["OUTP ON", "INST?", "*RST"], "fence": "X", "identity": "(a+)+", "channels": {"1": {"before": "OUTP ON", "read": {"v": {**V, "query": "OUTP ON"}, "w": {**V, "query": "A;B"}}}}},
            {"setup.0", "setup.2", "fence", "identity", "channels.1.before", "channels.1.read.v.query", "channels.1.read.w.query"},
        ),
        (
            {"driver": "scpi", "channels": {"1": {"read": {"v": {"query": "V?", "unit": "", "type": "int", "choices": {"x": "a", "1": "\n", "2": {"word": 5.5}}}}}}},
            {f"channels.1.read.v.choices.{key}" for key in ("x", "1", "2.word")},
        ),
        (
            {"driver": "ds18b20", "connection": "file:///sys", "channels": {"a": None, "b": None, "28-0316a2795f1c": None}},
            {"channels.a", "channels.b"},
        ),
        (
            {"driver": "snmp", "connection": "udp://h", "trigger": "stdin", "community": "@{labline:writer}", "user": "u", "version": 2,
             "channels": {"a": {"read": {"v": {"oid": "x", "unit": "V"}, "w": {"oid": "y", "unit": "V"}}}}},
            {"trigger", "community", "user", "channels.a.read.v.oid", "channels.a.read.w.oid"},
        ),
        (
            {"driver": "mqtt", "connection": "mqtt://h", "password_file": "p", "ca": "/x", "topic": "a/#", "channels": {"a": {"read": {"v": {"unit": "V", "path": "a..b"}}}}},
            {"username", "ca", "channels.a.read.v.topic", "channels.a.read.v.path"},
        ),
        (
            {"driver": "modbus", "connection": "tcp://h:502", "unit": 300, "channels": {"a": {"read": {"v": {"address": 70000, "unit": "V"}, "w": {"address": -1, "unit": "V"}}}}},
            {"unit", "channels.a.read.v.address", "channels.a.read.w.address"},
        ),
    ],
)  # fmt: skip
def test_it_is_all_told(data: dict[str, Any], places: set[str]):
    assert mistakes(data) == places


@pytest.mark.parametrize(
    "url", ["serial:///dev/tty\0", "tcp://h\n:1", "file:///sys\x1b", "visa://USB\0::1::INSTR", "sim:?seed=1\0"]
)
@pytest.mark.parametrize("driver", ["scpi", "julabo", "ds18b20"])
def test_a_connection_has_no_control_characters(url: str, driver: str):
    with pytest.raises(BadInput):
        stanza.check(
            {
                "name": "x",
                "driver": driver,
                "connection": url,
                "channels": {"1": {"read": {"v": V}}} if driver == "scpi" else None,
            }
        )
