"""Modbus devices over TCP or a serial line: PLCs, coolers, meters, read by Telegraf's inputs.modbus.

Sources: Modbus Application Protocol Specification V1.1b3; Telegraf 1.39, plugins/inputs/modbus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import transports
from ..configured import Stanza
from ..declare import Option
from ..errors import BadInput, noted, together
from ..line import Wire
from ..native_source import Native, field_name

REGISTERS, BITS = ("holding", "input"), ("coil", "discrete")
FORMATS = (
    *("int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"),
    *("int8l", "int8h", "uint8l", "uint8h", "bit", "string"),
)
FIRST, LAST = 0, 65535


class Modbus(Native):
    """Reads the registers and coils of a Modbus device, over TCP or a serial line.

    Where one register can't be read, Telegraf has none of that cycle: a device answers each request as a whole.
    """

    name = "modbus"
    title = "Modbus devices"
    manual = "Modbus Application Protocol Specification V1.1b3; Telegraf's inputs.modbus"
    known_as = (
        "modbus_tcp",
        "modbus_rtu",
        "modbustcp",
        "eurotherm",
        "omega",
        "plc",
        "rtu",
    )
    verified = "against an independent program: pymodbus, over TCP and a serial line"
    family = "protocol"
    schemes = ("tcp", "serial")
    wire = Wire()
    timeout = 2.0
    input = "modbus"
    where = (
        Option("register", "str", "which kind of register", "holding", choices=(*REGISTERS, *BITS)),
        Option("address", "int", f"its address as it is sent, from {FIRST} to {LAST}", required=True),
        Option("format", "str", "what the registers from there on hold; coil and discrete: nothing", choices=FORMATS),
        Option("bit", "int", "format bit: which one, 0 (the lowest) to 15"),
        Option("length", "int", "format string: how many registers"),
    )
    options_known = (
        Option("unit", "int", "the device's number on the line (slave id)", 1),
        Option(
            "byte_order",
            "str",
            "order of a value's bytes: ABCD big-endian, DCBA little-endian, BADC big-endian with swapped bytes, CDAB with swapped words",
            "ABCD",
            choices=("ABCD", "DCBA", "BADC", "CDAB"),
        ),
        Option(
            "transmission",
            "str",
            "how messages are framed; auto: TCP on a socket, RTU on a serial line",
            "auto",
            choices=("auto", "TCP", "RTUoverTCP", "ASCIIoverTCP", "RTU", "ASCII"),
        ),
        Option("pause_after_connect", "duration", "a pause that the device needs after connecting", 0.0),
        Option("pause_between_requests", "duration", "a pause that the device needs between requests", 0.0),
    )
    example = """\
name: co2_plant
driver: modbus
connection: tcp://192.168.1.7:502
byte_order: CDAB
interval: 5s
channels:
  TT01_CO2:
    label: CO₂ at the inlet
    read:
      temperature: {address: 126, format: float32, unit: °C, low: -60, high: 60, description: Temperature of the CO₂}
  plant:
    read:
      mode:
        address: 320
        format: int16
        unit: ""
        type: int
        description: What the plant does
        choices: {1: {word: disconnected, severity: warning}, 2: connected, 3: active}
      pump: {address: 310, format: bit, bit: 2, unit: "", type: bool, description: The pump runs}
  valve:
    read:
      open: {register: coil, address: 0, unit: "", type: bool, description: The valve is open}
"""

    @classmethod
    def places(cls, stanza: Stanza) -> list[tuple[str, tuple[str, ...]]]:
        place = transports.load(stanza.connection.scheme).place(stanza.connection)
        return [(f"{place} unit {stanza.options['unit']}", ("unit",))]

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            with noted(wrong):
                super().check(stanza)
            if not 0 <= stanza.options["unit"] <= 255:
                wrong.append(BadInput(f"found {stanza.options['unit']}, expected a number from 0 to 255", ("unit",)))
            for channel in stanza.channels:
                for name, each in cls.declared(channel).items():
                    with noted(wrong, "channels", channel.id, "read", name):
                        _check(each.where, each.quantity.type)

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        options, url = stanza.options, stanza.connection
        keys: dict[str, Any] = {
            "name": stanza.name,
            "timeout": f"{round(stanza.timeout * 1000)}ms",
            "transmission_mode": options["transmission"],
        }
        if url.scheme == "serial":
            from ..transports.serial import settings_of

            settings = settings_of(url, cls.wire)
            keys |= {"controller": f"file://{url.rest}", "baud_rate": settings["baudrate"]}
            keys |= {"data_bits": settings["bytesize"], "parity": settings["parity"], "stop_bits": settings["stopbits"]}
        else:
            keys["controller"] = f"tcp://{url.rest.rstrip('/')}"
        # One point of all that belongs to one moment; without this, one for each kind of register.
        keys |= {"configuration_type": "request", "exclude_register_type_tag": True}
        by_kind: dict[str, list[dict[str, Any]]] = {}
        for channel in stanza.channels:
            for name, each in cls.declared(channel).items():
                by_kind.setdefault(each.where["register"], []).append(_field(field_name(channel, name), each.where))
        keys["request"] = [
            {
                "slave_id": options["unit"],
                "register": kind,
                **({"byte_order": options["byte_order"]} if kind in REGISTERS else {}),
                "fields": fields,
            }
            for kind, fields in by_kind.items()
        ]
        pauses = {
            name: f"{round(options[name] * 1000)}ms"
            for name in ("pause_after_connect", "pause_between_requests")
            if options[name]
        }
        return keys | ({"workarounds": pauses} if pauses else {})


def _check(where: Mapping[str, Any], kind: str) -> None:
    if not FIRST <= where["address"] <= LAST:
        raise BadInput(f"found {where['address']}, expected a number from {FIRST} to {LAST}", ("address",))
    bits = where["register"] in BITS
    form = where["format"]
    if bits and form:
        raise BadInput(f"leave this out: a {where['register']} is one bit", ("format",))
    if not bits and not form:
        raise BadInput(f"is missing; expected what the register holds: {', '.join(FORMATS)}", ("format",))
    for key, needs, low, high in (("bit", "bit", 0, 15), ("length", "string", 1, 125)):
        if (where[key] is None) == (form == needs):
            raise BadInput(
                f"{'is missing' if where[key] is None else 'stands there'}; it goes with format: {needs}", (key,)
            )
        if where[key] is not None and not low <= where[key] <= high:
            raise BadInput(f"found {where[key]}, expected a number from {low} to {high}", (key,))
    if kind == "bool" and not bits and form != "bit":
        raise BadInput(f"is no truth value; expected format: bit, or a type of number, not {kind}", ("format",))
    if (kind == "str") != (form == "string"):
        raise BadInput(f"goes with type: str; this quantity is of type {kind}", ("format",))


def _field(name: str, where: Mapping[str, Any]) -> dict[str, Any]:
    found = {"address": where["address"], "name": name}
    if where["format"]:
        found["type"] = where["format"].upper()
    return found | {key: where[key] for key in ("bit", "length") if where[key] is not None}


DRIVER = Modbus
