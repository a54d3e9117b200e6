"""Asks the program that reads an instrument to let go of it for a while, and sees that it does."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from telegraf_inputs.errors import BadInput

TAKEN_SECONDS = 30.0  # so long a program is waited for: a cycle may have to end
LOOK_SECONDS = 0.1


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Declare where the instruments' files are."""
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help="where labline run did not start the lab: the folder of its instruments' files",
    )


def folder(arguments: argparse.Namespace) -> Path:
    """Find the folder with the file of the instrument. Raises BadInput."""
    from provisioning import native_config, telegraf_config
    from provisioning import site as sites
    from telegraf_inputs.errors import suggestion

    from . import running_lab
    from .stack import told

    name: str = arguments.instrument
    if arguments.folder is not None:
        if not (arguments.folder / f"{name}.yml").is_file():
            there = [file.stem for file in arguments.folder.glob("*.yml")]
            raise BadInput(
                f"{arguments.folder} has no file {name}.yml; {suggestion(name, there)}\n"
                "What Telegraf reads itself has none and can't be paused; to free its port, write `enabled: false` in the site "
                f"file, put in place what {told.command()} render makes of it, and start Telegraf anew"
            )
        return Path(arguments.folder)
    file = sites.find(arguments.site)
    if here := running_lab.find(file, arguments.state):
        found = {instrument.name: instrument for instrument in here.site.instruments}
        if name not in found:
            raise BadInput(f"{file} has no instrument {name!r}; {suggestion(name, found)}")
        instrument = found[name]
        if native_config.computes(instrument.stanza):
            raise BadInput(
                f"{name!r} is computed of other instruments, and has no port; to free one, pause that instrument"
            )
        if native_config.is_native(instrument.stanza):
            raise BadInput(
                f"{name!r} is read by Telegraf itself, which can't be asked to pause it, and may hold its port all the time; to "
                f"free that, write `enabled: false` in the site file, then {told.command()} reload {arguments.site}"
            )
        if not instrument.enabled:
            raise BadInput(f"{name!r} is not read: it has `enabled: false`")
        return here.places.nodes[instrument.node].telegraf / telegraf_config.INSTRUMENTS
    if not file.exists():
        raise BadInput("there is no such file", file=str(file))
    raise BadInput(
        f"{file} does not run here; to start it: {told.command()} run {arguments.site}\n"
        "If Telegraf runs it by itself, name the folder of its instruments' files: --folder DIR"
    )


def pause(folder: Path, name: str, seconds: float) -> int:
    """Pause an instrument; returns 1 where its program has not let go of it in time."""
    from telegraf_inputs import duration, pauses

    from .stack import told

    asked, taken = pauses.asked(str(folder))(name), pauses.taken(str(folder))(name)
    end = time.time() + seconds
    try:
        pauses.clear(taken)
        pauses.write(asked, end)
    except OSError as error:
        raise _refused(error) from None
    when = time.strftime("%H:%M:%S", time.localtime(end))
    if _until(lambda: bool(pauses.until(taken))):
        print(
            f"{name} is paused for {duration.exact(seconds)}, until {when}: its port is free. "
            f"To have it read before that: {told.command()} resume {name}"
        )
        return 0
    print(
        f"{name} is to pause until {when}, but no program has said within {TAKEN_SECONDS:.0f} s that it has let go of it: "
        "does Telegraf run, and may its user write there?"
    )
    return 1


def resume(folder: Path, name: str) -> int:
    """End a pause; returns 1 where the program has not taken the instrument up in time."""
    from telegraf_inputs import pauses

    asked, taken = pauses.asked(str(folder))(name), pauses.taken(str(folder))(name)
    if not pauses.until(asked):
        print(f"{name} is not paused")
        return 0
    try:
        pauses.clear(asked)
    except OSError as error:
        raise _refused(error) from None
    if _until(lambda: not Path(taken).exists()):
        print(f"{name} is read again")
        return 0
    print(
        f"the pause of {name} is over, but no program has taken it up within {TAKEN_SECONDS:.0f} s: does Telegraf run?"
    )
    return 1


def _until(good: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TAKEN_SECONDS
    while not good():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _refused(error: OSError) -> BadInput:
    return BadInput(f"{error.filename} can't be written: {error.strerror}; is this the user whose lab it is?")
