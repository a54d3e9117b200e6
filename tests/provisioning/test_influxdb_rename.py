"""A history that goes along to another name: every value, at its time, of its type, in each retention policy."""

from __future__ import annotations

import time

import pytest

from provisioning import influxdb_apply, influxdb_rename, influxdb_schema, influxdb_state
from provisioning.influxdb_rename import Renaming
from provisioning.influxdb_server import DatabaseError

S = 10**9
# Whole hours, kept by all levels; continuous queries do not look so far back.
NOW = time.time_ns() // (3600 * S) * 3600 * S - 2 * 86400 * S
RAW = [
    f'lakeshore_372,site=test,instrument=OLD,channel=5 temperature={1 + i / 7!r},status="o\\"k" {NOW - i * S}'
    for i in range(12)
] + [
    f"lakeshore_372,site=test,instrument=OLD,channel=6,room=a\\ b temperature=4 {NOW}",
    f'instrument,site=test,instrument=OLD up=1i,errors=9007199254740993i,state="ok" {NOW}',
    f"lakeshore_372,site=test,instrument=OLD,channel=5 temperature=9 {NOW + 5 * 86400 * S}",  # a clock that was ahead
]
LEVEL = f"lakeshore_372,site=test,instrument=OLD,channel=5 temperature=2.5,temperature_n=3i {NOW - 86400 * S}"
OTHER = f"lakeshore_372,site=test,instrument=other,channel=5 temperature=7 {NOW}"


@pytest.fixture
def stored(lab, monkeypatch):
    """A lab with a history under the name `before`, read a few points at a time."""
    monkeypatch.setattr(influxdb_rename, "PAGE", 5)
    influxdb_apply.apply(plan(lab), lambda text: None)
    write(lab, "\n".join([*RAW, OTHER]).replace("OLD", "before"))
    write(lab, LEVEL.replace("OLD", "before"), "1m")
    return lab


def plan(lab) -> influxdb_apply.Plan:
    return influxdb_apply.plan(lab.url, influxdb_schema.schema(lab.site), lab.secrets)


def write(lab, lines: str, policy: str = "raw") -> None:
    lab.admin.write(lines, lab.site.influxdb.database, policy)


def everything(lab, name: str) -> list[object]:
    """Tell all points of an instrument, and the fields' types, without its name."""
    found = []
    for policy in ("raw", "1m", "1h", "forever"):
        asked = f'SELECT * FROM "{policy}"./.*/ WHERE "instrument" = \'{name}\' GROUP BY *'
        for one in lab.admin.query(asked, lab.site.influxdb.database):
            found.append((policy, one.name, {**one.tags, "instrument": ""}, one.rows))
    return found


def renaming(lab, old: str = "before", new: str = "cryostat") -> Renaming:
    return Renaming(lab.admin, influxdb_schema.schema(lab.site), {"instrument": old}, {"instrument": new})


def rename(lab) -> int:
    one = renaming(lab)
    one.survey()
    copied = one.copy(lambda text: None)
    one.drop()
    return copied


def test_all_of_it_goes_along_and_nothing_else_is_touched(stored):
    before, types = everything(stored, "before"), stored.admin.query("SHOW FIELD KEYS", stored.site.influxdb.database)
    assert len(before) == 4 and renaming(stored).survey() == 2 * 12 + 1 + 3 + 1 + 2
    assert rename(stored) == 31
    assert everything(stored, "cryostat") == before and everything(stored, "before") == []
    assert stored.admin.query("SHOW FIELD KEYS", stored.site.influxdb.database) == types
    assert everything(stored, "other")[0][3][0]["temperature"] == 7
    assert "before" not in influxdb_state.instruments(stored.admin, influxdb_schema.schema(stored.site))


