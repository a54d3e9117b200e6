"""A 1-Wire bus with DS18B20 sensors that exists only as a folder of files, written as the kernel shows them."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading

from ..configured import Stanza
from ..drivers.ds18b20 import BULK, TRIGGER
from .base import GARBAGE, Signal, Simulator
from .scratch import Scratch

PERIOD_SECONDS = 0.05  # between two conversions
WHOLE = "a read of a file is one system call: no earlier answer can be left over for it"


class Ds18b20Simulator(Simulator):
    """Keeps ``<root>/<sensor>/w1_slave`` up to date; a file is replaced whole, as a read of the kernel's is whole.

    All convert at once when ``therm_bulk_read`` of the bus is triggered; ``conversions`` counts that. One sensor alone can ``hang``, too: a read of its file does not come back while it does.
    """

    not_faults = dict.fromkeys(("late", "swapped", "doubled", "stray"), WHOLE)
    channel_faults = ("silent", "garbage", "truncated", "hang")

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self._signals = {}
        self.conversions = 0
        for index, channel in enumerate(stanza.channels):
            center = 5.0 - 24.0 * (index % 2) + 2.0 * (index // 2)  # a fridge, a freezer, and so on
            self._signals[channel.id] = Signal(center, 0.7, 0.02, 600 + 60 * index, seed + index)

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        # The sensor counts in sixteenths of a degree.
        half = 1 / 32
        bands = {name: signal.band() for name, signal in self._signals.items()}
        return {(name, "temperature"): (low - half, high + half) for name, (low, high) in bands.items()}

    def start(self) -> None:
        self._folder = Scratch()
        self._root = os.path.join(self._folder.path, "devices")
        self.url = f"file://{self._root}"
        self._stopping = threading.Event()
        self._write()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"simulator {self.stanza.name}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._folder.remove()

    def _run(self) -> None:
        while not self._stopping.wait(PERIOD_SECONDS):
            self._write()

    def _write(self) -> None:
        fault = self.current_fault()
        if fault == "disconnect":
            shutil.rmtree(self._root, ignore_errors=True)
            return
        self._convert()
        for channel in self.stanza.channels:
            folder = os.path.join(self._root, channel.options["id"] or channel.id)
            os.makedirs(folder, exist_ok=True)
            file, new, hung = (os.path.join(folder, name) for name in ("w1_slave", "new", "hung"))
            spoilt = self.faulty.get(channel.id) or fault
            if spoilt == "hang":
                if not os.path.exists(hung):
                    os.mkfifo(hung)  # nobody writes into it
                    os.link(hung, new)
                    os.replace(new, file)
                continue
            with open(new, "wb") as opened:
                opened.write(self._answer(channel.id, spoilt))
            os.replace(new, file)
            if os.path.exists(hung):
                with contextlib.suppress(OSError):  # nobody reads it
                    os.close(os.open(hung, os.O_WRONLY | os.O_NONBLOCK))  # who waits is told that nothing comes
                os.unlink(hung)

    def _convert(self) -> None:
        master = os.path.join(self._root, "w1_bus_master1")
        os.makedirs(master, exist_ok=True)
        with open(os.path.join(master, BULK), "a+", encoding="ascii") as file:
            file.seek(0)
            said = file.read()
            if not said or said == TRIGGER:  # new, or asked to convert
                self.conversions += bool(said)
                file.truncate(0)
                file.write("1\n")

    def _answer(self, name: str, fault: str | None) -> bytes:
        if fault == "silent":
            return b""
        if fault == "garbage":
            return GARBAGE
        # Beyond what it can measure it has no word of its own; a sensor whose supply gave way says 85 °C.
        sixteenths = 85 * 16 if fault == "over_range" else round(self._signals[name]() * 16)
        scratchpad = (sixteenths & 0xFFFF).to_bytes(2, "little") + bytes((0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))
        crc = crc8(scratchpad)
        shown = " ".join(f"{byte:02x}" for byte in (*scratchpad, crc))
        answer = f"{shown} : crc={crc:02x} YES\n{shown} t={int(sixteenths * 1000 / 16)}\n".encode()
        return answer[: len(answer) * 2 // 3] if fault == "truncated" else answer


def crc8(data: bytes) -> int:
    """Compute the CRC of 1-Wire (polynomial x⁸ + x⁵ + x⁴ + 1, reflected)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8C if crc & 1 else 0)
    return crc


SIMULATOR = Ds18b20Simulator
