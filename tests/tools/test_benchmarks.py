"""The benchmarks measure the program of each driver there is, by the limits of one table."""

from __future__ import annotations

import contextlib

from benchmarks import limits, memory, start
from telegraf_inputs import drivers


def test_each_driver_has_its_memory_and_its_start_measured(monkeypatch):
    @contextlib.contextmanager
    def lab(stanzas):
        yield stanzas

    monkeypatch.setattr(memory, "_sizes", lambda stanzas: {each["driver"]: 20.0 * memory.MB for each in stanzas})
    monkeypatch.setattr(start, "Lab", lab)
    monkeypatch.setattr(start, "_first_reading", lambda _: 0.3)
    sizes = {row.what.rpartition(", ")[2]: row for row in memory.measure() if "one instrument" in row.what}
    starts = {row.what.rpartition(", ")[2]: row for row in start.measure()}
    assert [*sizes] == [*starts] == [*drivers.programs()]
    assert not sizes["julabo"].met and sizes["scipion"].met and not starts["scpi"].met and starts["epics"].met


def test_what_has_no_limit_says_why():
    assert {*limits.TOGETHER} <= {*drivers.programs()}
    assert all(each.why for each in limits.BY_DRIVER.values() if each.start is None)
