"""Write the skeleton of a driver, its simulator, its cases.

What is written works: it reads its simulator, and the tests pass on it. Its comments say what goes where; it is not yet
a driver of anything. Without --to it becomes part of this clone; in another folder, which LABLINE_PATH then names,
it needs none."""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path

EXAMPLES = """\
  labline new-driver lakeshore_211                            asked over TCP or a serial port
  labline new-driver rdm6300 --kind pushed --transport serial
                                                              it speaks by itself
  labline new-driver plant --kind native                      Telegraf reads it by an input of its own
  labline new-driver lakeshore_211 --to ~/lab/drivers         outside of this clone
"""
CLONE = Path(__file__).parent.parent
SKELETONS = Path(__file__).parent / "skeletons"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
PLACES = {"polled": "drivers", "pushed": "drivers", "native": "native"}
CASES = "tests/telegraf_inputs"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "name", metavar="NAME", help="its name in site files, and its measurement: <maker>_<model>, such as julabo_cf41"
    )
    parser.add_argument(
        "--kind",
        choices=tuple(PLACES),
        default="polled",
        help="polled: it is asked (default); pushed: it speaks by itself; native: Telegraf reads it",
    )
    parser.add_argument(
        "--transport",
        metavar="SCHEME",
        action="append",
        help="how it is reached: tcp, serial, visa … (repeatable; the first is its simulator's; default: tcp, serial)",
    )
    parser.add_argument("--to", metavar="FOLDER", type=Path, help="a folder of your own; default: this clone")


def run(arguments: argparse.Namespace) -> int:
    """Write it; 0 where all is written."""
    from telegraf_inputs import plugins

    from .stack import told
    from .stack.progress import say
    from .words import counted

    name, kind, to = arguments.name, arguments.kind, arguments.to
    check_name(name)
    files = skeleton(name, kind, schemes(kind, arguments.transport), to)
    write(files)
    for path in files:
        print(path)
    say(f"{counted('file', len(files))} to fill in; docs/adding-an-instrument.md has more. Then:")
    if to is not None:
        say(f"  export {plugins.VARIABLE}={to.absolute()}   labline looks there too")
    verb = "run SITE --simulate" if kind == "native" else f"read {name}_1 SITE --simulate"
    say(f"  {told.command()} {verb}   with its example in a site file")
    say(f"  make test ARGS='-k {name}'")
    return 0


def check_name(name: str) -> None:
    """Refuse (BadInput) what is no name for a new driver."""
    from provisioning import measurements
    from telegraf_inputs import drivers, plugins, simulators
    from telegraf_inputs.errors import BadInput

    if not NAME.match(name) or keyword.iskeyword(name):
        raise BadInput(
            f"found {name[:60]!r}, expected <maker>_<model> in small letters, digits and '_', such as julabo_cf41"
        )
    if name in drivers.names() or name in plugins.modules(simulators.__path__):
        raise BadInput(f"there is a driver {name!r} already")
    if name in measurements.OWN:
        raise BadInput(f"{name!r} is a measurement in which labline keeps what it tells itself; choose another name")


def schemes(kind: str, asked: list[str] | None) -> list[str]:
    """Choose the ways that a driver of a kind is reached. Raises BadInput."""
    from telegraf_inputs import transports
    from telegraf_inputs.errors import BadInput

    if kind == "native" and asked:
        raise BadInput("what Telegraf reads says by its own keys how it is reached: leave --transport out")
    known = [scheme for scheme in transports.names() if transports.load(scheme).carries_text]
    for scheme in asked or ():
        if scheme not in known:
            raise BadInput(f"found --transport {scheme!r}, expected one that carries text: {', '.join(known)}")
    return list(dict.fromkeys(asked or ["tcp", "serial"]))


def skeleton(name: str, kind: str, schemes: list[str], to: Path | None) -> dict[Path, str]:
    """Make the files: path -> text. Raises BadInput where one is there already."""
    from telegraf_inputs import transports
    from telegraf_inputs.errors import BadInput

    if to is None and not (CLONE / CASES).is_dir():
        raise BadInput("this labline is no clone of its sources: say --to FOLDER")
    code, cases = (CLONE / "telegraf_inputs", CLONE / CASES) if to is None else (to, to)
    words = {
        "NAME": name,
        "CLASS": "".join(part.capitalize() for part in name.split("_")),
        "TITLE": name.replace("_", " ").capitalize(),
        "SCHEMES": ", ".join(f'"{scheme}"' for scheme in schemes) + "," * (len(schemes) == 1),
        "EXTRA": transports.load(schemes[0]).extra,
        "CONNECTION": transports.load(schemes[0]).example,
    }
    files = {}
    for template in sorted((SKELETONS / kind).rglob("*")):
        relative = template.relative_to(SKELETONS / kind)
        if template.is_dir():
            continue
        if relative.parts[0] == "cases":
            path = cases / "cases" / name / Path(*relative.parts[1:])
        else:
            folder = PLACES[kind] if template.stem == "driver" else "simulators"
            path = code / folder / f"{name}.py"
        if path.exists():
            raise BadInput(f"{path} is there already; nothing is written")
        text = template.read_text(encoding="utf-8")
        files[path] = re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)
    return files


def write(files: dict[Path, str]) -> None:
    """Write new files, all or none. Raises OSError."""
    made: list[Path] = []
    try:
        for path, text in files.items():
            folders = [folder for folder in path.parents if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            made += reversed(folders)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        raise
