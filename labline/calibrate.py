"""Fit a calibration to points, or calibrate what is stored anew.

Of a table of points (CSV) it makes a stanza to paste, and tells its version and the residuals. With --apply, stored
raw values are calibrated with what the site file says by now: same times, raw kept, levels computed again."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import DEFAULT_SITE, add_secrets, add_state, complete_instrument, positive, span
from .words import counted

if TYPE_CHECKING:
    from provisioning.influxdb_server import Server
    from provisioning.site import Site

    from .calibrating.fits import Fit
    from .calibrating.points import CalibrationTable
    from .running_lab import RunningLab

EXAMPLES = """\
  labline calibrate gauge.csv --form exponential --x voltage_V --y pressure_mbar
  labline calibrate --apply 30d my-lab.yml --check   how many values would change
  labline calibrate --apply 2026-11-01/2026-11-08 my-lab.yml --instrument adc
"""
FORMS = ("linear", "polynomial", "exponential", "steinhart_hart", "table")
LARGE = ("numpy", "scipy", "scipy.optimize", "matplotlib", "matplotlib.figure")  # what the extra `calibrate` brings
NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
SHOWN_PARAMETER = re.compile(r"(\d)e")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("what", metavar="FILE|SITE", nargs="?", help="a table of points (CSV); with --apply, a site")
    parser.add_argument("--form", metavar="FORM", choices=FORMS, help=f"fit: {', '.join(FORMS)}")
    parser.add_argument("--degree", metavar="N", type=positive, default=2, help="of a polynomial (default: 2)")
    parser.add_argument(
        "--x", metavar="COLUMN", help="with the raw value (default: of two, that in V, A, Ω or the first)"
    )
    parser.add_argument("--y", metavar="COLUMN", help="with what was meant (default: the other one)")
    parser.add_argument(
        "--range", metavar=("LOW", "HIGH"), nargs=2, type=float, help="of raw values (default: the points')"
    )
    parser.add_argument("--name", help="of the calibration (default: the file's)")
    parser.add_argument(
        "--plot", metavar="PICTURE", type=Path, help="draw points, fit and residuals (.png, .svg, .pdf)"
    )
    parser.add_argument("--apply", metavar="SPAN", help="anew: the last 30d, or 2026-11-01/2026-11-08 (UTC)")
    instrument = parser.add_argument("--instrument", metavar="NAME", help="anew: this one alone")
    instrument.completer = complete_instrument  # type: ignore[attr-defined]
    parser.add_argument("--check", action="store_true", help="anew: change nothing; with status 1 if it would")
    parser.add_argument("--url", metavar="URL", help="another InfluxDB than that of the lab")
    add_state(parser)
    add_secrets(parser, "passwords, where no `labline run` goes on")


def run(arguments: argparse.Namespace) -> int:
    """Fit, or calibrate anew; returns the exit status."""
    from telegraf_inputs.errors import BadInput

    if arguments.apply:
        if arguments.form:
            raise BadInput("--form and --apply are two things: fit, paste the stanza into the site file, then --apply")
        return _anew(arguments)
    if not arguments.what or not arguments.form:
        raise BadInput(f"expected a table of points, and --form: one of {', '.join(FORMS)}; or --apply SPAN")
    try:
        return _fit(arguments)
    except ModuleNotFoundError as error:
        if error.name not in LARGE:
            raise
        raise BadInput(f"needs the Python package {error.name}: pip install 'labline[calibrate]'") from None


def _fit(arguments: argparse.Namespace) -> int:
    from telegraf_inputs import calibration
    from telegraf_inputs.declare import Quantity
    from telegraf_inputs.errors import BadInput

    from .calibrating import fits, plot, points

    if arguments.degree > fits.MOST_DEGREE:
        raise BadInput(f"found --degree {arguments.degree}, expected {fits.MOST_DEGREE} at most")
    if arguments.plot:
        plot.check(arguments.plot)
    found = points.read(Path(arguments.what), arguments.x, arguments.y)
    _refuse_outside(found, arguments.range)
    fit = fits.fit(found, arguments.form, arguments.degree)
    name = arguments.name or NOT_A_NAME.sub("-", Path(arguments.what).stem).strip("-_.") or "calibration"
    stanza = _stanza(found, fit, name, arguments.range or found.span)
    raw = Quantity("raw", "", "Raw value")
    made = calibration.build({**stanza, "of": "raw", "to": "meant", "unit": ""}, {"raw": raw})
    for line in _told(found, fit):
        print(line)
    print(f"version {made.version}\n")
    print("\n".join(_yaml(stanza)))
    if arguments.plot:
        plot.draw(arguments.plot, found, fit, made, name)
        print(f"\n{arguments.plot} shows the points, the fit and the residuals")
    return 0


def _refuse_outside(points: CalibrationTable, span: list[float] | None) -> None:
    """Refuse (BadInput) a range that is none, and a point that lies outside of it."""
    from telegraf_inputs.errors import BadInput

    if span is None:
        return
    if not span[0] < span[1] or not all(map(math.isfinite, span)):
        raise BadInput(f"found --range {span[0]:g} {span[1]:g}, expected the lower end first")
    for point in points.pairs:
        if not span[0] <= point.x <= span[1]:
            said = f"{points.x} {point.x:g} is outside of --range {span[0]:g} {span[1]:g}"
            raise BadInput(said, file=points.file, line=point.line)


def _stanza(points: CalibrationTable, fit: Fit, name: str, span: Sequence[float]) -> dict[str, Any]:
    from .calibrating.points import named

    to, unit = named(points.y)
    stanza: dict[str, Any] = {"name": name, "form": fit.form, **fit.parameters}
    if fit.form != "table":  # beyond its points nobody knows
        stanza["range"] = [*span]
    field = NOT_A_NAME.sub("_", to.lower()).replace("-", "_").replace(".", "_").strip("_")
    return {**stanza, **({"to": field} if field[:1].isalpha() else {}), **({"unit": unit} if unit else {})}


def _told(points: CalibrationTable, fit: Fit) -> list[str]:
    low, high = points.span
    worst = points.pairs[fit.worst]

    def size(residual: float) -> str:
        return f"{100 * residual:.3g} %" if fit.relative else f"{residual:.3g}"

    lines = [
        f"{points.file}: {counted('point', len(points.pairs))}, {points.y} at {points.x} from {low:g} to {high:g}",
    ]
    lines += [f"line {line} repeats another one, and counts once" for line in points.repeated]
    lines += fit.notes
    if fit.form != "table":
        lines.append(
            f"residuals: {size(fit.rms)} root mean square, {size(fit.mean)} mean, {size(fit.residuals[fit.worst])} the worst "
            f"(line {worst.line}: {points.x} {worst.x:g}, {points.y} {worst.y:g})"
        )
    return lines


def _yaml(stanza: dict[str, Any]) -> list[str]:
    lines = ["calibration:"]
    for key, value in stanza.items():
        if key == "points":
            lines += ["  points:", *(f"    - {_written(point)}" for point in value)]
        else:
            lines.append(f"  {key}: {_written(value)}")
    return lines


def _written(value: Any) -> str:
    """Write a value as YAML; a number with an exponent needs its point there."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-zµΩ°][\w°µΩ/.-]*", value) and value.lower() not in (
            "y",
            "n",
            "yes",
            "no",
            "on",
            "off",
        )
        return value if plain else f'"{value}"'
    text = repr(value)
    return text if "." in text else SHOWN_PARAMETER.sub(r"\1.0e", text)


