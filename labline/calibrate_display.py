"""Show where a camera looks for displays, and what it reads.

Takes one picture, draws the declared regions, their places and segments into it, and says of each display what it reads
or why it reads nothing. What is declared in the site file is changed until all lies on the segments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import arguments as shared

if TYPE_CHECKING:
    from telegraf_inputs.stanza import Stanza

EXAMPLES = """\
  labline calibrate-display gauge my-lab.yml      writes gauge.png
  labline calibrate-display gauge my-lab.yml --to /tmp/seen.png
  labline calibrate-display gauge my-lab.yml --picture taken.jpg
                                                  of a picture that is there already
  labline calibrate-display gauge my-lab.yml --simulate
"""
DRIVER = "display_ocr"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    action = parser.add_argument("instrument", metavar="INSTRUMENT", help="the instrument's name in the site file")
    action.completer = shared.complete_instrument  # type: ignore[attr-defined]
    shared.add_site(parser)
    parser.add_argument("--to", metavar="PNG", type=Path, help="what is written (default: INSTRUMENT.png)")
    parser.add_argument("--picture", metavar="FILE", type=Path, help="a picture instead of one that is taken")
    parser.add_argument(
        "--simulate", action="store_true", help="a picture of the driver's simulator, not of the camera"
    )


def run(arguments: argparse.Namespace) -> int:
    """Take the picture and draw; 0 where every display is read, 1 where one is not."""
    from provisioning import site as sites
    from telegraf_inputs.errors import BadInput, InstrumentError, suggestion

    site = sites.load(sites.find(arguments.site))
    entries = {i.name: i.stanza for i in site.instruments if i.stanza.driver.name == DRIVER}
    if arguments.instrument not in entries:
        raise BadInput(
            f"there is no instrument {arguments.instrument!r} of driver {DRIVER} in {site.file}; "
            f"{suggestion(arguments.instrument, entries)}"
        )
    stanza = entries[arguments.instrument]
    target = arguments.to or Path(f"{stanza.name}.png")
    if not target.absolute().parent.is_dir():
        raise BadInput(f"there is no folder {target.absolute().parent} to write {target.name} into")
    try:
        if arguments.picture:
            return _show(stanza, None, _file(arguments.picture), target)
        with _camera(stanza, arguments.simulate) as link:
            return _show(stanza, link, link.fetch(), target)
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise BadInput("needs the Python package pillow: pip install 'labline[camera]'") from None
    except InstrumentError as error:
        raise BadInput(f"{stanza.name}: {error}") from None


def _file(path: Path) -> bytes:
    from telegraf_inputs.errors import BadInput

    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from None


@contextmanager
def _camera(stanza: Stanza, simulate: bool) -> Iterator[Any]:
    from telegraf_inputs import simulators
    from telegraf_inputs.stop import Stop
    from telegraf_inputs.url import Url

    simulator = simulators.start(stanza) if simulate or stanza.simulated else None
    try:
        link = stanza.driver.open_link(Url(simulator.url) if simulator else stanza.connection, stanza, Stop())
        try:
            yield link
        finally:
            link.close()
    finally:
        if simulator:
            simulator.stop()


def _show(stanza: Stanza, link: Any, data: bytes, target: Path) -> int:
    from .calibrating.displays import Drawing

    reader = stanza.driver(stanza, link)
    drawing = Drawing(reader.decoded(data))
    unread = 0
    for display in reader.displays:
        seen = reader.see(display, drawing.picture)
        contrast = drawing.add(display, seen)
        print(f"{display.id}: {_told(display.quantity, seen)}")
        if contrast is not None and not display.looks.contrast:
            print(
                f"  what is lit is brighter by {contrast:.0f}; `contrast: {contrast:.0f}` tells a display that is off"
            )
        unread += seen.number is None
    drawing.write(target)
    print(f"{target}: green is lit, blue is dark, red is neither; nothing may shine in what is yellow")
    return 1 if unread else 0


def _told(quantity: Any, seen: Any) -> str:
    if seen.number is not None:
        return f"reads {seen.text!r}, {seen.number:g} {quantity.unit}, with a confidence of {seen.confidence:.0f} %".replace(
            "  ", " "
        )
    return f"reads nothing, {seen.status}: {seen.detail or 'nothing is lit'}"
