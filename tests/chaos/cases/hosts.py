"""Faults of a server and a node: they fall, are cut off, their disks fill up or fail, their programs are killed."""

from __future__ import annotations

import time

from ..case import Case, Outcome
from ..laboratory import Laboratory, Trial, laboratory

TELEGRAF, INFLUXDB = "labline-telegraf.service", "influxdb.service"
LONG, SHORT = 300, 12  # seconds of a fault that lasts
CATCH_UP = "labline-catch-up.service"
NOT_WRITTEN = r"E! \[outputs\.influxdb::database\]"
JOURNAL_NOT_WRITTEN = r"E! \[agent\] Error writing to outputs\.file::journal|E! .*outputs\.file"
NO_SPACE = "no space left on device"
# Two seconds of one instrument, five a second: Telegraf writes each second, and a busy machine is late.
ON_ITS_WAY, MOST_ON_ITS_WAY = "what was not in the journal yet when the programs were killed", 10
TOLD_TO_END, MOST_TOLD_TO_END = "what the instrument told a program that was just told to end", 1


def _lasts(thorough: bool) -> None:
    """Let a fault last: what is waited for is that readings are made meanwhile."""
    time.sleep(LONG if thorough else SHORT)


def _logs(trial: Trial, lab: Laboratory) -> list[str]:
    """Tell which logs name what could not be written."""
    found = []
    for name, host in lab.hosts.items():
        if trial.log(host, TELEGRAF, NOT_WRITTEN):
            found.append(f"Telegraf's log on the {name}: “When writing to [the database] …”")
        if trial.log(host, TELEGRAF, JOURNAL_NOT_WRITTEN):
            found.append(f"Telegraf's log on the {name}: it can't write the journal")
        if again := trial.log(host, CATCH_UP, "written again from the journal"):
            count = again.partition(" of ")[0]
            found.append(f"labline-catch-up's log on the {name}: “{count} … written again from the journal …”")
    return found


def _reboot(which: str):  # type: ignore[no-untyped-def]
    def run(lab: Laboratory, thorough: bool) -> Outcome:
        with lab.trial() as trial:
            lab.hosts[which].reboot()
            trial.ended()
            ended = trial.log(lab.hosts[which], TELEGRAF, "^Stopped")
            return trial.outcome(*_logs(trial, lab), *([f"systemd's journal: “{ended}”"] if ended else []))

    return run


def _fall(which: str):  # type: ignore[no-untyped-def]
    def run(lab: Laboratory, thorough: bool) -> Outcome:
        with lab.trial() as trial:
            lab.hosts[which].fall()
            if thorough:
                _lasts(thorough)
            lab.hosts[which].boot()
            trial.ended()
            return trial.outcome(*_logs(trial, lab))

    return run


def _cut(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        lab.network.cut(lab.node.number)
        try:
            _lasts(thorough)
        finally:
            lab.network.mend(lab.node.number)
        trial.ended(lasted=True)
        return trial.outcome(*_logs(trial, lab))


def _cut_and_fall(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        lab.network.cut(lab.node.number)
        try:
            _lasts(thorough)
            lab.node.fall()
        finally:
            lab.network.mend(lab.node.number)
        lab.node.boot()
        trial.ended(lasted=True)
        return trial.outcome(*_logs(trial, lab))


def _full(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        filling = "/var/lib/influxdb/filling"
        lab.server.run("sh", "-c", f"cat /dev/zero > {filling}; dd if=/dev/zero bs=1k >> {filling}", check=False)
        try:
            lab.wait("word of a full disk", lambda: bool(trial.log(lab.server, INFLUXDB, NO_SPACE)))
            _lasts(thorough)
        finally:
            lab.server.run("rm", "-f", filling)
        trial.ended(lasted=True)
        return trial.outcome(*_logs(trial, lab))


def _card(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        lab.card.fail()
        _lasts(thorough)
        logs = _logs(trial, lab)  # what is told meanwhile is on no disk
        lab.node.fall()
        lab.card.mend()
        lab.node.boot()
        trial.ended(lasted=True)
        return trial.outcome(*logs)


def _killed(which: str, unit: str):  # type: ignore[no-untyped-def]
    def run(lab: Laboratory, thorough: bool) -> Outcome:
        with lab.trial() as trial:
            lab.hosts[which].run("systemctl", "kill", "--signal=KILL", unit)
            trial.ended()
            killed = trial.log(lab.hosts[which], unit, "status=9/KILL")
            return trial.outcome(*_logs(trial, lab), *([f"systemd's journal: “{killed}”"] if killed else []))

    return run


CASES = [
    Case(
        "the node is rebooted",
        "ended in order, booted anew",
        laboratory,
        _reboot("node"),
        MOST_TOLD_TO_END,
        TOLD_TO_END,
        quick=False,
    ),
    Case(
        "the server is rebooted",
        "ended in order, booted anew",
        laboratory,
        _reboot("server"),
        MOST_TOLD_TO_END,
        TOLD_TO_END,
        quick=False,
    ),
    Case(
        "the node's power fails",
        "all its programs killed at once, booted anew",
        laboratory,
        _fall("node"),
        MOST_ON_ITS_WAY,
        ON_ITS_WAY,
        quick=False,
    ),
    Case(
        "the server's power fails",
        "all its programs killed at once, booted anew",
        laboratory,
        _fall("server"),
        MOST_ON_ITS_WAY,
        ON_ITS_WAY,
    ),
    Case("the node's network is cut", "the cable pulled, and put back", laboratory, _cut, quick=False),
    Case(
        "the node's network is cut, and its power fails meanwhile",
        "the cable pulled; all the node's programs killed at once; the cable put back, booted anew",
        laboratory,
        _cut_and_fall,
        MOST_ON_ITS_WAY,
        ON_ITS_WAY,
    ),
    Case("the server's disk is full", "the file system of the data filled to the last block", laboratory, _full),
    Case(
        "the node's memory card turns read-only",
        "by its kernel, as after an error; then checked and booted anew",
        laboratory,
        _card,
        MOST_ON_ITS_WAY,
        ON_ITS_WAY,
    ),
    Case(
        "the database is killed",
        "`systemctl kill --signal=KILL influxdb`",
        laboratory,
        _killed("server", INFLUXDB),
        quick=False,
    ),
    Case(
        "Telegraf is killed",
        "`systemctl kill --signal=KILL labline-telegraf`, with its programs",
        laboratory,
        _killed("node", TELEGRAF),
        MOST_ON_ITS_WAY,
        ON_ITS_WAY,
        quick=False,
    ),
]
