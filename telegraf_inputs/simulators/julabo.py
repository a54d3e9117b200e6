"""A Julabo circulator on a pty or a socket: a bath with its heater, an external sensor, three stored set points."""

from __future__ import annotations

from .base import Signal, TextSimulator

STORED = (15.0, 20.0, -10.0)  # °C
ABSENT = "---.--"


class JulaboSimulator(TextSimulator):
    """Answers as a Julabo does. ``external=False``: no external sensor is connected; ``running=False``: it is stopped."""

    send_terminator = b"\r\n"
    spared = {"over_range": ("heater", "circulator", "setpoint", "setpoint_1", "setpoint_2", "setpoint_3")}

    def __init__(self, stanza, seed=0, plan="", external=True, running=True):
        super().__init__(stanza, seed, plan)
        self.external, self.running, self.used = external, running, 0
        self.bath = Signal(STORED[0], 0.05, 0.01, 300, seed)
        self.plate = Signal(STORED[0] + 2.5, 0.3, 0.01, 600, seed + 1)
        self.power = Signal(35.0, 5.0, 1.0, 120, seed + 2)

    def bands(self):
        stored = {(f"setpoint_{n}", "stored_setpoint"): (kelvin, kelvin) for n, kelvin in enumerate(STORED, 1)}
        number = {("setpoint", "setpoint_number"): (1, 1), ("setpoint", "setpoint"): (STORED[0], STORED[0])}
        all_of_them = {("bath", "temperature"): self.bath.band(), ("external", "temperature"): self.plate.band(),
                       ("heater", "heating_power"): widened(self.power.band()), ("circulator", "status_code"): (-99, 3), **stored, **number}
        channels = {c.id for c in self.stanza.channels}
        return {key: band for key, band in all_of_them.items() if key[0] in channels}

    def answer(self, request):
        over = self.current_fault() == "over_range"
        if request == "VERSION":
            return "JULABO TOPTECH-SERIES MC-2 VERSION 3.0"
        if request == "STATUS":
            return "-05 TEMPERATURE MEASUREMENT ALARM" if over else "03 REMOTE START" if self.running else "02 REMOTE STOP"
        if request == "IN_PV_00":
            return ABSENT if over else f"{self.bath():.2f}"
        if request == "IN_PV_01":
            return f"{self.power():.0f}" if self.running else "0"
        if request == "IN_PV_02":
            return f"{self.plate():.2f}" if self.external and not over else ABSENT
        known = {"IN_SP_06": "0", "IN_MODE_01": str(self.used), "IN_MODE_04": "0", **{f"IN_SP_0{n}": f"{t:.2f}" for n, t in enumerate(STORED)}}
        return known.get(request)  # what it does not know it does not answer


def widened(band):
    """Widen a band by the rounding to whole numbers."""
    return band[0] - 0.5, band[1] + 0.5


SIMULATOR = JulaboSimulator
