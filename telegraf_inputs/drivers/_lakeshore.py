"""What Lake Shore's thermometers have in common: who they are, how an input is asked, what its status word means.

Sources: Lake Shore User's Manuals, chapters Interface Commands (*IDN?, KRDG?, SRDG?, RDGST?); where models differ: see
_lakeshore_models.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ..configured import Channel
from ..declare import Quantity
from ..errors import BadAnswer, WrongDevice
from ..example import with_channels
from ..line import Line
from ..reading import Reading
from ..source import Polled, number
from ._lakeshore_models import ALIKE, SENSORS, Thermometer

TEMPERATURE = Quantity("temperature", "K", "Temperature from the input's calibration curve", high=1500.0, decimals=3)
OFF = ""  # in the place of a sensor: the input is switched off
NOT_OF_MODEL = "not_of_model"
NO_CURVE = "the input has no calibration curve: it answers 0 K, which is no reading"


def reported(bits: Mapping[int, str]) -> dict[str, str]:
    """Say what the words of a status word mean."""
    return {word: f"RDGST? reports {word.replace('_', ' ')}" for word in bits.values()}


class LakeShore(Polled):
    """Reads what speaks as Lake Shore's thermometers do. A subclass declares its ``models`` and its status ``bits``."""

    models: ClassVar[Mapping[str, Thermometer]]
    bits: ClassVar[Mapping[int, str]]  # of RDGST?
    temperature_only: ClassVar[int]  # those of them that spoil the temperature, and not the sensor's own reading
    reading: ClassVar[re.Pattern[str]] = re.compile(r"[+-]\d{1,6}\.\d{0,6}(E[+-]?\d{1,2})?\Z")
    status: ClassVar[re.Pattern[str]] = re.compile(r"\d{1,4}\Z")
    link: Line

    @classmethod
    def channel_names_of(cls, options: Mapping[str, Any]) -> tuple[str, ...]:
        chosen = options.get("model")
        models = [cls.models[chosen]] if chosen else cls.models.values()
        return tuple(name for name in cls.channel_names or () if any(name in model.channels for model in models))

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        sensor = channel.options.get("sensor")
        return (TEMPERATURE, *([SENSORS[sensor]] if sensor else []))

    @classmethod
    def found(cls, url: str, identity: str, keys: Mapping[str, str]) -> str:
        """Write the stanza of one that was found, with its model and the channels that this has."""
        name = cls.named(identity)
        says = {"model": f'"{name}"'} if any(option.name == "model" for option in cls.options_known) else {}
        return with_channels(super().found(url, identity, {**keys, **says}), cls.models[name].channels)

    @classmethod
    def named(cls, identity: str) -> str:
        """Find a model's name by what *IDN? answers; "" where it is none of these."""
        told = identity.split(",")[1] if identity.count(",") == 3 else ""
        return next((name for name, model in cls.models.items() if re.fullmatch(model.named, told)), "")

    @property
    def model(self) -> Thermometer:
        """The model that answers."""
        return self.models[self.named(self.stanza.identity)]

    def identify(self) -> str:
        answer = self.query("*IDN?").strip()
        if not answer.startswith("LSCI,") or answer.count(",") != 3:
            expected = next(iter(self.models.values())).example
            raise BadAnswer(f"asked *IDN?, found {answer[:60]!r}, expected LSCI,{expected},serial,firmware")
        name, wanted = self.named(answer), self.options.get("model")
        if not name or wanted and name != wanted:
            titles = [self.models[wanted].title] if wanted else [model.title for model in self.models.values()]
            raise WrongDevice(f"this is a {answer!r}, expected a Lake Shore {' or '.join(titles)}")
        return answer

    def connected(self) -> None:
        if missing := [channel.id for channel in self.channels if channel.id not in self.model.channels]:
            self.note(f"a Lake Shore {self.model.title} has no {', '.join(missing)}; leave that out")

    def read_channel(self, channel: Channel) -> Reading:
        if channel.id not in self.model.channels:
            return Reading(channel.id, {}, time.time_ns(), NOT_OF_MODEL)
        return self.read_input(channel)

    def sensor(self, name: str) -> str:
        """Ask which kind of sensor an input is set to: one of SENSORS, or OFF."""
        raise NotImplementedError

    def read_input(self, channel: Channel) -> Reading:
        """Read one input that the model has. One that is switched off answers its last reading for ever: it is asked each time whether it is."""
        found = self.sensor(channel.id)
        if found == OFF:
            return Reading(channel.id, {}, self.link.answered_ns, "disabled")
        wanted = channel.options["sensor"]
        if not wanted or found == wanted:
            return self.measure(channel.id, SENSORS[wanted].name if wanted else "")
        reading = self.measure(channel.id)
        if reading.status == "ok":
            reading.status = "other_sensor"
            reading.detail = f"the input is set to a {found}, and its key `sensor` says {wanted}"
        return reading

    def measure(self, name: str, raw: str = "") -> Reading:
        """Ask for the kelvin of one input, for its sensor's own reading as quantity ``raw``, and whether they are valid."""
        kelvin = self._number(f"KRDG? {name}")
        own = self._number(f"SRDG? {name}") if raw else None
        answered = self.link.answered_ns
        word = int(self.ask(f"RDGST? {name}", self.status, "000")[0])
        told = [text for bit, text in self.bits.items() if word & bit]
        if word & ~sum(self.bits):
            told.append("unknown_code")
        values = {"temperature": None if word else kelvin}
        if raw:
            values[raw] = None if word & ~self.temperature_only else own
        if not word and kelvin == 0.0:
            values["temperature"], told = None, ["no_curve"]
        return Reading(name, values, answered, " ".join(told) or "ok")

    def ask(self, question: str, form: re.Pattern[str], example: str) -> re.Match[str]:
        """Ask a question whose answer has an exact form. Raises BadAnswer for any other."""
        answer = self.query(question).strip()
        if not (match := form.match(answer)):
            raise BadAnswer(f"asked {question}, found {answer[:40]!r}, expected such as {example}")
        return match

    def _number(self, question: str) -> float:
        return number(self.query(question), self.reading, question)


STATUSES = {
    "disabled": "the input is switched off; it would answer its last reading for ever",
    "no_curve": NO_CURVE,
    "other_sensor": "the input is set to another kind of sensor than its key `sensor` says: only its temperature is read",
    NOT_OF_MODEL: "this model does not have it; leave the channel out",
    **reported(ALIKE),
}
