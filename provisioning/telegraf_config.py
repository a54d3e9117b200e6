"""From the site to the Telegraf of a node: telegraf.conf, and a small config file for each instrument."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import yaml
from msgspec import Struct

from telegraf_inputs import clock, duration, ledger, memory, native_clock, plugins, yamlwords
from telegraf_inputs.source import Pushed, Source
from telegraf_inputs.url import HERE

from . import derived, host_metrics, native_config
from .levels import RAW
from .own_passwords import WRITER as WRITER
from .site import Node, Site, SiteInstrument
from .site_file import WriteKeys
from .telegraf_paths import TelegrafPaths as TelegrafPaths
from .toml import one_line as _one_line
from .toml import table as _table

CONF, INSTRUMENTS, JOURNAL_FILE = "telegraf.conf", "instruments", "readings.lp"
MORE_THAN_WRITING = (
    "WRITE is more than writing: InfluxDB 1.x lets such a user drop readings, retention policies and downsampling, too."
)
HOST_INTERVAL, HOST_POINTS = 10, 20  # seconds; points each time, and one more an instrument
CERTIFICATE_INTERVAL = 60  # seconds
BUFFER_SECONDS, BUFFER_LEAST, BUFFER_MOST = 3600, 10_000, 100_000
HEADER = "# Made by `labline render` from the site file: change that, not this.\n"


def render(
    site: Site,
    node: Node,
    paths: TelegrafPaths | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    connections: Mapping[str, str] | None = None,
    for_programs: bool = True,
) -> dict[str, str]:
    """Make the files of a node's Telegraf: path inside ``paths.config`` -> text.

    ``environment`` is added to that of the instruments' programs; ``connections`` replaces those of the site file, by
    instrument (``labline run --simulate``). Without those ``for_programs`` they are what Telegraf itself reads.
    """
    paths = paths or TelegrafPaths()
    connections = connections or {}
    files = {CONF: _conf(site, node, paths, environment or {}, connections)}
    for instrument in site.of_node(node):
        connection = connections.get(instrument.name)
        if native_config.is_native(instrument.stanza):
            files |= native_config.files(instrument.stanza, simulated=connection is not None)
        elif for_programs:
            files[program_config(instrument)] = program(instrument, connection)
    return files


def secrets(site: Site, node: Node) -> list[str]:
    """List the files of the folder of passwords that a node's Telegraf reads: the only ones that have to lie there."""
    proxy = site.influxdb.write
    natives = (native_config.secrets(instrument.stanza) for instrument in site.of_node(node))
    return [proxy.token_file if proxy else WRITER, *(name for names in natives for name in names)]


def program_config(instrument: SiteInstrument) -> str:
    """Name the config file of an instrument's program, inside ``Paths.config``."""
    return f"{INSTRUMENTS}/{instrument.name}.yml"


