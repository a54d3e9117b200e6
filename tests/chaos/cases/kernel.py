"""Faults that only a kernel of its own can have: devices that are pulled, a file server that is gone, a clock that is wrong.

Each takes the minutes of a boot under emulation: tests/kernel tries them as tests, on a computer that its other tests share. Readings here are
points that the drivers' programs print in the unit of a node's Telegraf; that these reach the database is what the other cases try.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.parts import debian_kernel, file_server
from tests.parts.kernel_node import THERMOMETER, WAITING, Node, Reader, Told

from ..case import Case, Outcome, Unavailable

WELL = ("ok", "clock")  # clock: as long as nobody gives the time
NEAR = 900.0  # seconds: no clock here is wrong by less
DAY = 86400.0
PORT = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{name}-if00-port0"
CRYOSTAT = """\
name: cryostat
driver: lakeshore_240
connection: serial://{port}
interval: 1s
channels: {{'1': , '2': }}
"""
SIMULATED = "name: cryostat\ndriver: lakeshore_240\nconnection: 'sim:?transport=tcp'\nchannels: {'1': , '2': }\n"
APART = 10.0  # K: of one simulated channel no two readings are further apart
AFTERWARDS = 20  # readings, until it is believed that it goes on
BENCH = """\
name: bench
driver: logfile
connection: file:///srv/lab
interval: 1s
timeout: 20s
zone: UTC
files: bench.csv
separator: ","
columns: [time, plate]
time: [time]
time_form: "%Y-%m-%dT%H:%M:%S.%f"
channels:
  plate:
    label: Cooling plate
    read: {temperature: {from: plate, unit: °C, description: Temperature of the plate}}
