"""What Telegraf reads itself, served: in the place of a site file's addresses, real servers that say a known value of each quantity."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labline.stack import ports
from telegraf_inputs.configured import Stanza
from telegraf_inputs.declared import Declared

from . import modbus, mqtt, snmp

PUBLISH_SECONDS = 0.5
PACE = {"interval": "1s", "timeout": "1s", "stale": "5s"}  # so that a fault is told soon
WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   61.  -49.  -256        0      0      0      0      3        0
"""
CARD = """\
<gpu id="0000000{number}:01:00.0"><product_name>A Card</product_name><uuid>GPU-{number}</uuid>
<fb_memory_usage><total>24576 MiB</total><used>{memory} MiB</used></fb_memory_usage>
<utilization><gpu_util>{load} %</gpu_util></utilization><temperature><gpu_temp>{temperature} C</gpu_temp></temperature></gpu>
"""
SNMP_TYPE = 2  # an integer

Key = tuple[str, str, str]  # instrument, channel, quantity


@dataclass(frozen=True)
class Fault:
    """A fault of what serves an instrument: how it begins and ends, and what is said of it."""

    begin: Callable[[], object]
    end: Callable[[], object]
    said: str


class Served:
    """Servers for the instruments of a site; ``expected`` is what each quantity of theirs is to be.

    ``faults``: one for each kind of source, by an instrument that has it.
    """

    def __init__(self, stanzas: list[Stanza], folder: Path):
        self.expected: dict[Key, Any] = {}
        self.changed: dict[str, dict[str, Any]] = {}  # instrument -> the keys of its stanza with which it is reached
        self.secrets: dict[str, str] = {}
        self.absent: set[str] = set()  # instruments that can't be served here
        self.faults: dict[str, Fault] = {}
        self._folder, self._messages = folder, dict[str, str]()
        self._servers: list[snmp.Agent | modbus.Plant | mqtt.Broker] = []
        self._ended, self._publisher = threading.Event(), threading.Thread(target=self._publish)
        self._speaking = threading.Lock()  # held while sensors speak, or have no broker to speak to
        kinds = set[str]()
        for stanza in stanzas:
            serve = getattr(self, f"_{stanza.driver.name}", None)
            if serve is not None:
                fault = serve(stanza)
                if fault is not None and fault.said not in kinds:
                    self.faults[stanza.name] = fault
                    kinds.add(fault.said)
        self._publisher.start()

    def stop(self) -> None:
        """Stop all."""
        self._ended.set()
        self._publisher.join()
        for server in self._servers:
            server.stop()

    def _declared(self, stanza: Stanza) -> dict[Key, Declared]:
        """Choose a value for each quantity, and give where it is to be found."""
        declared = {
            (stanza.name, channel.id, name): each
            for channel in stanza.channels
            for name, each in stanza.driver.declared(channel).items()
        }
        self.expected |= {key: _value(each, number) for number, (key, each) in enumerate(declared.items())}
        return declared

    def _snmp(self, stanza: Stanza) -> Fault:
        found = {each.where["oid"]: self.expected[key] / each.scale for key, each in self._declared(stanza).items()}
        oids = sorted(found, key=lambda oid: [*map(int, oid.split("."))])  # as an agent walks them
        records = "".join(f"{oid}|{SNMP_TYPE}|{round(found[oid])}\n" for oid in oids)
        agent = snmp.Agent(self._folder / stanza.name, records)
        self._servers.append(agent)
        names = {"auth_password_file": snmp.AUTH, "privacy_password_file": snmp.PRIVACY}
        self.secrets |= {f"{stanza.name}_{name}": secret for name, secret in names.items()}
        self.changed[stanza.name] = {
            "connection": f"udp://127.0.0.1:{agent.port}",
            "user": snmp.USER,
            "context": "ups",
            **{name: f"{stanza.name}_{name}" for name in names},
            **PACE,
        }
        return Fault(agent.stop, agent.start, "connection refused")

    def _modbus(self, stanza: Stanza) -> Fault:
        registers: dict[int, int] = {}
        for key, each in self._declared(stanza).items():
            value, address = self.expected[key], each.where["address"]
            if each.where["format"] == "float32":
                registers[address], registers[address + 1] = modbus.swapped(value / each.scale)
            elif each.where["format"] == "bit":
                registers[address] = registers.get(address, 0) | value << each.where["bit"]
            else:
                registers[address] = value
        plant = modbus.Plant(registers, {0: False})
        self._servers.append(plant)
        self.changed[stanza.name] = {"connection": f"tcp://127.0.0.1:{plant.port}", **PACE}

        def refuses(whether: bool) -> None:
            plant.refuses = whether

        return Fault(lambda: refuses(True), lambda: refuses(False), "server device busy")

    def _mqtt(self, stanza: Stanza) -> Fault:
        broker = mqtt.Broker(self._folder / stanza.name)
        self._servers.append(broker)
        self._broker = broker
        for key in self._declared(stanza):
            _, channel, quantity = key
            topic = stanza.options["topic"].format(channel=channel, quantity=quantity)
            self._messages[topic] = str(self.expected[key])
        self.secrets["broker"] = mqtt.PASSWORD
        reached = {"connection": f"mqtts://127.0.0.1:{broker.tls_port}", "username": mqtt.READER}
        self.changed[stanza.name] = {**reached, "password_file": "broker", "ca": str(broker.ca), **PACE}

        def gone() -> None:
            self._speaking.acquire()
            broker.stop()

        def back() -> None:
            broker.start()
            self._speaking.release()

        return Fault(gone, back, "connection lost")

    def _scipion(self, stanza: Stanza) -> None:
        """Carry pictures to a folder of the test's own."""
        (port,) = ports.free(1)
        folder = self._folder / stanza.name
        served = {"pictures": f"file://{folder}", "pictures_url": f"http://127.0.0.1:{port}"}
        self.changed[stanza.name] = {"interval": "2s", **served}

    def _camera(self, stanza: Stanza) -> None:
        """Keep pictures in a folder of the test's own."""
        (port,) = ports.free(1)
        folder = str(self._folder / stanza.name)
        channels = {channel.id: {"label": channel.label, "folder": folder} for channel in stanza.channels}
        self.changed[stanza.name] = {"interval": "2s", "pictures_url": f"http://127.0.0.1:{port}", "channels": channels}

    def _telegraf(self, stanza: Stanza) -> Fault | None:
        """Give an input what it reads; one that reads this machine has that."""
        serve = getattr(self, f"_{stanza.driver.plugin(stanza)}", None)
        self.changed[stanza.name] = dict(PACE)
        return serve(stanza) if serve else None

    def _nvidia_smi(self, stanza: Stanza) -> Fault:
        """Make a program that says what the vendor's says of two cards."""
        cards = ""
        for number, channel in enumerate(stanza.channels):
            said = {"temperature": 61 + number, "load": 57 + number, "memory": 1024 + number}
            cards += CARD.format(number=number, **said)
            self.expected |= {(stanza.name, channel.id, f"card_{name}"): value for name, value in said.items()}
        program = self._folder / f"{stanza.name}-nvidia-smi"

        def says(text: str) -> None:
            new = program.with_suffix(".new")
            new.write_text(f"#!/bin/sh\n{text}\n")
            new.chmod(0o755)
            new.replace(program)

        well = f"cat <<'.'\n<nvidia_smi_log>{cards}</nvidia_smi_log>\n."
        says(well)
        self.changed[stanza.name]["input"] = {"nvidia_smi": {"bin_path": str(program)}}
        return Fault(lambda: says("exit 9"), lambda: says(well), "exit status 9")  # as where the kernel has no driver

    def _wireless(self, stanza: Stanza) -> Fault:
        """Make a file of Linux's own form."""
        proc = self._folder / stanza.name
        (proc / "net").mkdir(parents=True)
        file = proc / "net" / "wireless"
        file.write_text(WIRELESS)
        self.changed[stanza.name]["input"] = {"wireless": {"host_proc": str(proc)}}
        self.expected |= {(stanza.name, "wlan0", "level"): -49, (stanza.name, "wlan0", "link"): 61.0}
        return Fault(file.unlink, lambda: file.write_text(WIRELESS), "no such file")

    def _systemd_units(self, stanza: Stanza) -> None:
        """Leave it out: a machine that runs tests need have no systemd to be asked."""
        self.absent.add(stanza.name)

    def _publish(self) -> None:
        """Let the sensors speak until the end."""
        while self._messages and not self._ended.wait(PUBLISH_SECONDS):
            if not self._speaking.acquire(timeout=PUBLISH_SECONDS):
                continue
            try:
                for topic, text in self._messages.items():
                    self._broker.publish(topic, text)
            finally:
                self._speaking.release()


def _value(declared: Declared, number: int) -> Any:
    """Choose a value that the quantity can have, and that no other one of its instrument has where it is a number."""
    quantity = declared.quantity
    if quantity.choices:
        return quantity.harmless[0]
    if quantity.type == "bool":
        return number % 2 == 0
    whole = (10 + number) * declared.scale + max(quantity.low or 0.0, 0.0)
    return round(whole) if quantity.type == "int" else whole
