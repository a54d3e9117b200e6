"""From the site to Telegraf, for what Telegraf reads by inputs of its own: its table, and the script that gives it shape."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from telegraf_inputs import derived_script, native_clock, native_script, native_simulation
from telegraf_inputs.native_source import Native
from telegraf_inputs.stanza import Stanza

from . import toml

RETRY_SECONDS = 10  # between attempts to reach a broker for the first time


def is_native(stanza: Stanza) -> bool:
    """Tell whether Telegraf itself reads this instrument."""
    return issubclass(stanza.driver, Native)


def computes(stanza: Stanza) -> bool:
    """Tell whether Telegraf computes this instrument of what others deliver."""
    return is_native(stanza) and cast(type[Native], stanza.driver).computes


def sources(stanza: Stanza) -> list[str]:
    """Name the instruments, other ones, of which a computed one is computed."""
    every = dict.fromkeys(each.instrument for each in stanza.computation.inputs.values())
    return [name for name in every if name != stanza.name]


def files(stanza: Stanza, *, simulated: bool = False) -> dict[str, str]:
    """Make the files of one instrument: path inside the folder of Telegraf's configuration -> text."""
    if computes(stanza):
        return {_script_file(stanza): derived_script.script(stanza)}
    return {_script_file(stanza): native_script.script(stanza, simulated=simulated or stanza.simulated)}


def tables(stanza: Stanza, site: str, folder: str, *, simulated: bool = False) -> Iterator[str]:
    """Write Telegraf's tables for one instrument; ``folder`` is where the files lie."""
    if computes(stanza):
        yield from _computing(stanza, folder)
        return
    driver = cast(type[Native], stanza.driver)
    simulated = simulated or stanza.simulated
    by_itself = driver.by == "topic" and not simulated
    label = "" if stanza.label == stanza.name else f"{toml.one_line(stanza.label)}: "
    what = "simulated by" if simulated else "read by"
    yield f"\n# {label}{toml.one_line(driver.title)}, {what} Telegraf itself, every {stanza.interval:g} s"
    own = native_simulation.table(stanza) if simulated else driver.table(stanza, f"labline-{site}-{stanza.name}")
    yield from toml.nested(
        f"inputs.{native_simulation.INPUT if simulated else driver.plugin(stanza)}",
        {
            "alias": stanza.name,
            "interval": f"{round(1000 * (RETRY_SECONDS if by_itself else stanza.interval))}ms",
            "# By itself Telegraf rounds the times of what it asks for, often to whole seconds.": None,
            "precision": "1ns",
            "startup_error_behavior": driver.unstarted(stanza),
            **own,
            "tags": {"instrument": stanza.name, **stanza.tags},
        },
    )
    yield ""
    yield from toml.nested(
        "processors.starlark",
        {
            "alias": stanza.name,
            "script": f"{folder}/{_script_file(stanza)}",
            "tagpass": {"instrument": [stanza.name], native_clock.TAG[0]: [native_clock.TAG[1]]},
        },
    )


def _computing(stanza: Stanza, folder: str) -> Iterator[str]:
    label = "" if stanza.label == stanza.name else f"{toml.one_line(stanza.label)}: "
    yield f"\n# {label}{toml.one_line(stanza.driver.title)}, computed by Telegraf itself, about every {stanza.interval:g} s"
    keys: dict[str, Any] = {"alias": stanza.name, "script": f"{folder}/{_script_file(stanza)}"}
    yield from toml.nested("processors.starlark", {**keys, "tagpass": {"instrument": sources(stanza)}})


def clock(python: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Write the input that tells the scripts whether the machine's clock follows another one."""
    yield "\n# Whether this machine's clock follows another one; what is read while it does not is marked."
    keys: dict[str, Any] = {
        "alias": "clock",
        "commands": [f"{shlex.quote(python)} -m telegraf_inputs.native_clock"],
        **({"environment": [f"{name}={value}" for name, value in environment.items()]} if environment else {}),
        "interval": f"{native_clock.SECONDS}s",
        "timeout": f"{native_clock.SECONDS}s",
        "data_format": "influx",
    }
    yield from toml.nested("inputs.exec", keys)


def counter(natives: Sequence[Stanza], python: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Write the output that counts, for the ledger of a run, what Telegraf gathers of these instruments."""
    yield "\n# What was gathered of them is counted, to be held against what the database has at the end of the run."
    keys: dict[str, Any] = {
        "alias": "ledger",
        "command": [python, "-m", "telegraf_inputs.native_ledger"],
        "environment": [f"{name}={value}" for name, value in environment.items()],
        "data_format": "json",
        "json_timestamp_units": "1ns",
        "tagpass": {"instrument": [stanza.name for stanza in natives]},
    }
    yield from toml.nested("outputs.execd", keys)


def agent(stanzas: Iterable[Stanza]) -> dict[str, Any]:
    """Give the keys that these instruments need in Telegraf's own table."""
    natives = (cast(type[Native], stanza.driver) for stanza in stanzas if is_native(stanza))
    return {key: value for driver in natives for key, value in driver.agent.items()}


def secrets(stanza: Stanza) -> list[str]:
    """List the files of the folder of passwords that Telegraf needs for one instrument; without one it does not start."""
    return cast(type[Native], stanza.driver).secrets(stanza) if is_native(stanza) else []


def absent(stanza: Stanza) -> list[str]:
    """List the files of this machine that are not there, and without which Telegraf would end for one instrument."""
    needed = cast(type[Native], stanza.driver).needs(stanza) if is_native(stanza) else ()
    return [path for path in needed if not os.path.exists(path)]


def without_files(stanza: Stanza) -> Stanza:
    """Leave out the files that are on Telegraf's machine alone."""
    names = cast(type[Native], stanza.driver).file_options if is_native(stanza) else ()
    return replace(stanza, options=stanza.options | dict.fromkeys(names)) if names else stanza


def _script_file(stanza: Stanza) -> str:
    return f"instruments/{stanza.name}.star"
