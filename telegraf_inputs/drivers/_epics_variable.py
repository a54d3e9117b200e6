"""One process variable: what of it is a value of the quantity that the stanza declares, and what is wrong with it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..declared import Declared
from ..letters import normal
from ..point_maker import FAULTS
from ..reading import Reading
from ._epics_client import EPOCH, caproto, text, texts

NS = 10**9
MOST_DECIMALS = 15  # that a number can have: a record may say anything
MOST_EARLY = 1000  # events that wait for what they mean
WHOLE = (caproto.ChannelType.INT, caproto.ChannelType.LONG, caproto.ChannelType.CHAR)
REAL = (caproto.ChannelType.FLOAT, caproto.ChannelType.DOUBLE)
GONE = ("not_found", "disconnected", "silent", "array")  # nothing comes of it that could tell it
SEVERITIES = {
    caproto.AlarmSeverity.MINOR_ALARM: "minor",
    caproto.AlarmSeverity.MAJOR_ALARM: "major",
    caproto.AlarmSeverity.INVALID_ALARM: "invalid",
}
# How records are often written -> the unit that is meant.
SPELT = {"C": "°C", "degC": "°C", "deg C": "°C", "Deg C": "°C", "F": "°F", "degF": "°F", "deg F": "°F", "Ohm": "Ω", "ohm": "Ω", "Volts": "V",
         "Amps": "A", "percent": "%", "uA": "µA", "uV": "µV", "us": "µs", "um": "µm"}  # fmt: skip


class Unusable(Exception):
    """Tells why a value is none of the declared quantity: its first argument is the status."""


class ProcessVariable:
    """Listens to one process variable, ``name``, for one quantity of a channel.

    ``tell(variable, values, stamp, renewed)`` is called for each event: with the IOC's time of it (ns, UTC; 0 for none),
    and whether it is no news, but what holds. ``status`` and ``detail`` are what is wrong with it.
    """

    def __init__(
        self,
        name: str,
        channel: str,
        declared: Declared,
        timeout: float,
        tell: Callable[..., None],
        blame: Callable[[Exception], None],
    ):
        self.name, self.channel, self.declared, self._timeout = name, channel, declared, timeout
        self.status, self.detail = "not_found", f"no IOC knows {name}"
        self.heard = time.monotonic()  # when something last came
        self.stamp = 0  # the IOC's time of what came last
        self.spoken = False  # something came, since it was connected
        self._tell, self._blame = tell, blame
        self._pv: Any = None
        self._subscription: Any = None
        self._info: Any = None  # what the IOC says of it: unit, words of codes
        self._trouble: Unusable | None = None  # by which it can never be a value
        self._early: deque[Any] = deque(maxlen=MOST_EARLY)
        self._last: Any = None
        self._asked = False  # nothing was answered since
        self._first = True  # what comes next is no news

    @property
    def connected(self) -> bool:
        return self.status not in ("not_found", "disconnected")

    @property
    def alive(self) -> bool:
        """Tell whether it was seen to be there: something came of it, or it is known that nothing will."""
        return self.connected and (self.spoken or self.status == "array")

    @property
    def other_decimals(self) -> int | None:
        """Tell the decimals of the record (PREC) where the stanza says another number; None: none, or they can't be compared.

        0 is that of a record that says nothing.
        """
        prec = getattr(self._info, "precision", 0)
        comparable = 0 < prec <= MOST_DECIMALS and self.declared.quantity.type == "float" and self.declared.scale == 1.0
        return prec if comparable and prec != self.declared.quantity.decimals else None

    @property
    def forgotten(self) -> bool:
        """Tell whether the client has lost its server, and may have given it up."""
        return self.status == "disconnected" and self._pv.circuit_manager.dead.is_set()

    def watch(self, pv: Any) -> None:
        """Listen to a PV of the client, whenever it is there."""
        self._pv, self._subscription = pv, None
        # The client keeps weak references alone.
        self._callbacks = [
            partial(self._guarded, each) for each in (self._changed, self._described, self._came, self._answered)
        ]
        pv.connection_state_callback.add_callback(self._callbacks[0], run=True)

    def ask(self) -> None:
        """Have the IOC say what holds, where nothing came within the timeout; where it was asked and says nothing, it is silent."""
        quiet = time.monotonic() - self.heard
        if self.status in ("not_found", "disconnected", "array") or quiet < self._timeout:
            return
        if self._asked and quiet > 2 * self._timeout:
            self._enter("silent", f"{self.name} says nothing for {quiet:.1f} s, though it was asked")
        self._asked = True
        self._read("control" if self._info is None else "time", self._callbacks[1 if self._info is None else 3])

    def _read(self, kind: str, callback: Callable[..., None]) -> None:
        if not self._pv.channel_ready.is_set():  # it would be waited for
            return
        with contextlib.suppress(OSError, caproto.CaprotoError):  # it went meanwhile, or it hangs and takes no more
            self._pv.read(wait=False, data_type=kind, callback=callback, timeout=self._timeout)

    def _guarded(self, work: Callable[..., None], *given: Any) -> None:
        try:
            work(*given)
        except (OSError, caproto.CaprotoError):
            pass  # the connection went meanwhile, which is told otherwise; what was to be asked is asked again
        except Exception as error:  # the client would forget it
            self._blame(error)

    def _changed(self, pv: Any, state: str) -> None:
        """Note that the connection came or went; what the PV is may be another thing at each."""
        self.spoken = False
        if state != "connected":
            self._enter("disconnected", f"the IOC of {self.name} is gone")
            return
        self.heard, self._info, self._asked, self._first = time.monotonic(), None, False, True
        self._early.clear()
        count = pv.channel.native_data_count
        if count > 1:  # an array is not even asked for
            self._enter("array", f"{self.name} is an array of {count} elements; only single values are read")
            return
        self._enter("ok", "")
        self._read("control", self._callbacks[1])

    def _described(self, response: Any) -> None:
        self._info, self.heard = response.metadata, time.monotonic()
        self._trouble = self._unfit(self._pv.channel.native_data_type)
        if self._subscription is None:
            self._subscribe()
        while self._early:
            self._take(self._early.popleft(), False)

    def _subscribe(self) -> None:
        self._subscription = self._pv.subscribe(data_type="time")
        self._subscription.add_callback(self._callbacks[2])

    def _came(self, _: Any, response: Any) -> None:
        if self._info is None:
            self._early.append(response)
        else:
            self._take(response, False)

    def _answered(self, response: Any) -> None:
        changed = self._last is not None and list(response.data) != self._last
        self._take(response, True)
        if changed:  # of which no event told: the IOC may have forgotten who listens
            self._subscription.clear()
            self._first = True
            self._subscribe()

    def _take(self, response: Any, asked: bool) -> None:
        """Take an event, or an answer: neither an answer nor the first event after subscribing is news."""
        self.heard, self._asked, self.spoken = time.monotonic(), False, True
        first, self._first = self._first and not asked, self._first and asked
        stamp = response.metadata.stamp
        stamp_ns = (stamp.secondsSinceEpoch + EPOCH) * NS + stamp.nanoSeconds if stamp.secondsSinceEpoch else 0
        status, detail, value = "ok", "", None
        try:
            value, status = self._value(response)
            detail = f"{self.name}: {status}" if status != "ok" else ""
        except Unusable as error:
            status, detail = error.args
        self._enter(status, detail)
        known, self.stamp, self._last = self.stamp, stamp_ns, list(response.data)
        values: Mapping[str, Any] = {} if value is None else {self.declared.quantity.name: value}
        self._tell(self, values, 0 if asked and stamp_ns == known else stamp_ns, first or asked)

    def _enter(self, status: str, detail: str) -> None:
        self.status, self.detail = status, detail

    def _unfit(self, native: Any) -> Unusable | None:
        """Find what keeps the PV from being the quantity, whatever its value."""
        quantity = self.declared.quantity
        fits = {"float": (*REAL, *WHOLE), "int": (*WHOLE, caproto.ChannelType.ENUM, *REAL), "bool": (caproto.ChannelType.ENUM, *WHOLE),
                "str": (caproto.ChannelType.ENUM, caproto.ChannelType.STRING)}[quantity.type]  # fmt: skip
        if native not in fits:
            return Unusable("wrong_type", f"{self.name} is {native.name}, which can't be a {quantity.type} (type)")
        there, wanted = text(getattr(self._info, "units", b"")).strip(), self.declared.where["ioc_unit"]
        if wanted is None and self.declared.scale != 1.0 or quantity.type in ("bool", "str"):
            return None
        plain = normal(there)
        if there == wanted or wanted is None and (not there or quantity.unit in (plain, SPELT.get(plain))):
            return None
        said = f"{self.name} is in {there!r} by its record (EGU), the stanza says {(wanted if wanted is not None else quantity.unit)!r}"
        return Unusable("wrong_unit", f"{said}; where both are one, say ioc_unit: {there!r}; where not, scale")

    def _value(self, response: Any) -> tuple[Any, str]:
        """Read a value; returns it, and the channel's status by it. Raises Unusable where there is none."""
        if not response.status.success:
            raise Unusable("refused", f"the IOC refuses to tell {self.name}: {response.status.description}")
        severity, alarm = response.metadata.severity, response.metadata.status
        word = SEVERITIES.get(severity, "invalid" if severity else "")
        status = f"{word}: {alarm_word(alarm)}" if word else "ok"
        if word == "invalid":
            raise Unusable(status, f"{self.name} has no value: {alarm_word(alarm)}")
        if self._trouble is not None:
            raise self._trouble
        if len(response.data) != 1:
            raise Unusable("array", f"{self.name} has {len(response.data)} elements; only single values are read")
        value = self._typed(response.data[0], caproto.field_types["native"][response.data_type])
        quantity = self.declared.quantity
        if status == "ok":  # so the channel's other PVs know it, too
            choice = quantity.choice(value)
            if not quantity.possible(value):
                status = "out_of_range"
            elif quantity.choices and choice is None:
                status = "unknown_code"
            elif choice is not None and choice.severity in FAULTS:
                status = choice.word
        return value, status

    def _typed(self, value: Any, native: Any) -> Any:
        """Make of a value what is declared. Raises Unusable."""
        kind, scale = self.declared.quantity.type, self.declared.scale
        if native == caproto.ChannelType.STRING:
            return text(value)
        if native == caproto.ChannelType.CHAR:
            value &= 0xFF  # it has no sign
        if kind == "str":
            words = texts(self._info)
            if not 0 <= value < len(words):
                raise Unusable("unknown_code", f"{self.name} is in state {value}, of {len(words)} that its record has")
            return words[value]
        if kind == "float":
            return value * scale
        if kind == "bool" and value not in (0, 1) or value != int(value):
            raise Unusable("wrong_type", f"{self.name} is {value}, which is no {kind}")
        return bool(value) if kind == "bool" else int(value)


def alarm_word(alarm: int) -> str:
    """Name what an alarm is about, as EPICS does."""
    try:
        return str(caproto.AlarmStatus(alarm).name.lower())
    except ValueError:
        return str(alarm)


def combined(
    variable: ProcessVariable, others: list[ProcessVariable], values: Mapping[str, Any], time_ns: int
) -> Reading:
    """Make a reading of one PV of a channel; what is wrong with another one is the channel's fault, too."""
    worst = max((variable, *others), key=lambda each: _rank(each.status))
    at_fault = variable if variable.status != "ok" else worst
    return Reading(variable.channel, values, time_ns, at_fault.status, at_fault.detail)


def _rank(status: str) -> int:
    return 0 if status == "ok" else 1 if status.startswith("minor") else 2
