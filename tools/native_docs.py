"""The pages of what Telegraf reads itself (tools/driver_docs.py): what a stanza becomes in Telegraf's configuration."""

from __future__ import annotations

import inspect
import textwrap

import yaml

from labline.stack.telegraf import OLDEST
from provisioning import native_config
from provisioning import site as sites
from provisioning.measurements import STATUS
from telegraf_inputs import expression, stanza
from telegraf_inputs.declare import Quantity
from telegraf_inputs.native_source import Native
from telegraf_inputs.point import Point
from telegraf_inputs.reading import COMMON_STATUSES
from telegraf_inputs.stanza import Channel, Stanza

from . import markdown

FOLDER = "/etc/labline/telegraf"  # as `labline render` has it
SITE = "lab"
EXAMPLE_NS = 1767225600000000000  # the first second of 2026
UNUSED = ("no_answer", "driver_fault")  # they are a program's words
UNCOMPUTED = (*UNUSED, "bad_answer", "uncalibrated", "unknown_code")


def page(driver: type[Native], site_file: str) -> str:
    """Write the page of one driver; ``site_file`` leads to where the site file is explained."""
    first, *others = (" ".join(p.split()) for p in inspect.cleandoc(driver.__doc__ or "").split("\n\n"))
    example = _example(driver)
    plugin = driver.plugin(example)
    own = f"`inputs.{driver.input}`" if driver.input else "the input that you choose"
    unused = UNCOMPUTED if driver.computes else UNUSED
    statuses = {word: text for word, text in {**COMMON_STATUSES, **driver.statuses}.items() if word not in unused}
    parts = [
        f"# {driver.title} Input Plugin",
        markdown.paragraph(
            f"{first} Telegraf does that itself, by a script, without a program of labline's."
            if driver.computes
            else f"{first} Telegraf reads it with {own}, without a program of labline's; a script gives what comes the shape of "
            "all other data."
        ),
        *map(markdown.paragraph, others),
        markdown.paragraph(f"Source: {driver.manual}. Verified: {driver.verified}."),
        f"⭐ Telegraf v{OLDEST[0]}.{OLDEST[1]}.0\n🏷️ hardware, iot\n💻 linux",
        "## Global configuration options",
        markdown.paragraph("labline writes Telegraf's configuration: there is nothing to set beside it."),
        "## Configuration",
        markdown.fence("toml @sample.conf", sample(driver)),
        markdown.paragraph(
            "This is what `labline render` makes of the stanza below, an entry of `instruments` in the "
            f"{site_file}, with the script `{example.name}.star` beside it."
        ),
        markdown.fence("yaml", driver.example),
        *_beside(driver),
        markdown.paragraph("Beside the [keys of every instrument](../README.md#keys-of-every-instrument), it knows:"),
        *markdown.options("Key", driver.options_known),
        *markdown.options("Key of a channel", driver.channel_options),
        markdown.paragraph("Each quantity below `read` has:"),
        *markdown.options("Key of a quantity", (*driver.where, *driver.quantity_keys)),
        *_functions(driver),
        markdown.paragraph(
            "A `calibration` of the channel is linear: `{form: linear, a: 1, b: 2}`. Other forms need a program."
            if not driver.computes
            else "There is no `calibration`: it belongs into the expression."
        ),
        "### Connection",
        "\n".join([*_connections(driver), markdown.item("`sim`: made up by Telegraf's input `mock`", 0)])
        if driver.schemes
        else markdown.paragraph(
            "None: what it is computed of has." if driver.computes else "None: the keys of the input say it."
        ),
        *_passwords(driver),
        "## Metrics",
        "\n".join(_metrics(example)),
        markdown.paragraph("A quantity without a reading has no field: nothing is made up. `status` says why:"),
        markdown.table(("Status", "Meaning"), ((f"`{word}`", text) for word, text in statuses.items())),
        "## Troubleshooting",
        markdown.paragraph(
            "It is silent where all that it is computed of is silent. Where only some of it is, or has no reading, `status` names "
            f"it. What the script stumbles over is in Telegraf's log, as `[processors.starlark::{example.name}]`."
            if driver.computes
            else "There is no program that reports how it is, and no point in measurement `instrument`: it is well as long as its "
            "own points come, and `silent` where they do not. Why is in Telegraf's log, in the lines of "
            f"`[inputs.{plugin}::{example.name}]`, and in the table of `labline status`. What a script can't use it tells "
            f"there too, as `[processors.starlark::{example.name}]`."
        ),
        "## Example Output",
        markdown.paragraph("Of the example above; with made up values."),
        markdown.fence("text", "\n".join(_output(example))),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def sample(driver: type[Native]) -> str:
    """Write what becomes of the driver's example in Telegraf's configuration."""
    return "\n".join(native_config.tables(_example(driver), SITE, FOLDER)).strip("\n") + "\n"


def _example(driver: type[Native]) -> Stanza:
    if not driver.beside:
        return stanza.check(yaml.safe_load(driver.example))
    stanzas = [textwrap.indent(text, "    ").strip() for text in (driver.example, driver.beside)]
    text = "".join(f"  - {each}\n" for each in stanzas)
    made = sites.parse(f"site: {SITE}\nnodes: [{{name: daq}}]\ninstruments:\n{text}", "example")
    return made.instruments[0].stanza


def _beside(driver: type[Native]) -> list[str]:
    if not driver.beside:
        return []
    return [markdown.paragraph("Beside it the site has:"), markdown.fence("yaml", driver.beside)]


def _functions(driver: type[Native]) -> list[str]:
    if not driver.computes:
        return []
    rows = ((f"`{each.shape}`", each.description) for each in expression.FUNCTIONS.values())
    return [markdown.paragraph("Functions of an expression:"), markdown.table(("Function", "Gives"), rows)]


def _connections(driver: type[Native]) -> list[str]:
    from telegraf_inputs import transports

    return [markdown.item(transports.load(scheme).page(driver.wire), 0) for scheme in driver.schemes]


def _passwords(driver: type[Native]) -> list[str]:
    if not driver.secret_options:
        return []
    keys = " and ".join(f"`{name}`" for name in driver.secret_options)
    name = _example(driver).options[driver.secret_options[0]]
    return [
        "### Passwords",
        markdown.paragraph(
            f"{keys} {'names a file' if len(driver.secret_options) == 1 else 'name files'} in the folder of passwords (of "
            "`labline run`: `.labline/SITE/secrets`; of `labline render`: `--secrets`), with nothing but the password in it:"
        ),
        markdown.fence("sh", f"(umask 077; printf %s PASSWORD > {name})"),
        markdown.paragraph(
            "Without it, `labline run` leaves this instrument out, and Telegraf as a service does not start."
        ),
    ]


def _metrics(example: Stanza) -> list[str]:
    lines = []
    for measurement in example.measurements:
        channels = [channel for channel in example.channels if channel.measurement == measurement]
        quantities: dict[str, Quantity] = {}
        for channel in channels:
            quantities |= channel.quantities
        lines += [f"- {measurement}", "  - tags:"]
        lines.append(markdown.item("instrument (the `name` of the stanza)", 4))
        lines.append(markdown.item("channel (as the stanza names it)", 4))
        lines.append(markdown.item("the stanza's own `tags`", 4))
        lines.append("  - fields (as the stanza declares them; here those of the example):")
        lines += [markdown.field(quantity) for quantity in (*quantities.values(), STATUS)]
    return lines


def _output(example: Stanza) -> list[str]:
    return [str(_point(example, channel)) for channel in example.channels]


def _point(example: Stanza, channel: Channel) -> Point:
    tags = {"channel": channel.id, "host": "daq", "instrument": example.name, "site": SITE}
    fields = {name: _value(quantity) for name, quantity in channel.quantities.items()}
    return Point(channel.measurement, tags, {**fields, "status": "ok"}, EXAMPLE_NS)


def _value(quantity: Quantity) -> float | int | bool | str:
    """Make up a value: one that is allowed, and well."""
    if quantity.choices:
        return quantity.harmless[-1]
    if quantity.type == "bool":
        return True
    if quantity.type == "str":
        return "ready"
    low = 0.0 if quantity.low is None else quantity.low
    middle = (low + (low + 40 if quantity.high is None else quantity.high)) / 2
    return quantity.field(int(middle) if quantity.type == "int" else middle)
