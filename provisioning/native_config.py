"""From the site to Telegraf, for what Telegraf reads by inputs of its own: its table, and the script that gives it shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from telegraf_inputs import native_script
from telegraf_inputs.native_source import Native
from telegraf_inputs.stanza import Stanza

from . import toml

RETRY_SECONDS = 10  # between attempts to reach a broker for the first time


def is_native(stanza: Stanza) -> bool:
    """Tell whether Telegraf itself reads this instrument."""
    return issubclass(stanza.driver, Native)


def script_file(name: str) -> str:
    """Name an instrument's script, inside the folder of Telegraf's configuration."""
    return f"instruments/{name}.star"


def tables(stanza: Stanza, site: str, folder: str) -> Iterator[str]:
    """Write Telegraf's tables for one instrument; ``folder`` is where the files lie."""
    driver = cast(type[Native], stanza.driver)
    label = "" if stanza.label == stanza.name else f"{toml.one_line(stanza.label)}: "
    yield f"\n# {label}{toml.one_line(driver.title)}, read by Telegraf itself, every {stanza.interval:g} s"
    yield from toml.nested(
        f"inputs.{driver.plugin(stanza)}",
        {
            "alias": stanza.name,
            "interval": f"{round(1000 * (RETRY_SECONDS if driver.by == 'topic' else stanza.interval))}ms",
            # By itself Telegraf rounds the times of what it asks for, often to whole seconds.
            "precision": "1ns",
            "startup_error_behavior": "retry",
            **driver.table(stanza, f"labline-{site}-{stanza.name}"),
            "tags": {"instrument": stanza.name, **stanza.tags},
        },
    )
    yield from toml.nested(
        "processors.starlark",
        {
            "alias": stanza.name,
            "script": f"{folder}/{script_file(stanza.name)}",
            "tagpass": {"instrument": [stanza.name]},
        },
    )


def script(stanza: Stanza) -> str:
    """Write an instrument's script."""
    return native_script.script(stanza)
