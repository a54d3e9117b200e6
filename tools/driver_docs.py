"""The drivers' pages in docs/drivers, made from what they declare: `python -m tools.driver_docs [--check]`.

Those of drivers that lie in a folder of LABLINE_PATH are in the folder `docs` there.
They follow Telegraf's rules for the READMEs and sample configurations of its plugins (tools/readme_linter,
plugins/inputs/example). The example output is that of a recorded case (tests/telegraf_inputs/cases).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from labline.stack.telegraf import OLDEST
from provisioning.host_metrics import INSTRUMENT
from provisioning.measurements import CLOCK, STATUS
from telegraf_inputs import declared, drivers, errors, plugins, simulators, stanza, transports, wires
from telegraf_inputs.native_source import Native
from telegraf_inputs.reading import COMMON_STATUSES
from telegraf_inputs.source import Source

from . import generated, markdown, native_docs

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "drivers"
PACKAGE = ROOT / "telegraf_inputs"
CASES = plugins.extended([str(ROOT / "tests" / "telegraf_inputs" / "cases")], "cases")
EXAMPLE_NS = 1767225600000000000  # the first second of 2026, for lines of a recorded case, which keeps no times
FOUND = "as it is found in the data; the configuration may name some, to give them labels and limits"
STATES = {
    "starting": "The program has just begun.",
    "paused": "It is let go of for a while, by `labline pause`: its port is free for other programs.",
    "ok": "All channels are read.",
    "degraded": "The instrument answers, but a channel has no reading; its `status` says why.",
    "failed": "A fault in the driver, or a setting that the instrument can't be read with; the program's log says which.",
}


def main(arguments: list[str]) -> int:
    """Write the pages, or tell with status 1 what is not current."""
    return generated.main("tools.driver_docs", lambda: [(folder, pages(folder)) for folder in folders()], arguments)


def folders() -> list[Path]:
    """List where pages are: those of labline's own drivers, and of those in the user's folders."""
    return [FOLDER, *(Path(folder) / "docs" for folder in plugins.folders())]


def pages(folder: Path) -> dict[str, str]:
    """Make the pages of the drivers that have them in one folder: path inside it -> text."""
    found = {"README.md": _index(folder)}
    site_file = "[site file](../../site-file.md)" if folder == FOLDER else "site file"
    for driver in _drivers(folder):
        if issubclass(driver, Native):
            found[f"{driver.name}/sample.conf"] = native_docs.sample(driver)
            found[f"{driver.name}/README.md"] = native_docs.page(driver, site_file)
        else:
            found[f"{driver.name}/sample.conf"] = _sample(driver)
            found[f"{driver.name}/README.md"] = _page(driver, site_file)
    return found


def _drivers(folder: Path) -> list[type[Source]]:
    """List the drivers whose pages are in a folder."""
    home = PACKAGE if folder == FOLDER else folder.parent
    every = (drivers.load(name) for name in drivers.names())
    return [driver for driver in every if Path(inspect.getfile(driver)).parent.parent == home]


def _page(driver: type[Source], site_file: str) -> str:
    first, *others = (" ".join(p.split()) for p in inspect.cleandoc(driver.__doc__ or "").split("\n\n"))
    example = yaml.safe_load(driver.example)
    parts = [
        f"# {driver.title} Input Plugin",
        markdown.paragraph(f"{first} A program for Telegraf's `inputs.execd` that prints InfluxDB line protocol."),
        *map(markdown.paragraph, others),
        markdown.paragraph(f"Source: {driver.manual}.{f' Verified: {driver.verified}.' if driver.verified else ''}"),
        f"⭐ Telegraf v{OLDEST[0]}.{OLDEST[1]}.0\n🏷️ hardware, iot\n💻 linux",
        "## Service Input",
        markdown.paragraph(
            "The program keeps its own pace, the `interval` of its configuration. So Telegraf's `interval` does not "
            "apply, and `telegraf --test` shows something only with `--test-wait`. To see what it reads, run it by hand:"
        ),
        markdown.fence("sh", f"python3 -m telegraf_inputs.drivers.{driver.name} --config {example['name']}.yml --once"),
        "## Global configuration options",
        markdown.paragraph(
            "Telegraf's options for every plugin, such as `alias` and `tags`, apply; see [CONFIGURATION.md]"
            "[CONFIGURATION.md]."
        ),
        "[CONFIGURATION.md]: https://github.com/influxdata/telegraf/blob/master/docs/CONFIGURATION.md#plugins",
        "## Configuration",
        markdown.fence("toml @sample.conf", _sample(driver)),
        markdown.paragraph(
            f"The instrument's own configuration is a YAML file, `{example['name']}.yml` above. The same keys, in the list "
            f"`instruments` of labline's {site_file}, do all of this at once."
        ),
        markdown.fence("yaml", driver.example),
        markdown.paragraph(
            "Beside the [keys of every instrument](../README.md#keys-of-every-instrument), this driver knows:"
        )
        if driver.options_known or driver.channel_options
        else markdown.paragraph(
            "It knows the [keys of every instrument](../README.md#keys-of-every-instrument), and no others."
        ),
        *markdown.options("Key", driver.options_known),
        *markdown.options("Key of a channel", driver.channel_options),
        *markdown.options("Key of a quantity", (*driver.where, *declared.KEYS) if driver.where else ()),
        "### Connection",
        "\n".join(_connections(driver)),
        "## Metrics",
        "\n".join(_metrics(driver)),
        markdown.paragraph("A quantity without a reading has no field: nothing is made up. `status` says why:"),
        markdown.table(
            ("Status", "Meaning"),
            ((f"`{word}`", text) for word, text in {**COMMON_STATUSES, **driver.statuses}.items()),
        ),
        "## Troubleshooting",
        markdown.paragraph(
            "Field `state` of measurement `instrument` says how the instrument is; "
            "[what each state means](../README.md#states). A program that lost its instrument comes back by itself."
        ),
        "## Example Output",
        markdown.paragraph("From a recorded case; `read_seconds` is left out there."),
        markdown.fence("text", _output(driver)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _sample(driver: type[Source]) -> str:
    name = yaml.safe_load(driver.example)["name"]
    return f"""\
