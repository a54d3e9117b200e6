"""Sensors of a 1-Wire bus that convert together, where the kernel offers that and lets this user."""

from __future__ import annotations

import os

import pytest
import yaml

from telegraf_inputs import drivers, simulators, stanza
from telegraf_inputs.drivers import ds18b20
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

PATIENCE = "20s"


@pytest.fixture
def bus():
    """Start a bus and read it: gives the simulator, the instrument and what it logs."""
    data = yaml.safe_load(drivers.load("ds18b20").example)
    checked = stanza.check({**data, "connection": "sim:", "timeout": PATIENCE})
    simulator = simulators.start(checked)
    checked.connection = Url(simulator.url)
    logged: list[str] = []
    instrument = Instrument(checked, Stop(), lambda level, text: logged.append(f"{level}! {text}"))
    yield simulator, instrument, logged
    instrument.close()
    simulator.stop()


def master(simulator) -> str:
    return os.path.join(simulator.url.removeprefix("file://"), "w1_bus_master1")


def test_all_sensors_convert_at_once(bus):
    simulator, instrument, _ = bus
    for cycle in range(1, 4):
        instrument.sample()
        assert (instrument.state, simulator.conversions) == ("ok", cycle)


@pytest.mark.parametrize("why", ["none", "refused", "never", "chain"])
def test_where_they_can_not_each_converts_by_itself(bus, why, monkeypatch):
    simulator, instrument, logged = bus
    if why == "none":
        monkeypatch.setattr(ds18b20, "BULK", "therm_bulk_read_of_another_kernel")
    elif why == "refused":
        monkeypatch.setattr(ds18b20, "BULK", "")  # what can't be written: a folder
    elif why == "never":
        monkeypatch.setattr(ds18b20, "CONVERTED", ("done",))
        instrument.stanza.timeout = 0.2
    else:
        for channel in instrument.stanza.channels:
            channel.options["id"] = channel.options["id"].replace("28-", "42-")
        simulator._write()
    for _ in range(2):
        instrument.sample()
        assert instrument.state == "ok"
    told = [line for line in logged if "one after the other" in line]
    assert len(told) == (why in ("refused", "never")), logged
    assert simulator.conversions == (why == "never")
