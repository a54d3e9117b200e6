"""Each model of a family is read by its own table, whole, and is asked nothing that it does not know."""

from __future__ import annotations

import pytest
import yaml

from telegraf_inputs import drivers, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers._julabo_models import MODELS
from telegraf_inputs.drivers._lakeshore_models import M240, M336
from telegraf_inputs.drivers._tpg_models import CONTROLLERS
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

EVERY = [
    *(("julabo", name) for name in MODELS),
    *(("pfeiffer_tpg", name) for name in CONTROLLERS),
    *(("lakeshore_240", name) for name in M240),
    *(("lakeshore_336", name) for name in M336),
]
ROUNDING = 2e-3  # of a value: instruments answer with a few digits
REFUSALS = ("-08 INVALID COMMAND", "-14 INVALID COMMAND", "\x15")


@pytest.mark.parametrize(("driver", "model"), EVERY)
def test_a_model_is_read_whole(driver, model, monkeypatch):
    monkeypatch.setattr(drivers.load(driver).wire, "pause", 0.0)
    monkeypatch.setattr(drivers.load(driver).wire, "settle", 0.0)
    example = yaml.safe_load(drivers.load(driver).example)
    del example["channels"]
    stanza = stanzas.check({**example, "connection": "sim:", "model": model})
    simulator = simulators.start(stanza)
    stanza.connection = Url(simulator.url)
    said: list[str | None] = []
    answer = simulator.answer
    simulator.answer = lambda request: said.append(answer(request)) or said[-1]
    logged: list[str] = []
    instrument = Instrument(stanza, Stop(), lambda level, text: logged.append(f"{level}! {text}"))
    try:
        points = [point for _ in range(2) for point in instrument.sample()]
    finally:
        instrument.close()
        simulator.stop()
    read = {(p.tags["channel"], name): value for p in points if "channel" in p.tags for name, value in p.values.items()}
    for (channel, quantity), (low, high) in simulator.bands().items():
        slack = ROUNDING * max(abs(low), abs(high))
        assert low - slack <= read[channel, quantity] <= high + slack, (channel, quantity)
    for (channel, quantity), words in simulator.words().items():
        assert read[channel, quantity] in words, (channel, quantity)
    assert {value for (_, name), value in read.items() if name == "status"} == {"ok"}, logged
    assert len([line for line in logged if not line.startswith("W! clock")]) <= 1, logged  # that it is well
    assert (None not in said or stanza.driver.name == "lakeshore_240") and not set(REFUSALS) & set(said), said
