"""Quoting: what a name or a text holds never becomes a part of the statement."""

from __future__ import annotations

import pytest

from provisioning.influxql import identifier, text

WORDS = ["plain", 'a "b" c', "it's", "back\\slash", '\\"', "\\'", "Ω €", "a.b", 'x"; DROP DATABASE "y']


@pytest.mark.parametrize("word", WORDS)
def test_the_server_reads_names_and_texts_as_they_were_meant(database, influxd, word):
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    influxd.server.write(f'm said="{escaped}",v=1 1', database.name, "autogen")
    source = identifier(database.name, "autogen", "m")
    asked = f"SELECT said AS {identifier(word)} FROM {source} WHERE said = {text(word)}"
    assert influxd.server.rows(asked) == [{"time": 1, word: word}]
