"""A card reader: who is known, what is told of a list that changes or can't be read, and how long a card is one card."""

from __future__ import annotations

import os
import time

import pytest

from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers.rfid_rdm6300 import RfidRdm6300
from telegraf_inputs.errors import BadAnswer, BadInput

ANNA, BERT = "0400A1B2C3", "0A00B2C3D5"
FRAMES = {ANNA: f"\x02{ANNA}D4", BERT: f"\x02{BERT}AE"}


@pytest.fixture
def reader(tmp_path):
    """A reader with a list that knows Anna; ``write`` changes the list."""
    file = tmp_path / "cards.txt"

    def write(text: str) -> None:
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(0, time.time_ns()))

    write(f"# those of this house\n{ANNA} Anna\n")
    return made({"cards": str(file)}), write


def made(channel: dict, **keys) -> RfidRdm6300:
    data = {"name": "door", "driver": "rfid_rdm6300", "connection": "serial:///dev/ttyUSB0", "repeat": "3s", **keys}
    return RfidRdm6300(stanzas.check({**data, "channels": {"card": channel}}))


def heard(reader: RfidRdm6300, *cards: str) -> list[tuple[dict, str]]:
    return [(dict(r.values), r.status) for card in cards for r in reader.heard(FRAMES[card], 1)]


def test_a_list_says_who_is_known_and_no_name_is_stored(reader):
    reader, _ = reader
    assert heard(reader, ANNA, BERT) == [({"card": ANNA, "known": True}, "ok"), ({"card": BERT, "known": False}, "ok")]


def test_a_name_is_stored_where_that_is_said(tmp_path):
    file = tmp_path / "cards.txt"
    file.write_text(f"{ANNA.lower()}; Anna Å.\n{BERT}\n", encoding="utf-8-sig")
    reader = made({"cards": str(file), "names": True})
    assert [values["name"] for values, _ in heard(reader, ANNA, BERT)] == ["Anna Å.", None]


def test_a_list_that_changes_holds_at_once(reader):
    reader, write = reader
    write(f"{BERT}\n")
    assert [values["known"] for values, _ in heard(reader, ANNA, BERT)] == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ANNA} Anna\nBert\n", "cards.txt:2: found none of a card; expected ten digits"),
        (f"{ANNA}\n\n{ANNA.lower()} Anna\n", f"cards.txt:3: card {ANNA} stands there twice"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_and_the_one_before_holds(reader, text, said):
    reader, write = reader
    heard(reader, ANNA)
    write(text)
    (reading,) = reader.look()
    assert reading.status == "bad_list" and said in reading.detail
    assert "Bert" not in reading.detail, "who stands there is nobody's business"
    ((values, status),) = heard(reader, BERT)
    assert (values["known"], status) == (False, "bad_list")
    write(f"{ANNA} Anna\n")
    assert [reading.status for reading in reader.look()] == ["ok"]
    assert not list(reader.look())


def test_a_list_that_is_no_file_is_told_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "cards.txt")
    reader = made({"cards": str(tmp_path / "cards.txt")})
    assert heard(reader, ANNA) == [({"card": ANNA, "known": None}, "bad_list")]
    (reading,) = reader.look()
    assert reading.detail.endswith("cards.txt: is no file")


def test_without_a_list_that_was_ever_read_nobody_is_known_or_unknown(tmp_path):
    reader = made({"cards": str(tmp_path / "none.txt")})
    assert heard(reader, ANNA) == [({"card": ANNA, "known": None}, "bad_list")]


def test_a_card_that_stays_is_told_once_and_again_when_it_has_been_away(reader, monkeypatch):
    reader, _ = reader
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def at(seconds: float, card: str) -> bool:
        now[0] = 100.0 + seconds
        return bool(heard(reader, card))

    told = [at(0, ANNA), at(2, ANNA), at(4, ANNA), at(4.5, BERT), at(6, ANNA), at(9.1, ANNA), at(9.2, BERT)]
    assert told == [True, False, False, True, False, True, True]


@pytest.mark.parametrize("line", ["\x020400A1B2C3D5", "\x020400A1B2C3", "\x02", "\x020400a1b2c3d4"])
def test_what_is_no_card_is_refused(line):
    with pytest.raises(BadAnswer, match="expected ten digits and their checksum"):
        list(made({}).heard(line, 1))


@pytest.mark.parametrize(
    ("channel", "said"),
    [({"cards": "cards.txt"}, "expected a path that begins with /"), ({"names": True}, "needs the list")],
)
def test_a_list_is_named_by_its_path(channel, said):
    with pytest.raises(BadInput, match=said):
        made(channel)
