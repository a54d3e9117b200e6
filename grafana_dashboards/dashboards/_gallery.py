"""Pictures on a dashboard: the newest that were stored, each where browsers find it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grafanalib import core as g

from provisioning.influxql import identifier
from provisioning.site import SiteInstrument
from telegraf_inputs.declare import Quantity

from .. import influxql, panels, style, variables
from ..layout import Page
from ..signals import Signal

PICTURES_A_LINE = 4
FILE = "/^(?<value>.*?(?<text>[^/]+))$/"  # a picture is called as its file, without the folders


def add(page: Page, shown: Iterable[Signal], where: str, most: int, heading: str = "") -> list[variables.Variable]:
    """Put the newest pictures of each address onto a page; gives the variables by which they are found, and chosen."""
    choices: list[variables.Variable] = []
    found = list(_addresses(shown))
    if heading and found:
        page.row(heading)
    for number, (address, of, signal) in enumerate(found):
        name = f"picture{chr(ord('a') + number) if number else ''}"
        own = f"{where} AND {influxql.among('instrument', [instrument.name for instrument in of])}"
        query = influxql.latest(identifier(signal.quantity.name), signal.measurement, own, most)
        whose = f"{of[0].stanza.label}: " if len(of) == 1 and len(found) > 1 else ""
        text = f"Which of the newest {most} are shown"
        choices.append(variables.values(name, f"{whose}Picture", query, text, regex=FILE))
        page.add(_picture(name, address, signal.quantity, whose), style.WIDTH // PICTURES_A_LINE, style.PLOT_HEIGHT)
    return choices


def _addresses(shown: Iterable[Signal]) -> Iterator[tuple[str, list[SiteInstrument], Signal]]:
    """List where pictures are found: the address, whose they are, and a signal by which they are told."""
    found: dict[tuple[str, str, str], tuple[dict[str, SiteInstrument], Signal]] = {}
    for signal in shown:
        if signal.quantity.picture and (address := signal.instrument.stanza.options.get(signal.quantity.picture)):
            key = (signal.measurement, signal.quantity.name, address.rstrip("/"))
            found.setdefault(key, ({}, signal))[0][signal.instrument.name] = signal.instrument
    for (_, _, address), (instruments, signal) in found.items():
        yield address, list(instruments.values()), signal


def _picture(variable: str, address: str, quantity: Quantity, whose: str) -> panels.PicturePanel:
    return panels.PicturePanel(
        title=f"{whose}${{{variable}:text}}",
        description=f"{quantity.description.rstrip('.')}: ${variable}.",
        address=f"{address}/${{{variable}}}",
        repeat=g.Repeat("h", variable, PICTURES_A_LINE),
    )