# {driver.title}
[[inputs.execd]]
  ## The program, and the file that describes the instrument. Where Telegraf is
  ## a service, write the path of the Python that has labline installed.
  command = ["python3", "-m", "telegraf_inputs.drivers.{driver.name}", "--config", "/etc/telegraf/labline/{name}.yml"]

  ## The name of this input in Telegraf's own metrics and log.
  alias = "{name}"

  ## The program keeps its own pace. With `trigger: stdin` in its file, Telegraf's
  ## interval sets it: "STDIN".
  # signal = "none"

  ## The time until a program that has ended is started again. It ends only when
  ## Telegraf does, or where its file is wrong.
  # restart_delay = "10s"

  ## What the program prints: InfluxDB line protocol.
  data_format = "influx"
"""


def _connections(driver: type[Source]) -> Iterator[str]:
    for scheme in driver.schemes:
        transport = transports.load(scheme)
        needs = f"; needs `pip install labline[{transport.extra}]`" if transport.extra else ""
        yield markdown.item(f"{transport.page(driver.wire)}{needs}", 0)
    yield markdown.item("`sim`: a simulator in the instrument's place", 0)


def _metrics(driver: type[Source]) -> Iterator[str]:
    known = driver.channel_names
    channel = f"one of {', '.join(known)}" if known else "as the configuration names it"
    for stream in driver.streams:
        quantities = {q.name: q for q in stream.quantities}
        for each in stanza.check(yaml.safe_load(driver.example)).channels if not quantities else ():
            quantities |= each.quantities
        yield f"- {stream.measurement}{' (when something happens)' if stream.kind == 'event' else ''}"
        yield "  - tags:"
        yield markdown.item("instrument (the `name` in the configuration)", 4)
        yield markdown.item(f"channel ({FOUND if stream.discovered else channel})", 4)
        yield from (markdown.item(f"{tag} ({text})", 4) for tag, text in stream.tags.items())
        yield markdown.item("the configuration's own `tags`", 4)
        yield (
            "  - fields:"
            if stream.quantities
            else "  - fields (as the configuration declares them; here those of the example):"
        )
        yield from (markdown.field(q) for q in (*quantities.values(), STATUS, CLOCK))
    yield "- instrument"
    yield "  - tags:"
    yield markdown.item("instrument (the `name` in the configuration)", 4)
    yield markdown.item(f"driver ({driver.name})", 4)
    yield markdown.item("the configuration's own `tags`", 4)
    yield "  - fields:"
    yield from (markdown.field(q) for q in INSTRUMENT)


def _output(driver: type[Source]) -> str:
    """Take the first cycle of a recorded case that has readings: where all was well, the one with the most channels."""
    best: list[str] = []
    for case in sorted(case for folder in CASES for case in Path(folder, driver.name).glob("*/expected.lp")):
        cycles = [cycle.splitlines()[1:] for cycle in case.read_text(encoding="utf-8").split("# cycle ")[1:]]
        lines = next((lines for lines in cycles if len(lines) > 1), [])
        if len(lines) > max(1, len(best)) and all(line.endswith(('status="ok"', 'state="ok"')) for line in lines):
            best = lines
    if not best:
        raise SystemExit(
            f"no recorded case of {driver.name} begins with a cycle in which all is well; record one in {CASES[0]}"
        )
    return "\n".join(f"{line} {EXAMPLE_NS}" for line in best)


def _index(folder: Path) -> str:
    rows = sorted(_drivers(folder), key=lambda d: (d.family, d.name))
    general = "[any input of Telegraf](telegraf/README.md)" if folder == FOLDER else "any input of Telegraf"
    every = (f"[{d.name}]({d.name}/README.md)" for d in rows)
    parts = [
        "# Drivers",
        markdown.paragraph(
            "The instruments that labline reads. Each page is made from what the driver declares "
            "(`python -m tools.driver_docs`)."
        ),
        markdown.table(
            ("Driver", "Reads", "Family", "Connection", "Quantities"),
            (
                (link, d.title, d.family, ", ".join(d.schemes) or "none", ", ".join(_quantity_names(d)))
                for link, d in zip(every, rows, strict=True)
            ),
        ),
        markdown.paragraph(
            "For what is not here: any SCPI instrument, lines of text over a serial port or TCP, and whatever speaks SNMP, "
            "Modbus, MQTT or OPC UA, is declared in "
            f"YAML alone; {general} is too."
        ),
        "## Keys of every instrument",
        markdown.paragraph("They are the same in the site file and in a program's own configuration file."),
        *markdown.options("Key", stanza.KEYS),
        *markdown.options("Key of a channel", stanza.CHANNEL_KEYS),
        *markdown.options("Key of wire", wires.OPTIONS),
        "## Simulators",
        markdown.paragraph(
            "Each driver has a simulator, which speaks its protocol on a real socket, pseudo-terminal or folder: with "
            "`connection: sim`, or `labline run --simulate`, an instrument can be tried without hardware. "
            "What Telegraf reads itself is then made up by its input `mock`. "
            "`sim:?seed=1&transport=tcp&faults=silent@20+10/60` chooses the noise, the way of connecting, and faults by the "
            "clock: silent from the 20th second for 10 s, every 60 s. Several faults stand with commas between them."
        ),
        markdown.table(("Fault", "What it does"), ((f"`{fault}`", text) for fault, text in simulators.FAULTS.items())),
        "## States",
        markdown.paragraph("How an instrument is: field `state` of measurement `instrument`."),
        markdown.table(("State", "Meaning"), ((f"`{state}`", text) for state, text in _states().items())),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _quantity_names(driver: type[Source], most: int = 6) -> list[str]:
    names = list(dict.fromkeys(q.name for stream in driver.streams for q in stream.quantities))
    if not names:
        return ["what you declare"]
    return names if len(names) <= most else [*names[:most], "…"]


def _states() -> dict[str, str]:
    kinds = (errors.Disconnected, errors.NoAnswer, errors.BadAnswer, errors.WrongDevice)
    return STATES | {kind.state: (kind.__doc__ or "").splitlines()[0] for kind in kinds}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
