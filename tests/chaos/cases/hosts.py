"""Faults of a server and a node: they fall, are cut off, their disks fill up or fail, their programs are killed."""

from __future__ import annotations

import time

from ..case import Case, Outcome
from ..laboratory import Laboratory, Trial, laboratory

TELEGRAF, INFLUXDB = "labline-telegraf.service", "influxdb.service"
LONG, SHORT = 300, 25  # seconds of a fault that lasts
NOT_WRITTEN = r"E! \[outputs\.influxdb::database\]"
JOURNAL_NOT_WRITTEN = r"E! \[agent\] Error writing to outputs\.file::journal|E! .*outputs\.file"
ON_ITS_WAY = "what was between the instrument and the journal when the programs were killed"


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
    return found


def _reboot(which: str):  # type: ignore[no-untyped-def]
    def run(lab: Laboratory, thorough: bool) -> Outcome:
        with lab.trial() as trial:
            lab.hosts[which].reboot()
            trial.ended()
            return trial.outcome(*_logs(trial, lab))

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
        trial.ended()
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
        trial.ended()
        return trial.outcome(*_logs(trial, lab))


def _full(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        filling = "/var/lib/influxdb/filling"
        lab.server.run("sh", "-c", f"cat /dev/zero > {filling}", check=False)
        try:
            _lasts(thorough)
        finally:
            lab.server.run("rm", "-f", filling)
        trial.ended()
        return trial.outcome(*_logs(trial, lab))


def _card(lab: Laboratory, thorough: bool) -> Outcome:
    with lab.trial() as trial:
        lab.card.fail()
        _lasts(thorough)
        logs = _logs(trial, lab)  # what is told meanwhile is on no disk
        lab.node.fall()
        lab.card.mend()
        lab.node.boot()
        trial.ended()
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
    Case("the node is rebooted", "`systemctl reboot`", laboratory, _reboot("node")),
    Case("the server is rebooted", "`systemctl reboot`", laboratory, _reboot("server")),
    Case("the node's power fails", "all its programs killed at once, booted anew", laboratory, _fall("node")),
    Case("the server's power fails", "all its programs killed at once, booted anew", laboratory, _fall("server")),
    Case("the node's network is cut", "for five minutes", laboratory, _cut),
    Case(
        "the node's network is cut, and its power fails meanwhile",
        "cut for five minutes, at their end all the node's programs killed at once, booted anew",
        laboratory,
        _cut_and_fall,
    ),
    Case("the server's disk is full", "for five minutes the file system of the data, of 96 MB", laboratory, _full),
    Case(
        "the node's memory card turns read-only",
        "for five minutes, by the kernel as after an error; then checked and booted anew",
        laboratory,
        _card,
    ),
    Case("the database is killed", "`systemctl kill --signal=KILL influxdb`", laboratory, _killed("server", INFLUXDB)),
    Case(
        "Telegraf is killed", "`systemctl kill --signal=KILL`, with its programs", laboratory, _killed("node", TELEGRAF)
    ),
]
