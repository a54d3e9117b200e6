"""What a site writes in a day, predicted: as it was measured, and less where the site file asks for less."""

from __future__ import annotations

import pytest

from provisioning import site, wear

SITE = """\
site: trial
nodes: [{{name: here, flush: {flush}}}, {{name: other}}]
influxdb: {{url: "http://here:8086"{more}}}
instruments:
"""


@pytest.fixture
def daily(written):
    def predicted(flush="1s", count=2, interval="1s", more="", node=0):
        stanza = "  - {{name: c{}, driver: lakeshore_372, connection: 'sim:?seed={}', interval: {}}}\n"
        text = SITE.format(flush=flush, more=more) + "".join(stanza.format(i, i, interval) for i in range(count))
        loaded = site.load(written(text))
        return wear.daily(loaded, loaded.nodes[node])

    return predicted


# MB/day of influxd, and of journal and counts, by write_bytes of /proc/PID/io over a minute; one node.
MEASURED = [("1s", 2, "1s", 891, 112), ("10s", 2, "1s", 324, 112)]


@pytest.mark.parametrize(("flush", "count", "interval", "database", "rest"), MEASURED)
def test_it_is_right_to_a_factor_of_two(daily, flush, count, interval, database, rest):
    found = daily(flush, count, interval)
    assert 0.5 < found.database / 1e6 / database < 2
    assert 0.5 < (found.journal + found.counts) / 1e6 / rest < 2


def test_a_longer_flush_fewer_levels_and_slower_instruments_write_less(daily):
    usual = daily().total
    for less in (daily("10s"), daily(interval="20s"), daily(more=", retention: {downsampled: {10m: 1y}}")):
        assert less.total < 0.95 * usual
    assert daily("10s").total < 0.6 * usual


def test_a_node_that_reads_nothing_and_has_no_database_writes_nothing(daily):
    assert daily(node=1).total == 0