def program(instrument: SiteInstrument, connection: str | None = None) -> str:
    """Write a stanza as it stands in the site file, or with another connection, without what its program has no use for."""
    data = {key: value for key, value in instrument.data.items() if key not in ("stale", "node", "enabled")}
    if connection is not None:
        data["connection"] = connection
    if isinstance(data.get("channels"), dict):
        data["channels"] = {
            name: {k: v for k, v in (channel or {}).items() if k != "limits"} or None
            for name, channel in data["channels"].items()
        }
    return HEADER + yaml.dump(data, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # which of them, mypy can't know
    """Writes what stands twice twice, nothing for nothing, and in quotes what ``yamlfile`` would not read as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Plain, text: str) -> yaml.ScalarNode:
    taken = not isinstance(yamlwords.plain(text), str)
    # Double quotes alone can escape: a line break of another kind would be read back as a space.
    quotes = "'" if taken else None if text.isprintable() else '"'
    node: yaml.ScalarNode = dumper.represent_scalar(f"{yamlwords.TAG}str", text, style=quotes)
    return node


_Plain.add_representer(str, _text)
_Plain.add_representer(type(None), lambda dumper, _: dumper.represent_scalar(f"{yamlwords.TAG}null", ""))


def _conf(
    site: Site, node: Node, paths: TelegrafPaths, environment: Mapping[str, str], connections: Mapping[str, str]
) -> str:
    instruments = site.of_node(node)
    measurements = sorted({name for i in instruments for name in i.stanza.measurements})
    natives = [i.stanza for i in instruments if native_config.is_native(i.stanza)]
    computed = [stanza for stanza in natives if native_config.computes(stanza)]
    # Telegraf's processors take what passes in the order in which they stand here.
    natives = [stanza for stanza in natives if stanza not in computed] + derived.in_order(computed)
    clocked = bool(natives) and node.clock != "unchecked"
    unstored = [native_clock.METRIC] * clocked + [ledger.DISCARDED] * bool(natives)
    parts = [HEADER.rstrip(), *_agent(site, node), *_outputs(site, node, paths, measurements, unstored), *_host()]
    if site.influxdb.write:
        parts += _certificate(site.influxdb.write)
    if node.clock == "unchecked":
        environment = {**environment, clock.VARIABLE: node.clock}
    for each in programs(instruments):
        parts += _execd(each, paths, environment)
    for stanza in natives:
        parts += native_config.tables(stanza, site.name, paths.config, simulated=stanza.name in connections)
    if clocked:
        parts += native_config.clock(paths.python, environment)
    if natives and ledger.VARIABLE in environment:
        parts += native_config.counter(natives, paths.python, environment)
    return "\n".join(parts) + "\n"


def _agent(site: Site, node: Node) -> Iterator[str]:
    yield from _table("[global_tags]", {"site": site.name})
    yield from _table(
        "[agent]",
        {
            "hostname": node.name,
            "# The pace of what Telegraf measures by itself; the instruments' programs keep their own.": None,
            "interval": f"{HOST_INTERVAL}s",
            "# A reading is in the database, and on the screen, at most this later.": None,
            "flush_interval": duration.exact(node.flush_seconds),
            "metric_batch_size": node.batch,
            f"# Up to {BUFFER_SECONDS // 60} minutes while the database is away; the journal holds more.": None,
            "metric_buffer_limit": _buffer_limit(site.of_node(node)),
            "skip_processors_after_aggregators": True,
            **native_config.agent(i.stanza for i in site.of_node(node)),
        },
    )


def _buffer_limit(instruments: Sequence[SiteInstrument]) -> int:
    """Count the points of BUFFER_SECONDS, about 0.5 kB of memory each, in whole thousands."""
    readings = sum((len(i.stanza.declared) + 1) / i.stanza.interval for i in instruments)
    host = (HOST_POINTS + len(instruments)) / HOST_INTERVAL
    points = (readings + host) * BUFFER_SECONDS
    return min(BUFFER_MOST, max(BUFFER_LEAST, math.ceil(points / 1000) * 1000))


def _outputs(
    site: Site, node: Node, paths: TelegrafPaths, measurements: list[str], unstored: list[str]
) -> Iterator[str]:
    yield "\n# Passwords are files in this folder, one each; none stands here."
    yield from _table("[[secretstores.docker]]", {"id": "labline", "path": paths.secrets}, before="")
    database, proxy = site.influxdb, site.influxdb.write
    way = proxy or database
    if proxy:
        said = "# A proxy, which takes what this node writes, and nothing else, for its own token."
        user, secret_file = node.name, proxy.token_file
    else:
        said = f"# {MORE_THAN_WRITING}"
        user, secret_file = WRITER, WRITER
    yield from _table(
        "[[outputs.influxdb]]",
        {
            "alias": "database",
            "urls": [f"unix://{paths.socket}" if paths.socket else way.url],
            "database": database.database,
            "retention_policy": RAW,
            "# `labline apply` makes the database.": None,
            "skip_database_creation": True,
            said: None,
            "username": user,
            "password": f"@{{labline:{secret_file}}}",
            **({"tls_ca": way.ca} if way.ca else {}),
            "timeout": "10s",
            "content_encoding": "identity" if urlsplit(way.url).hostname in HERE else "gzip",
            **({"namedrop": unstored} if unstored else {}),
        },
    )
    yield "\n# Every reading once more, as line protocol in files, kept for what the database may have missed; in between how much waits for it."
    yield from _table(
        "[[outputs.file]]",
        before="",
        keys={
            "alias": "journal",
            "files": [f"{paths.journal}/{JOURNAL_FILE}"],
            "namepass": ["instrument", *measurements, host_metrics.OUTPUT],
            "data_format": "influx",
            "# Unset, archives would be 0: every full file deleted at once. These are a week, or 2.7 GB.": None,
            "rotation_interval": "1h",
            "rotation_max_size": "16MB",
            "rotation_max_archives": 168,
        },
    )


def _host() -> Iterator[str]:
    yield "\n# The machine, and Telegraf itself; only the fields that dashboards show."
    own: dict[str, dict[str, Any]] = {
        "cpu": {"percpu": False, "totalcpu": True},
        "disk": {
            "ignore_fs": ["tmpfs", "devtmpfs", "devfs", "iso9660", "squashfs", "aufs"],
            "ignore_mount_opts": ["bind"],
        },
    }
    # Mounts and interfaces of containers come and go, each a series for ever.
    drop = {
        "disk": {"path": ["/var/lib/docker/*", "/var/lib/containers/*", "/run/*", "/snap/*", "/etc/*"]},
        "net": {"interface": ["all", "veth*", "br-*", "docker*"]},
    }
    for name, quantities in host_metrics.HOST.items():
        yield from _table(f"[[inputs.{name}]]", {**own.get(name, {}), "fieldinclude": [q.name for q in quantities]})
        if name in drop:
            yield from _table(f"  [inputs.{name}.tagdrop]", drop[name], "    ", "")
    fields = sorted({q.name for quantities in host_metrics.TELEGRAF.values() for q in quantities})
    yield from _table(
        "[[inputs.internal]]",
        {
            "collect_memstats": False,
            "per_instance": True,
            "namepass": list(host_metrics.TELEGRAF),
            "fieldinclude": fields,
            "# They change with the configuration and the version, and would begin new series.": None,
            "tagexclude": ["_id", "version", "go_version"],
        },
    )


def _certificate(proxy: WriteKeys) -> Iterator[str]:
    yield "\n# When the certificate of the proxy ends: after that nothing of this node is taken."
    yield from _table(
        f"[[inputs.{host_metrics.CERTIFICATE}]]",
        before="",
        keys={
            "sources": [proxy.url],
            "interval": f"{CERTIFICATE_INTERVAL}s",
            **({"tls_ca": proxy.ca} if proxy.ca else {}),
            "# Numbers and names would begin a new series with each new certificate.": None,
            "fieldinclude": [quantity.name for quantity in host_metrics.PROXY[host_metrics.CERTIFICATE]],
            "taginclude": ["host", "site", "source", "type"],
        },
    )


class Program(Struct, frozen=True, kw_only=True):
    """One program that Telegraf runs: all instruments of a driver that keep their own pace, or that one signal paces."""

    alias: str
    instruments: list[SiteInstrument]

    @property
    def driver(self) -> type[Source]:
        driver: type[Source] = self.instruments[0].stanza.driver
        return driver


def programs(instruments: Iterable[SiteInstrument]) -> list[Program]:
    """Group instruments into the programs that read them, in the order of their drivers' first instruments."""
    groups: dict[str, list[SiteInstrument]] = {}
    for instrument in instruments:
        stanza = instrument.stanza
        if stanza.driver.alive_by == "report":
            paced = f"-stdin-{duration.exact(stanza.interval)}" if stanza.trigger == "stdin" else ""
            groups.setdefault(f"{stanza.driver.name}{paced}", []).append(instrument)
    return [Program(alias=alias, instruments=group) for alias, group in groups.items()]


def names_by_program(instruments: Iterable[SiteInstrument]) -> dict[str, list[str]]:
    """List which instruments each program reads, by the program's alias."""
    return {program.alias: [i.name for i in program.instruments] for program in programs(instruments)}


def _execd(program: Program, paths: TelegrafPaths, environment: Mapping[str, str]) -> Iterator[str]:
    yield f"\n# {_one_line(program.driver.title)}"
    command = [paths.python, "-m", f"telegraf_inputs.drivers.{program.driver.name}"]
    for instrument in program.instruments:
        stanza = instrument.stanza
        label = "" if stanza.label == stanza.name else f" {_one_line(stanza.label)}"
        yield f"# {stanza.name}:{label}, every {stanza.interval:g} s"
        if stanza.trigger == "stdin":  # those of one pace alone
            command += ["--config", f"{paths.config}/{program_config(instrument)}"]
    if program.instruments[0].stanza.trigger != "stdin":  # all of this driver, as they come, change and go
        command += ["--config", f"{paths.config}/{INSTRUMENTS}"]
    keys: dict[str, Any] = {"alias": program.alias, "command": command}
    if plugins.outside(program.driver):
        environment = {**environment, plugins.VARIABLE: os.environ[plugins.VARIABLE]}
    if issubclass(program.driver, Pushed) and program.driver.waits:
        environment = {**environment, memory.VARIABLE: paths.memory}
    if environment:
        keys["environment"] = [f"{name}={value}" for name, value in environment.items()]
    first = program.instruments[0].stanza
    if first.trigger == "stdin":
        keys |= {"signal": "STDIN", "interval": f"{round(first.interval * 1000)}ms"}
    else:
        keys["signal"] = "none"
    keys |= {"restart_delay": "10s", "data_format": "influx"}
    yield from _table("[[inputs.execd]]", keys, before="")
