"""Thermistors at an ADC Pi: what a stanza may say, what a resistance is as a temperature, and how the bus is reached."""

from __future__ import annotations

import errno

import pytest
import yaml

from telegraf_inputs import drivers, simulators, transports
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput, Disconnected, NoAnswer, Stopped
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.line import Wire
from telegraf_inputs.simulators.i2c_bus import BusOnSocket
from telegraf_inputs.stop import Stop
from telegraf_inputs.transports import i2c
from telegraf_inputs.url import Url

EXAMPLE = yaml.safe_load(drivers.load("thermistor_adcpi").example)
# Of a common thermistor, 10 kΩ at 25 °C.
NTC = dict(zip("abc", (1.129148e-3, 2.34125e-4, 8.76741e-8), strict=True))


@pytest.mark.parametrize(
    ("keys", "path", "told"),
    [
        ({"addresses": [0x50]}, ("addresses",), "found [0x50], expected one or two from 0x68 to 0x6f"),
        ({"addresses": [0x68, 0x68]}, ("addresses",), "expected one or two"),
        ({"addresses": []}, ("addresses",), "expected one or two"),
        ({"addresses": ["a"]}, ("addresses",), "found ['a']"),
        ({"addresses": ["0x50"]}, ("addresses",), "found [0x50]"),
        ({"supply": 0.0}, ("supply",), "expected more than 0"),
        ({"load": -1.0}, ("load",), "expected 0 or more"),
        ({"addresses": [0x68], "channels": {"5": None}}, ("channels", "5"), "second converter"),
        ({"channels": {"1": {"a": 1e-3, "c": 1e-7}}}, ("channels", "1", "b"), "a, b and c go together"),
        ({"channels": {"9": None}}, ("channels", "9"), "has no channel"),
        ({"connection": "i2c://1"}, ("connection",), "expected such as i2c:///dev/i2c-1"),
        ({"connection": "i2c:///dev/i2c-1?speed=1"}, ("connection",), "expected such as i2c:///dev/i2c-1"),
    ],
)
def test_what_a_stanza_can_not_say(keys, path, told):
    with pytest.raises(BadInput) as caught:
        stanzas.check({**EXAMPLE, **keys})
    assert caught.value.path == path and told in str(caught.value)


def test_two_boards_share_a_bus_and_one_converter_has_one_owner():
    def places(**keys):
        stanza = stanzas.check({**EXAMPLE, **keys})
        return {place for place, _ in stanza.driver.places(stanza)}

    assert not places() & places(addresses=[0x6A, 0x6B])
    assert places() & places(addresses=[0x69, 0x6B])
    assert places(addresses=["0x68", "0x69"]) == places(addresses=[0x68, 0x69]) == places()


def test_a_bus_that_is_not_there_says_how_it_is_switched_on(tmp_path):
    with pytest.raises(Disconnected, match="raspi-config nonint do_i2c 0"):
        transports.load("i2c").open(Url(f"i2c://{tmp_path}/i2c-1"), Wire(), 1.0, Stop())


@pytest.mark.parametrize(
    ("code", "there", "error"),
    [
        ("ENODEV", True, NoAnswer),
        ("ENXIO", True, NoAnswer),
        ("EREMOTEIO", True, NoAnswer),
        ("ENODEV", False, Disconnected),
        ("EPIPE", True, Disconnected),
    ],
)
def test_a_chip_that_is_not_there_is_no_bus_that_is_gone(code, there, error, tmp_path):
    """A kernel's i2c-stub says ENODEV of an address without a chip."""

    class Refusing:
        def write_byte(self, address, value):
            raise OSError(getattr(errno, code), code)

    path = tmp_path / "i2c-1"
    if there:
        path.touch()
    with pytest.raises(error):
        i2c.Bus(str(path), Refusing(), Stop()).write(0x68, 0x8C)


def test_a_conversion_is_waited_for_and_ends_with_the_program():
    stanza = stanzas.check({**EXAMPLE, "connection": "sim:", "channels": {"1": NTC}})
    simulator = simulators.start(stanza, conversion=0.1)
    stanza.connection = Url(simulator.url)
    stop = Stop()
    instrument = Instrument(stanza, stop, lambda level, text: None)
    try:
        (point, _) = instrument.sample()
        assert point.values["status"] == "ok"
        low, high = simulator.bands()["1", "temperature"]
        assert low <= point.values["temperature"] <= high
        simulator.conversion = 1e6
        stop.set()
        with pytest.raises(Stopped):
            instrument.sample()
    finally:
        instrument.close()
        simulator.stop()


def test_the_simulated_bus_is_reached_in_a_folder_whose_name_is_longer_than_a_socket_s_may_be(tmp_path):
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    path = str(folder / "i2c-1")
    server = BusOnSocket(path, lambda address, byte, length: bytes((address,)) * length)
    try:
        bus = transports.load("i2c").open(Url(f"i2c://{path}"), Wire(), 1.0, Stop())
        assert bus.read(0x68, 0, 2) == b"\x68\x68"
        bus.close()
    finally:
        server.stop()


@pytest.mark.parametrize(("ohms", "celsius"), [(10000.0, 25.0), (32650.0, 0.0), (1751.6, 70.0)])
def test_steinhart_and_hart(ohms, celsius):
    """Against a table of such thermistors."""
    stanza = stanzas.check({**EXAMPLE, "connection": "sim:", "channels": {"1": NTC}})
    simulator = simulators.load("thermistor_adcpi")(stanza)
    assert simulator.ohms("1", celsius) == pytest.approx(ohms, rel=0.01)
