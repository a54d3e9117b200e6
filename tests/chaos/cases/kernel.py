"""Faults that only a kernel of its own can have: devices that are pulled, a file server that is gone or frozen, a clock that is wrong.

Each takes the minutes of a boot under emulation: tests/kernel tries them as tests, on a computer that its other tests share. Readings here are
points that the drivers' programs print in the unit of a node's Telegraf; that these reach the database is what the other cases try.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from telegraf_inputs.drivers.thermistor_adcpi import VOLTS
from tests.parts import debian_kernel, file_server
from tests.parts.kernel_node import THERMOMETER, USER, WAITING, Node, Reader, Told

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
CAMERA = """\
name: door
driver: camera
connection: command:///mnt/ffmpeg
arguments: [-loglevel, error, -f, v4l2, -i, /dev/video0, -frames:v, 1, -f, mjpeg, "-"]
interval: 5s
timeout: 60s
channels: {picture: {folder: /srv/pictures}}
"""
PICTURES = 5  # until it is believed that it goes on
PLAIN = 5.0  # %: no picture of vivid's test pattern has less contrast
CONVERTER = """\
name: dewar
driver: thermistor_adcpi
connection: i2c:///dev/i2c-0
interval: 2s
addresses: [0x68]
series: 10000
load: 0
channels: {'1': , '2': }
"""
# What the converter makes of a half and a quarter of the supply's 5 V, and the thermistors that are so.
CODES, OHMS = (round(2.5 / VOLTS), round(1.25 / VOLTS)), {"1": 10000.0, "2": 10000.0 / 3}
OHM = 1.0  # the converter's rounding is less
LOGS = """\
name: {name}
driver: logfile
connection: file://{folder}
interval: 1s
timeout: {timeout:.0f}s
zone: UTC
files: "{{channel}}.csv"
separator: ","
columns: [time, plate]
time: [time]
time_form: "%Y-%m-%dT%H:%M:%S.%f"
channels:
  plate:
    label: Cooling plate
    read: {{temperature: {{from: plate, unit: °C, description: Temperature of the plate}}}}
