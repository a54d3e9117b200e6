"""The count that a program keeps for whoever started it: what it lacks must not end the program."""

from __future__ import annotations

import os
from types import SimpleNamespace

from telegraf_inputs import ledger
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.made import Made


def test_a_full_disk_is_told_once_and_ends_nothing(monkeypatch, tmp_path):
    there = os.open
    monkeypatch.setenv("LABLINE_LEDGER", str(tmp_path))
    monkeypatch.setattr(ledger.os, "open", lambda *_: there("/dev/full", os.O_WRONLY))
    instrument = SimpleNamespace(
        stanza=SimpleNamespace(name="box"),
        made={"1": Made("box", "1", 5)},
        inbox=Inbox(),
        lost=0,
        dropped=0,
        overruns=0,
        errors=0,
        discarded=0,
    )
    writer = SimpleNamespace(dropped={"box": 0}, waiting=0, trouble="")
    said = []
    kept = ledger.Ledger(instrument, writer, lambda level, text: said.append(f"{level} {text}"))
    kept.note()
    kept.note(last=True)
    assert said == ["W LABLINE_LEDGER: can't keep count: No space left on device"]
