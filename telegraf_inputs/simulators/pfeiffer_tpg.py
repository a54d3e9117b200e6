"""A gauge controller of Pfeiffer Vacuum or INFICON on a pty or a socket, with as many gauges as the model has."""

from __future__ import annotations

import re
from functools import partial

from ..configured import Stanza
from ..declare import NAMELESS
from ..drivers._tpg_models import CONTROLLERS, UNITS
from .base import Signal, TextSimulator

PRESSURES = (2e-1, 4e-3, 8e-5, 2e-6, 5e-8, 3e-9)  # mbar
REQUEST = re.compile(rb"\x05|[^\r\x05]*\r")
SILENT_BY_ITSELF = "in continuous mode nothing is asked, so that no answer can come late, be one too many or belong to another question"
PARTS = {
    "tpg361": "TPG 361,PTG28040",
    "tpg362": "TPG 362,PTG28290",
    "tpg366": "TPG 366,PTG28770",
    "vgc501": "VGC501,398-481",
    "vgc502": "VGC502,398-482",
    "vgc503": "VGC503,398-483",
}
PROGRAM = "302-510-C"


class PfeifferTPGSimulator(TextSimulator):
    """Answers as the stanza's ``model`` does. A TPG 261 or 262 speaks by itself, every ``period`` seconds, until it is asked something.

    ``unit`` is what UNI answers (0: mbar), and what it counts in; where it is only listened to, that is the stanza's.
    ``statuses`` gives gauges, by channel, another status than 0. With ``identity: none`` it does not know who it is.
    """

    send_terminator = b"\r\n"
    brisk = {"period": 0.03}
    optional = ("UNI",)
    channel_faults = ("garbage",)  # one answer is for all gauges: none can be silent alone
    variants = {
        "continuous": {"mode": "continuous", "unit": "Torr"},
        "tpg366": {"model": "tpg366"},
        "each": {"model": "tpg256a", "identity": NAMELESS},
    }

    def __init__(
        self,
        stanza: Stanza,
        seed: int = 0,
        plan: str = "",
        period: float = 1.0,
        unit: int = 0,
        statuses: dict[str, int] | None = None,
    ):
        super().__init__(stanza, seed, plan)
        self.model, self.unit, self.statuses = stanza.options["model"], unit, statuses or {}
        self.controller = CONTROLLERS[self.model]
        self.unasked_seconds = period if self.controller.speaks else 0.0
        if stanza.options["mode"] == "continuous":
            self.not_faults = dict.fromkeys(("late", "swapped", "doubled", "stray"), SILENT_BY_ITSELF)
        told = stanza.options["unit"] or UNITS.get(str(unit), UNITS["0"])[0]
        self.mbar = dict(UNITS.values())[told]
        gauges = self.controller.gauges
        self.pressures = {
            gauge: Signal(mbar, 0.1 * mbar, 0.005 * mbar, 200 + 40 * i, seed + i)
            for i, (gauge, mbar) in enumerate(zip("123456"[:gauges], PRESSURES, strict=False))
        }
        self._fetched = self._error

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        return {(c.id, "pressure"): self.pressures[c.id].band() for c in self.stanza.channels}

    def split(self, data: bytes) -> tuple[list[bytes], bytes]:
        requests = REQUEST.findall(data)
        return requests, data[sum(map(len, requests)) :]

    def unasked(self) -> str:
        return self._measured()

    def answer(self, request: str) -> str:
        self.unasked_seconds = 0.0
        if request == "\x05":
            return self._fetched()
        known = {"UNI": lambda: str(self.unit)}
        if self.controller.each:
            known |= {f"PR{gauge}": partial(self._gauge, gauge) for gauge in self.pressures}
        else:
            known["PRX"] = self._measured
        if self.stanza.options["identity"] != NAMELESS:
            known[self.controller.identity] = self._identity
        self._fetched = known.get(request, self._error)
        return "\x06" if request in known else "\x15"

    def _error(self) -> str:
        return "0001"

    def _identity(self) -> str:
        if self.controller.identity == "PNR":
            return PROGRAM
        return f"{PARTS[self.model]},4499{self.seed:04d},010300,010100"

    def _measured(self) -> str:
        return ",".join(map(self._gauge, self.pressures))

    def _gauge(self, gauge: str) -> str:
        mbar = self.pressures[gauge]()
        if gauge in self.faulty:
            return f"?{self.faulty[gauge]},{1000.0:.4E}"
        status = 2 if self.current_fault() == "over_range" else self.statuses.get(gauge, 0)
        return f"{status},{mbar / self.mbar if status == 0 else 1000.0:.4E}"


SIMULATOR = PfeifferTPGSimulator