"""
# Less than the kernel waits for a server that says nothing, which is 30 s as it is mounted here, and 180 s by default.
TIMEOUT = 10.0
SLOW = 10.0  # seconds that programs may take longer here, under emulation
WITHOUT = 45.0  # seconds: longer than both


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
    # One that is marked yet, as chrony sets the clock a second time, did wait.
    assert waiting.readings[0].time > time.time() - DAY, f"it did not wait: {waiting.readings[0]}"
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


def i2c_adapter_pulled(node: Node, thorough: bool) -> Outcome:
    """Plug in an I²C adapter at USB after the program was started, pull it out, and plug it in again."""
    reader = node.reader("dewar", CONVERTER)
    reader.becomes("disconnected")
    node.plug_i2c(*CODES)
    reader.becomes(*WELL)
    before = len(reader.readings)
    node.pull_i2c()
    told = (f"state `{reader.becomes('disconnected')}`",)
    node.eventually(lambda: not node.run("sh", "-c", "ls /dev | grep i2c", check=False), "the bus is gone")
    without = len(reader.readings)
    node.eventually(lambda: reader.states[-3:] == 3 * ["disconnected"], "it is told again and again")
    made_up = len(reader.readings) - without
    began = time.monotonic()
    node.plug_i2c(*CODES)
    reader.becomes(*WELL)
    healed = time.monotonic() - began
    node.eventually(lambda: len(reader.readings) >= before + AFTERWARDS, "it goes on")
    reader.stop()
    node.pull_i2c()
    readings = reader.readings
    printed = sum(len(set(each.fields) - {"status", "clock"}) for each in readings)
    off = [each for each in readings if abs(float(each.fields["resistance"]) - OHMS[each.tags["channel"]]) > OHM]
    return Outcome(len(readings) - before, reader.counted - printed, len(off) + made_up, told, healed)


def camera_pulled(node: Node, thorough: bool) -> Outcome:
    """Take the driver of a V4L2 camera out of the kernel, and put it back."""
    node.run("modprobe", "vivid", "n_devs=1")
    node.run("install", "-d", "-o", USER, "/srv/pictures")
    camera = node.reader("door", CAMERA)
    camera.becomes(*WELL)
    before = len(camera.readings)
    node.eventually(lambda: not node.run("rmmod", "vivid", check=False), "no picture is being taken")
    told = (f"state `{camera.becomes('disconnected')}`",)
    without = len(camera.readings)
    node.eventually(lambda: camera.states[-3:] == 3 * ["disconnected"], "it is told again and again")
    made_up = len(camera.readings) - without
    began = time.monotonic()
    node.run("modprobe", "vivid", "n_devs=1")
    camera.becomes(*WELL)
    healed = time.monotonic() - began
    node.eventually(lambda: len(camera.readings) >= without + PICTURES, "it goes on")
    camera.stop()
    node.eventually(lambda: not node.run("rmmod", "vivid", check=False), "the program has let go of it")
    readings = camera.readings
    kept = set(node.run("find", "/srv/pictures", "-name", "*.jpg", "-printf", "%P\\n").split())
    lost = [each for each in readings if each.fields["path"] not in kept]
    plain = [each for each in readings if float(each.fields["contrast"]) < PLAIN]
    return Outcome(len(readings) - before, len(lost), len(plain) + made_up, told, healed)


def share_gone(node: Node, thorough: bool) -> Outcome:
    """End the server of a folder in which log files grow, and start it again."""
    with file_server.share(node, "/srv/lab") as share:
        return _without_share(node, share, "gone", share.stop, share.start)


def share_frozen(node: Node, thorough: bool) -> Outcome:
    """Stop the server of a folder in which log files grow from answering, and let it go on."""
    with file_server.share(node, "/srv/lab") as share:
        freeze, thaw = (partial(share.signal, number) for number in (signal.SIGSTOP, signal.SIGCONT))
        return _without_share(node, share, "frozen", freeze, thaw)


def _without_share(
    node: Node, share: file_server.Share, name: str, away: Callable[[], object], back: Callable[[], object]
) -> Outcome:
    """Read a log file at a server, and in the same program one of the node's own."""
    recorder = file_server.Recorder(share.folder / "plate.csv")
    beside = node.folder / "share" / name
    beside.mkdir()
    other_recorder = file_server.Recorder(beside / "plate.csv")
    for each in (recorder, other_recorder):
        each.write(5)
    stanzas = (
        LOGS.format(name=instrument, folder=folder, timeout=TIMEOUT)
        for instrument, folder in ((name, "/srv/lab"), (f"{name}_beside", f"/mnt/{name}"))
    )
    reader = node.reader(name, *stanzas)
    other = Reader(node, f"{name}_beside", name)
    node.eventually(lambda: reader.values("temperature") == recorder.values, "the first lines")
    before = len(recorder.values)
    away()
    recorder.write(20)
    began, found, longest = time.monotonic(), 0.0, 0.0
    while (gone := time.monotonic() - began) < WITHOUT:
        other_recorder.write(1)
        node.eventually(lambda: other.values("temperature") == other_recorder.values, "the instrument beside it")
        longest = max(longest, time.monotonic() - began - gone)
        found = found or (gone if reader.state not in WELL else 0.0)
    assert longest < SLOW, f"the instrument beside it is held up for {longest:.0f} s"
    assert 0.0 < found < TIMEOUT + SLOW, f"it is told after {found:.0f} s"
    told = tuple(f"state `{state}`" for state in dict.fromkeys(reader.states) if state not in WELL)
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
    return Outcome(len(recorder.values) - before, len(lost), wrong, told, healed)


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
        "an I²C adapter at USB pulled, and put back",
        "its bus, i2c-0, is gone while a converter on it is read",
        computer,
        i2c_adapter_pulled,
        quick=False,
    ),
    Case(
        "a USB camera pulled, and put back",
        "/dev/video0 (V4L2, the kernel's vivid) is gone",
        computer,
        camera_pulled,
        quick=False,
    ),
    Case(
        "a file server (CIFS) gone in the night",
        "smbd ends; log files go on growing there",
        computer,
        share_gone,
        quick=False,
    ),
    Case(
        "a file server (CIFS) frozen",
        "smbd is stopped (SIGSTOP), and goes on; log files go on growing there",
        computer,
        share_frozen,
        quick=False,
    ),
]
