"""What is wrong, in words, and what to look at."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from provisioning.site import SiteInstrument
from telegraf_inputs.reading import COMMON_STATUSES
from telegraf_inputs.stanza import Channel

# What a state means, and what to look at.
MEANINGS = {
    "starting": ("does not start", ""),
    "disconnected": ("can't be reached", "Cable, power, address?"),
    "silent": ("does not answer", "Is it on? Is this its port, its address?"),
    "garbled": ("answers what its manual does not allow", "Another program on this line?"),
    "wrong_device": ("is another device than the site file says", "Are two cables swapped?"),
    "failed": ("failed", ""),
    "paused": ("is paused", "To have it read again before that: labline resume."),
    "hung": ("hangs in a read that does not come back", "Power, cable? Where it is on USB, plug it out and in again."),
    "clock": ("has times not to be trusted", "Is the clock of its machine set? There, timedatectl tells."),
}

# The same of what is read from files: there is no cable, and no port that another program could have.
OF_FILES = {
    "disconnected": ("can't be found", "Was it moved? Is its disk there?"),
    "silent": ("can't be read", ""),
    "garbled": ("has what can't be read", "Is it whole? Who writes it can tell."),
    "hung": ("hangs in a read that does not come back", "Is its disk, or the server of it, there?"),
}


def explained(name: str, state: str, detail: str = "", *, scheme: str = "") -> str:
    """Say what is wrong with an instrument, and what to look at.

    ``detail`` is what its program says, ``scheme`` that of its connection, where that is known.
    """
    of_files = scheme == "file"
    what, advice = (MEANINGS | OF_FILES if of_files else MEANINGS).get(state, (f"is {state}", ""))
    if state == "garbled" and scheme == "serial":  # elsewhere there is neither
        advice = f"Speed, parity? {advice}"
    if "ermission denied" in detail and of_files:
        advice = "May the user that runs the program read it, and all folders above?"
    elif re.search(r"\block|busy", detail) and not of_files:
        advice = "Another program has the port: a lab that runs?"
    elif "ermission denied" in detail:
        advice = "Serial ports belong to a group: sudo usermod -aG dialout $USER, then log in again."
    said = f"{name} {what}{f': {detail}' if detail else ''}"
    return " ".join(filter(None, (said if said.endswith((".", "?", "!")) else f"{said}.", advice)))


def unheard(name: str, detail: str, *, program: bool, telegraf: bool | None, refused: bool) -> str:
    """Say that nothing is heard of an instrument.

    ``program``: it has one that should report, ``telegraf``: that runs (None: it can't be known from here), ``refused``:
    what it writes is not taken.
    """
    what = "has no program that reports" if program else "brings nothing"
    if detail:
        return f"{name} {what}: {detail}. Telegraf's log has the details."
    if refused:
        return f"{name} has no report in the database: what is wrong on the way there stands above."
    if telegraf:
        return (
            f"{name} does not report, though Telegraf runs. Its program hangs or ended: Telegraf's log has the details."
        )
    if telegraf is None:
        return (
            f"{name} brings nothing, nor does its Telegraf: is its machine on? There, Telegraf's log has the details."
        )
    return f"{name} {what}. Does Telegraf run? Its log has the details."


def faults(instrument: SiteInstrument, statuses: Iterable[tuple[Channel, str]]) -> str:
    """Say what channels' statuses mean: ``Still and 2 more: the sensor is open``, those of one status together."""
    meanings = COMMON_STATUSES | instrument.stanza.driver.statuses
    labels: dict[str, list[str]] = defaultdict(list)
    for channel, status in statuses:
        labels[status].append(channel.label)
    told = []
    for status, named in labels.items():
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        told.append(f"{named[0]}{more}: {meanings.get(status, status.replace('_', ' '))}")
    return "; ".join(told)
