"""An ADC Pi with thermistors on an I²C bus that exists only as a Unix socket."""

from __future__ import annotations

import errno
import math
import os
import time

from ..calibration import FORMS
from ..configured import Stanza
from ..drivers.thermistor_adcpi import COEFFICIENTS, HIGHEST, INPUTS, READY, VOLTS, addresses_of
from .base import Signal, Simulator
from .faults import EXCHANGE
from .i2c_bus import BusOnSocket
from .scratch import Scratch

WHOLE = "a transfer on the bus is one exchange of a fixed length"
NTC = (1.129148e-3, 2.34125e-4, 8.76741e-8)  # of a thermistor that the stanza has no coefficients of: 10 kΩ at 25 °C
STEPS = 3  # of the code, by which a reading may be rounded


class ThermistorAdcPiSimulator(Simulator):
    """Converts as two MCP3424 do: a conversion takes ``conversion`` seconds. One input alone can be ``busy``: it never ends."""

    not_faults = {**dict.fromkeys(EXCHANGE, WHOLE), "truncated": WHOLE}
    channel_faults = ("silent", "garbage", "busy")
    brisk = {"conversion": 0.0}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", conversion: float = 0.267):
        super().__init__(stanza, seed, plan)
        self.conversion = conversion
        self.celsius: dict[str, Signal] = {}
        for index, channel in enumerate(stanza.channels):
            center = 5.0 - 24.0 * (index % 2) + 2.0 * (index // 2)  # a fridge, a freezer, and so on
            self.celsius[channel.id] = Signal(center, 0.7, 0.02, 600 + 60 * index, seed + index)
        self._coefficients = {
            channel.id: tuple(channel.options[name] for name in COEFFICIENTS)
            if channel.options["a"] is not None
            else NTC
            for channel in stanza.channels
        }
        self._converters: dict[int, tuple[str, int, float]] = {}  # address -> input, settings, when it began

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        bands = {}
        for channel in self.stanza.channels:
            name, (low, high) = channel.id, self.celsius[channel.id].band()
            if "temperature" in channel.quantities:
                bands[name, "temperature"] = low - 0.01, high + 0.01
            ohms = [self.ohms(name, celsius) for celsius in (high, low)]
            bands[name, "resistance"] = ohms[0], ohms[1]
            bands[name, "voltage"] = self.volts(ohms[0]) - STEPS * VOLTS, self.volts(ohms[1]) + STEPS * VOLTS
        return bands

    def ohms(self, name: str, celsius: float) -> float:
        """Tell the resistance of a thermistor at a temperature, by halving."""
        kelvin = FORMS["steinhart_hart"][0](*self._coefficients[name])
        low, high = math.log(1.0), math.log(1e8)
        for _ in range(60):
            middle = (low + high) / 2
            found = kelvin(math.exp(middle))
            low, high = (middle, high) if found is None or found > celsius + 273.15 else (low, middle)
        return math.exp(low)

    def volts(self, ohms: float) -> float:
        """Tell the voltage at the input."""
        load = self.stanza.options["load"]
        together = 1.0 / (1.0 / ohms + (1.0 / load if load else 0.0))
        return float(self.stanza.options["supply"] * together / (self.stanza.options["series"] + together))

    def start(self) -> None:
        self._folder = Scratch()
        path = os.path.join(self._folder.path, "i2c-1")
        self.url = f"i2c://{path}"
        self._server = BusOnSocket(path, self.answer, lambda: self.current_fault() != "disconnect")

    def stop(self) -> None:
        self._server.stop()
        self._folder.remove()

    def answer(self, address: int, byte: int, length: int) -> bytes:
        """Answer one transfer, as the chip at an address does."""
        fault = self.current_fault()
        addresses = addresses_of(self.stanza)
        if address not in addresses or fault == "silent":
            raise OSError(errno.EREMOTEIO, "nobody takes it")
        if not length and byte & READY:
            name = str(addresses.index(address) * INPUTS + (byte >> 5 & 3) + 1)
            self._converters[address] = name, byte & ~READY, time.monotonic()
        name, settings, began = self._converters.get(address, ("", 0x10, 0.0))
        fault = self.faulty.get(name) or fault
        if fault == "silent":
            raise OSError(errno.EREMOTEIO, "nobody takes it")
        if fault == "garbage":
            return b"\xff" * length
        busy = fault == "busy" or time.monotonic() < began + self.conversion
        code = HIGHEST if fault == "over_range" or name not in self.celsius else self.code(name)
        data = code.to_bytes(3, "big", signed=True) + bytes((settings | (READY if busy else 0),))
        return data[:length]

    def code(self, name: str) -> int:
        """Tell what the converter makes of an input."""
        return min(HIGHEST, round(self.volts(self.ohms(name, self.celsius[name]())) / VOLTS))


SIMULATOR = ThermistorAdcPiSimulator
