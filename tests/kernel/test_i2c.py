"""Thermistors at a converter on a kernel's I²C bus, read by a program that is shut in as on a node.

The bus is the kernel's i2c-stub: registers that are filled once, and SMBus messages alone. The transport uses no others, so that all of the driver is tried
but a conversion that takes its time: of that, and of a bus that is pulled out, is the case of an adapter at USB.
"""

from __future__ import annotations

from telegraf_inputs.drivers.thermistor_adcpi import VOLTS
from tests.parts.kernel_node import Node

THERMISTORS = """\
name: freezers
driver: thermistor_adcpi
connection: i2c:///dev/i2c-0
interval: 1s
addresses: [0x68, 0x69]
series: 10000
load: 0
channels:
  '1': {a: 1.129148e-3, b: 2.34125e-4, c: 8.76741e-8}
  '2':
  '3':
  '5':
"""
HALF = round(2.5 / VOLTS).to_bytes(3, "big")  # of the supply: the thermistor has as many ohms as those in series
# What a converter answers to the settings of an input: three bytes of a code, and the settings.
ANSWERS = {0x0C: HALF + b"\x0c", 0x2C: b"\x01\xff\xff\x2c", 0x4C: HALF + b"\x0c"}


def test_a_temperature_an_input_over_its_range_and_two_that_say_nothing_of_their_own(node: Node) -> None:
    node.run("modprobe", "i2c-dev")
    node.run("modprobe", "i2c-stub", "chip_addr=0x68")
    device = "/dev/i2c-0"
    node.eventually(lambda: node.run("stat", "--format=%G %a", device, check=False).split() == ["i2c", "660"], device)
    for settings, answer in ANSWERS.items():
        node.run("i2cset", "-y", "0", "0x68", hex(settings), *map(hex, answer), "i")
    reader = node.reader("freezers", THERMISTORS)
    reader.becomes("degraded", "clock")
    reader.stop()
    node.run("rmmod", "i2c-stub")
    told = {point.tags["channel"]: point.fields for point in reader.points if point.measurement == "thermistor_adcpi"}
    assert abs(float(told["1"]["resistance"]) - 10000.0) < 1.0 and abs(float(told["1"]["temperature"]) - 25.0) < 0.05
    for channel, status in (("2", "over_range"), ("3", "bad_answer"), ("5", "no_answer")):
        assert told[channel]["status"] == status and "resistance" not in told[channel]
