"""Reads once, by hand, what Telegraf reads itself: a Telegraf of its own prints what comes."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from provisioning import native_config, toml
from telegraf_inputs.declare import MARKS
from telegraf_inputs.errors import BadInput
from telegraf_inputs.ledger import DISCARDED
from telegraf_inputs.native_source import Native
from telegraf_inputs.point import Point
from telegraf_inputs.stanza import Stanza

from .live.telegraf_log import TelegrafLog
from .stack import telegraf, told

GRACE = 30.0  # seconds beyond what is waited for, until Telegraf itself is given up


def read(stanza: Stanza, secrets: Path, *, simulate: bool = False) -> tuple[list[Point], str]:
    """Read once: the points that came, and why nothing or not all did ("" where Telegraf told nothing).

    What comes by itself is waited for as long as its interval. Raises BadInput where a password is missing, NotFound
    where there is no Telegraf.
    """
    simulate = simulate or stanza.simulated
    if not simulate:
        stanza = cast(type[Native], stanza.driver).by_hand(stanza)
        if missing := [name for name in native_config.secrets(stanza) if not (secrets / name).exists()]:
            raise BadInput(
                f"the password of {stanza.name!r} is missing: {told.path(secrets / missing[0])} is not there"
            )
        if absent := native_config.absent(stanza):
            raise BadInput(f"{stanza.name!r} can't be read here: this machine has no {', '.join(absent)}")
    by_itself = cast(type[Native], stanza.driver).by == "topic" and not simulate
    wait = round(stanza.interval + stanza.timeout) if by_itself else 0
    with tempfile.TemporaryDirectory(prefix="labline-read-") as name:
        folder = Path(name)
        for file, text in native_config.files(stanza, simulated=simulate).items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        config = "\n".join(_config(stanza, folder, secrets, simulate))
        (folder / "telegraf.conf").write_text(config, encoding="utf-8")
        command: list[str | Path] = [
            telegraf.get().path,
            "--config",
            folder / "telegraf.conf",
            "--once",
            "--test-wait",
            str(wait),
        ]
        with open(folder / "log", "wb") as log:
            try:
                done = subprocess.run(
                    command, stdout=subprocess.PIPE, stderr=log, timeout=wait + GRACE + stanza.timeout
                )
                printed = done.stdout
            except subprocess.TimeoutExpired as error:
                printed = error.stdout or b""
        came = [found for line in printed.splitlines() if (found := json.loads(line))["name"] != DISCARDED]
        points = [_point(stanza, found) for found in came]
        return points, TelegrafLog(folder / "log").details().get(stanza.name, "")


def _config(stanza: Stanza, folder: Path, secrets: Path, simulate: bool) -> Iterator[str]:
    agent = {"omit_hostname": True, "skip_processors_after_aggregators": True, "snmp_translator": "gosmi"}
    yield from toml.nested("agent", agent, many=False)
    if secrets.is_dir():
        yield from toml.nested("secretstores.docker", {"id": "labline", "path": str(secrets.absolute())})
    output = {"files": ["stdout"], "data_format": "json", "json_timestamp_units": "1ns"}
    yield from toml.nested("outputs.file", output)
    yield from native_config.tables(stanza, "read", str(folder), simulated=simulate)


def _point(stanza: Stanza, found: dict[str, Any]) -> Point:
    """Make a point of what Telegraf prints, in which 5.0 is 5."""
    channel = stanza.find(found["tags"]["channel"], found["name"])
    assert channel is not None  # the script makes points of no others
    came = found["fields"]
    fields = {name: quantity.field(came[name]) for name, quantity in channel.stored.items() if name in came}
    marks = {name: came[name] for name in MARKS if name in came}
    return Point(found["name"], found["tags"], {**fields, **marks}, found["timestamp"])