"""


@contextmanager
def computer() -> Iterator[Node]:
    """Boot a node of its own. Raises Unavailable."""
    if why := debian_kernel.unavailable():
        raise Unavailable(why)
    with TemporaryDirectory(prefix="labline-kernel-") as folder:
        try:
            node = Node(debian_kernel.made(), Path(folder))
        except debian_kernel.NoComputer as error:
            raise Unavailable(str(error)) from error
        try:
            yield node
        finally:
            node.close()


def clock_at_boot(node: Node, thorough: bool) -> Outcome:
    """Read with a program that waits for the clock, and with one that does not, before anybody gives the time."""
    hasty = node.reader("hasty", THERMOMETER.format(name="hasty"), waits=False)
    hasty.becomes("clock")
    first = hasty.readings[0]
    assert first.time < time.time() - DAY, "the clock is right"
    waiting = Reader(node, WAITING)
    assert node.run("systemctl", "is-active", "labline-clock.service", check=False).strip() == "activating"
    assert not waiting.points
    node.time_server()
    began = time.monotonic()
    node.run("chronyc", "burst", "4/4")  # else within a minute
    waiting.becomes("ok")
    hasty.becomes("ok")
    healed = time.monotonic() - began
    told = ["state `clock`, and `clock` at each reading"] if first.fields.get("clock") == "unsynchronised" else []
    hasty.stop()
    waiting.stop()
    both = hasty.readings + waiting.readings
    assert not [reading for reading in waiting.readings if "clock" in reading.fields], "it did not wait"
    return Outcome(len(both), 0, len(_wrong_times(both)), tuple(told), healed)


def clock_set_wrong(node: Node, thorough: bool) -> Outcome:
    """Set the clock a year ahead, and a year back, while a program reads; chrony puts it right again."""
    reader = node.reader("leaping", THERMOMETER.format(name="leaping"))
    reader.becomes("ok")
    before, told, healed = len(reader.readings), [], 0.0
    for days in (365, -365):
        node.run("systemctl", "stop", "chrony.service")
        node.run("date", "--set", f"{days} days")
        told = [f"state `{reader.becomes('clock')}`, and `clock` at each reading"]
        began = time.monotonic()
        node.run("systemctl", "start", "chrony.service")
        reader.becomes("ok")
        healed = time.monotonic() - began
    reader.stop()
    readings = reader.readings[before:]
    return Outcome(len(readings), 0, len(_wrong_times(readings)), tuple(told), healed)


def serial_port_pulled(node: Node, thorough: bool) -> Outcome:
    """Plug in a serial adapter after the program was started, pull it out, and plug it in again after another one."""
    port = PORT.format(name="240")
    line = node.instrument(SIMULATED)
    reader = node.reader("cryostat", CRYOSTAT.format(port=port))
    reader.becomes("disconnected")  # there has been none since the machine was started
    node.plug("240", line)
    reader.becomes(*WELL)
    assert node.run("readlink", "-f", port).strip() == "/dev/ttyUSB0"
    before = len(reader.readings)
    node.pull("240")
    told = (f"state `{reader.becomes('disconnected')}`",)
    node.plug("other")
    other = PORT.format(name="other")
    node.eventually(lambda: node.run("readlink", "-f", other, check=False).strip() == "/dev/ttyUSB0", other)
    began = time.monotonic()
    node.plug("240", line)
    reader.becomes(*WELL)
    healed = time.monotonic() - began
    assert node.run("readlink", "-f", port).strip() == "/dev/ttyUSB1"
    node.eventually(lambda: len(reader.readings) >= before + AFTERWARDS, "it goes on")
    reader.stop()
    node.pull("other")
    node.pull("240")
    wrong = 0
    for channel in ("1", "2"):
        values = [float(each.fields["temperature"]) for each in reader.readings if each.tags["channel"] == channel]
        wrong += sum(abs(value - values[0]) > APART for value in values)
    readings = len(reader.readings) - before
    return Outcome(readings, reader.counted - len(reader.readings), wrong, told, healed)


def share_gone(node: Node, thorough: bool) -> Outcome:
    """End the server of a folder in which log files grow, and start it again."""
    with file_server.share(node, "/srv/lab") as share:
        return _without_share(node, share, share.stop, share.start)


def _without_share(
    node: Node, share: file_server.Share, away: Callable[[], object], back: Callable[[], object]
) -> Outcome:
    recorder = file_server.Recorder(share.folder / "bench.csv")
    recorder.write(5)
    reader = node.reader("bench", BENCH)
    node.eventually(lambda: reader.values("temperature") == recorder.values, "the first lines")
    before = len(recorder.values)
    away()
    recorder.write(20)
    node.eventually(lambda: reader.state not in WELL, f"what is told; log: {reader.log}")
    told = f"state `{reader.state}`"
    began = time.monotonic()
    back()

    def well() -> bool:
        recorder.write(1)  # as it does all the time: without a line for the timeout it is silent
        return reader.state in WELL

    node.eventually(well, f"{reader.name}: ok")
    node.eventually(lambda: len(reader.values("temperature")) >= len(recorder.values), "the other lines")
    healed = time.monotonic() - began
    reader.stop()
    values = reader.values("temperature")
    lost = [value for value in recorder.values if value not in values]
    wrong = len(values) - len(recorder.values) + len(lost)  # what came twice, or was never written
    return Outcome(len(recorder.values) - before, len(lost), wrong, (told,), healed)


def _wrong_times(readings: list[Told]) -> list[Told]:
    """Tell the readings whose time is wrong, and not marked."""
    now = time.time()
    return [each for each in readings if abs(each.time - now) > NEAR and "clock" not in each.fields]


CASES = [
    Case(
        "a node's clock a year behind at boot",
        "nobody gives the time, then a server does",
        computer,
        clock_at_boot,
        quick=False,
    ),
    Case(
        "a node's clock set a year ahead, and behind",
        "`date --set`, then chrony",
        computer,
        clock_set_wrong,
        quick=False,
    ),
    Case(
        "a USB serial port pulled, and put back under another name",
        "ttyUSB0 comes back as ttyUSB1",
        computer,
        serial_port_pulled,
        quick=False,
    ),
    Case(
        "a file server (CIFS) gone in the night",
        "smbd ends; log files go on growing there",
        computer,
        share_gone,
        quick=False,
    ),
]
