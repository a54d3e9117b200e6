"""The command line: chooses the verb, and turns what people can expect to go wrong into messages."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import textwrap
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from provisioning.database_error import DatabaseError
from telegraf_inputs.errors import BadInput

from .stack import streams, told
from .stack.errors import StackError
from .stack.progress import say

# In the order in which a newcomer needs them. A verb is a module of this package: its docstring's first line is its
# help, EXAMPLES the end of it; `add` declares the arguments, `run` acts. Heavy imports belong into `run`, because
# completion waits for them.
VERBS = (
    "run",
    "status",
    "reload",
    "labs",
    "nodes",
    "ssh",
    "doctor",
    "read",
    "pause",
    "resume",
    "scan",
    "check",
    "render",
    "apply",
    "containers",
    "image",
    "calibrate",
    "calibrate-display",
    "spikes",
    "rename",
    "rotate",
    "backup",
    "restore",
    "new-driver",
    "completion",
)
FOUND, WRONG_USE, INTERRUPTED = 1, 2, 130
OWN = ("labline", "grafana_dashboards", "provisioning", "telegraf_inputs")
HELP_WIDTH = 80
DESCRIPTION = """\
Watches a laboratory, by one site file: Telegraf runs the programs that read it,
InfluxDB keeps what they measure, Grafana shows it and raises the alarms."""
EPILOG = """\
SITE is a site file, or the name of one in provisioning/sites (default: demo).
Exit status: 0 all is well, 1 something was found or failed, 2 wrong use.

examples{here}:
  labline run                        start the demo lab, live, until Ctrl-C
  labline run my-lab.yml --simulate  try it without the hardware
"""


class Help(argparse.RawDescriptionHelpFormatter):
    """Keeps texts as they are, and gives verbs and options room beside their help."""

    def __init__(self, prog: str, widest: int = 28):
        super().__init__(prog, max_help_position=widest)
        self._action_max_length = 14  # argparse forgets that verbs stand two columns further in


def parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs."""
    command = told.command()
    here = "" if command == told.NAME else f" (here, {told.NAME} is {command})"
    epilog = EPILOG.format(here=here)
    top = argparse.ArgumentParser(
        told.NAME, description=DESCRIPTION, epilog=epilog, formatter_class=partial(Help, widest=16)
    )
    top.add_argument("--version", action="version", version=f"{told.NAME} {version(told.NAME)}")
    verbs = top.add_subparsers(metavar="VERB", dest="verb", required=True, title="verbs")
    for name in VERBS:
        module = import_module(f"{__package__}.{name.replace('-', '_')}")
        first, _, rest = (module.__doc__ or "").partition("\n")
        about = textwrap.fill(" ".join(rest.split()), HELP_WIDTH, break_on_hyphens=False)
        verb = verbs.add_parser(
            name,
            help=first[0].lower() + first.rstrip(".")[1:],
            description=f"{first}\n\n{about}".strip(),
            epilog=f"examples{here}:\n{module.EXAMPLES.rstrip()}",
            formatter_class=Help,
        )
        module.add(verb)
        verb.set_defaults(run=module.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    with streams.plain():
        return _complete(argv)


def _complete(argv: list[str] | None) -> int:
    try:
        return _run(argv)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OWN:
            raise
        return _told(
            f"the Python package {error.name!r} is missing; install what belongs to it: pip install 'labline[all]'",
            FOUND,
        )


def _run(argv: list[str] | None) -> int:
    from telegraf_inputs import plugins

    try:
        plugins.installed()
        plugins.check()
    except BadInput as error:
        return _told(error, WRONG_USE)
    made = parser()
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(made)
    arguments = made.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except BadInput as error:
        return _told(error, WRONG_USE)
    except (StackError, DatabaseError) as error:
        return _told(error, FOUND)
    except BrokenPipeError:  # `labline status | head`: nobody reads any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FOUND
    except OSError as error:
        return _told(_file_trouble(error), FOUND)
    except KeyboardInterrupt:
        return _told("stopped", INTERRUPTED)


def _told(message: object, status: int) -> int:
    say(f"labline: {message}")
    return status


def _file_trouble(error: OSError) -> str:
    """Word a refusal of the operating system."""
    from provisioning import ownership

    where = f"{error.filename}: " if error.filename else ""
    owner = ownership.whose(Path(error.filename)) if isinstance(error.filename, str | Path) else None
    whose = "is it yours?" if owner is None else f"it is {ownership.user(owner)}'s: run this as that user."
    advice = {
        errno.ENOSPC: "; free some space and try again",
        errno.EACCES: f"; {whose} Else choose another folder with --state",
        errno.EROFS: "; choose another folder with --state",
        errno.ENOTDIR: "; choose another folder with --state",
    }
    return f"{where}{error.strerror or error}{advice.get(error.errno or 0, '')}"


if __name__ == "__main__":
    sys.exit(main())