def _anew(arguments: argparse.Namespace) -> int:
    import provisioning.site
    from provisioning import influxdb_schema
    from provisioning.influxdb_calibrate import Anew
    from telegraf_inputs.errors import BadInput, suggestion

    from . import running_lab
    from .places import Places
    from .stack import told

    site = provisioning.site.load(provisioning.site.find(arguments.what or DEFAULT_SITE))
    start, end = span(arguments.apply, "--apply ")
    names = [i.stanza.name for i in site.instruments]
    if arguments.instrument and arguments.instrument not in names:
        raise BadInput(f"there is no instrument {arguments.instrument!r}; {suggestion(arguments.instrument, names)}")
    chosen = [
        i.stanza
        for i in site.instruments
        if arguments.instrument in (None, i.stanza.name) and any(c.calibration for c in i.stanza.declared)
    ]
    if not chosen:
        raise BadInput(f"{site.file}: {arguments.instrument or 'no instrument'} has a channel with a calibration")
    here = None if arguments.url else running_lab.find(Path(site.file), arguments.state)
    if here and here.changed:
        print(
            f"note: what runs goes on as it was told before; {told.command()} reload {arguments.what or DEFAULT_SITE}"
        )
    server = _server(site, here, arguments)
    wanted = influxdb_schema.schema(site)
    places = here.places if here else Places(arguments.state, site)
    places.make()
    otherwise = 0
    for stanza in chosen:
        anew = Anew(server, wanted, stanza, places.root / "calibrating.lp", arguments.check)
        if not arguments.check and anew.finish():
            print("what an interrupted calibration had still to write was written")
        for channel, counts in anew.span(start, end).items():
            otherwise += counts.changed + counts.taken_out
            did = "would be" if arguments.check else "were"
            print(
                f"{stanza.name}, channel {channel}, {counts.version}: {counted('raw value', counts.raw)}, "
                f"{counts.calibrated} of them calibrated; {counts.changed} {did} written anew"
                + (f", {counts.taken_out} taken out, for which it does not hold" if counts.taken_out else "")
            )
        if not anew.counts:
            print(f"{stanza.name}: no raw values in this span")
    return 1 if arguments.check and otherwise else 0


def _server(site: Site, here: RunningLab | None, arguments: argparse.Namespace) -> Server:
    """Reach the database as the user who may do all: that of a lab that runs here, else the site file's."""
    from provisioning.influxdb_schema import ADMIN
    from provisioning.influxdb_server import Server, secret

    if here and (own := here.urls.get("influxdb")):
        password = secret(here.places.secrets, ADMIN)
        return Server(own, ADMIN, password, before=lambda: here.places.check_listener(own))
    return Server(arguments.url or site.influxdb.url, ADMIN, secret(arguments.secrets, ADMIN), ca=site.influxdb.ca)
