"""Plays cases of EPICS: a transcript shows what an IOC tells, cycle by cycle, to caproto's client.

    hv03.voltage 12.5              the PV of that quantity has an event: in the first cycle, it is so when the client comes
    hv03.voltage 12.5 minor high   with an alarm
    hv03.voltage never             its record was never processed
    hv03.voltage missing           the IOC has no such PV
    hv03.voltage unit mV           its record has this unit
    ioc gone, ioc back             the IOC is stopped, and started
    ---, # …                       as in every transcript

Each event is waited for: it must become a reading before the driver looks.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from caproto import AlarmSeverity, AlarmStatus, ChannelType

from telegraf_inputs import stanza
from telegraf_inputs.simulators import load
from tests.parts import transcript

PATIENCE = 10.0
# The real clock: a case lets time pass on the other.
now = time.perf_counter
SEVERITIES = {
    "minor": AlarmSeverity.MINOR_ALARM,
    "major": AlarmSeverity.MAJOR_ALARM,
    "invalid": AlarmSeverity.INVALID_ALARM,
}


class Form:
    """An IOC that tells what the transcript says, and nothing by itself."""

    own_times = True

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._simulator = load("epics")(checked)
        self._server = self._simulator._server
        self._records = {f"{channel}.{name}": r for (channel, name), r in self._simulator._records.items()}
        self.url = self._simulator.url
        self.pauses, self._cycles = transcript.cycles(folder, checked.interval)
        self._came = 0
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def begin(self, cycle: int, instrument) -> None:
        self._instrument, self._cycle = instrument, cycle
        if instrument.source is None:
            put, take = instrument.inbox.put, instrument.inbox.take
            channels = [channel.id for channel in instrument.stanza.channels]
            quantities = [name for channel in instrument.stanza.channels for name in channel.quantities]

            def counted(reading):
                put(reading)
                self._came += 1

            def ordered():
                """PVs answer when they like, when they are found: what comes at once has the order of the stanza."""
                found = sorted(
                    take(), key=lambda r: [quantities.index(name) for name in r.values if cycle == self._cycle]
                )
                return sorted(found, key=lambda r: channels.index(r.channel))

            instrument.inbox.put, instrument.inbox.take = counted, ordered
        for line in self._cycles[cycle]:
            self._play(line)

    def end(self, cycle: int) -> list[str]:
        return []

    def close(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        self._simulator.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with self._lock:
                self._server.attend(0.01)
            time.sleep(0.001)  # let the other one have the lock

    def _play(self, line: str) -> None:
        name, what, *more = line.split()
        source = self._instrument.source
        if name == "ioc":
            with self._lock:
                self._server.plug(what == "back")
            there = [variable for variable in source._all if variable.status != "not_found"]
            self._wait(lambda: what == "back" or not any(each.connected for each in there), line)
            self._wait(lambda: what == "gone" or self._found(source, there), line)
            return
        with self._lock:
            record, came = self._records[name], self._came
            if what == "missing":
                del self._server.records[record.name]
                return
            if what == "unit":
                record.unit = more[0]
                return
            record.severity, record.alarm = 0, 0
            if what == "never":
                record.severity, record.alarm, record.time_ns = AlarmSeverity.INVALID_ALARM, AlarmStatus.UDF, 0
                return
            record.value = float(what) if record.native == ChannelType.DOUBLE else int(what)
            if more:
                record.severity, record.alarm = SEVERITIES[more[0]], AlarmStatus[more[1].upper()]
            record.time_ns = time.time_ns()
            told = self._server.tell(record)
        if told:
            self._wait(lambda: self._came > came, line)

    def _found(self, source, there) -> bool:
        source._client.searcher.search_now()  # as each look does
        time.sleep(0.05)  # what was asked for just now is not asked for again
        return all(each.spoken for each in there)

    def _wait(self, done, what: str) -> None:
        until = now() + PATIENCE
        while not done():
            assert now() < until, f"waited in vain: {what}"
            time.sleep(0.002)