def test_broken_off_it_has_lost_nothing_and_goes_on(stored, monkeypatch):
    before = everything(stored, "before")
    whole = stored.admin.write
    written = []

    def once(*args) -> None:
        if written:
            raise DatabaseError("gone")
        written.append(whole(*args))

    monkeypatch.setattr(stored.admin, "write", once)
    with pytest.raises(DatabaseError, match="gone"):
        rename(stored)
    monkeypatch.undo()
    assert everything(stored, "before") == before and everything(stored, "cryostat")
    rename(stored)
    assert everything(stored, "cryostat") == before and everything(stored, "before") == []


def test_what_does_not_arrive_is_not_dropped(stored, monkeypatch):
    before = everything(stored, "before")
    monkeypatch.setattr(stored.admin, "write", lambda *_: None)
    with pytest.raises(DatabaseError, match="nothing was dropped"):
        rename(stored)
    assert everything(stored, "before") == before


def test_what_comes_meanwhile_is_kept(stored):
    one = renaming(stored)
    one.copy(lambda text: None)
    write(stored, f"lakeshore_372,site=test,instrument=before,channel=5 temperature=3 {NOW + 6 * 86400 * S}")
    with pytest.raises(DatabaseError, match="more came under the old name meanwhile"):
        one.drop()
    assert everything(stored, "before")[0][3][0]["temperature"] == 3


def test_another_value_at_the_same_time_is_refused(stored):
    write(stored, RAW[0].replace("OLD", "cryostat").replace("temperature=1.0", "temperature=8"))
    before = everything(stored, "before"), everything(stored, "cryostat")
    with pytest.raises(DatabaseError, match="has points of both names at .* nothing was changed"):
        renaming(stored).survey()
    with pytest.raises(DatabaseError, match="has points of both names"):
        rename(stored)
    assert (everything(stored, "before"), everything(stored, "cryostat")) == before


def test_the_minute_of_the_change_is_downsampled_anew_from_both(stored):
    minute = NOW - 120 * S
    for name, value, second in (("before", 1, 10), ("cryostat", 5, 40)):
        tags = f"lakeshore_372,site=test,instrument={name},channel=5"
        write(stored, f"{tags} temperature={value} {minute + second * S}")
        write(stored, f"{tags} temperature={value},temperature_n=1i {minute}", "1m")
    rename(stored)
    rows = next(rows for policy, *_, rows in everything(stored, "cryostat") if policy == "1m")
    (row,) = [row for row in rows if row["time"] == minute]
    assert (row["temperature"], row["temperature_min"], row["temperature_n"]) == (3, 1, 2)


def test_a_minute_whose_readings_have_expired_is_refused(stored):
    for name, value in (("before", 1), ("cryostat", 5)):
        line = f"lakeshore_372,site=test,instrument={name},channel=5 temperature={value} {NOW - 40 * 86400 * S}"
        write(stored, line, "1m")
    with pytest.raises(DatabaseError, match="have expired; nothing was changed"):
        renaming(stored).survey()


def test_a_channel_goes_along_alone(stored):
    old, new = {"instrument": "before", "channel": "6"}, {"channel": "7"}
    one = Renaming(stored.admin, influxdb_schema.schema(stored.site), old, new)
    assert one.survey() == one.copy(lambda text: None) == 1
    one.drop()
    channels = {tags.get("channel", "") for _, _, tags, _ in everything(stored, "before")}
    assert channels == {"", "5", "7"}


def test_an_instrument_that_is_no_more_in_the_file_is_told(stored):
    notes = [note for note in plan(stored).notes if "before" in note]
    assert notes == [
        "instrument 'before' is no more in the site file; its history stays. Where it only got another name, "
        "`labline rename before NEW` takes that along"
    ]
    rename(stored)
    assert [note for note in plan(stored).notes if "before" in note] == []


def test_a_name_that_the_index_alone_still_has_is_no_instrument(stored, monkeypatch):
    rows = stored.admin.rows

    def late(statement, *rest):
        more = [{"key": "instrument", "value": "gone"}] if statement.startswith("SHOW TAG VALUES") else []
        return rows(statement, *rest) + more

    monkeypatch.setattr(stored.admin, "rows", late)
    there = influxdb_state.instruments(stored.admin, influxdb_schema.schema(stored.site))
    assert "before" in there and "gone" not in there
