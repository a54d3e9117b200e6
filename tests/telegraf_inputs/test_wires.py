"""How text travels, as a stanza says it: ends, echo, prompt, prefixes, encodings; over a real socket and a real pty."""

from __future__ import annotations

import select
import threading
import time

import pytest
import yaml

from telegraf_inputs import drivers, simulators, transports, wires
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadAnswer, BadInput, NoAnswer
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.line import Line, Wire
from telegraf_inputs.source import Polled
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

LONG, SHORT = 20.0, 0.3  # seconds: for what comes, and for what does not
SCPI = Wire(b"\n", b"\n")
PATIENCE = 20.0


class Dialogue:
    """Plays the instrument on a real end: for each of ``turns``, waits for the first and says the second."""

    def __init__(self, scheme: str, turns: list[tuple[bytes, list[bytes]]], greeting: bytes = b""):
        self._end = transports.load(scheme).end()
        self.url = self._end.url
        self.wrong: list[bytes] = []
        self.said = threading.Event()
        self._turns, self._greeting = turns, greeting
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        data = b""
        greeted = not self._greeting
        for asked, replies in self._turns:
            while not data.startswith(asked):
                if self._over.is_set():
                    return
                arrived = self._end.receive(0.02)
                if not greeted and (arrived is None or not self._end.tells_clients):
                    greeted = self._end.send(self._greeting)
                data = b"" if arrived is None else data + arrived
                if not asked.startswith(data) and not data.startswith(asked):
                    self.wrong.append(data)
                    return
            data = data[len(asked) :]
            for reply in replies:
                self._end.send(reply)
                time.sleep(0.005)  # in pieces
        self.said.set()

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        self._end.close()


@pytest.fixture(params=["tcp", "serial"])
def talk(request):
    """Open a line, with a wire as a stanza says it, to an instrument that says what is written."""
    opened = []

    def make(wire: dict, turns, timeout: float = LONG, greeting: bytes = b"") -> Line:
        dialogue = Dialogue(request.param, turns, greeting)
        errors: list[BadInput] = []
        made = wires.read(wire, SCPI, errors)
        assert not errors
        line = transports.of(Url(dialogue.url)).line(Url(dialogue.url), made, timeout, Stop())
        opened.extend((line, dialogue))
        line.open()
        line.dialogue = dialogue
        return line

    yield make
    for each in opened:
        each.close()
    assert not [each.wrong for each in opened if isinstance(each, Dialogue) and each.wrong]


@pytest.mark.parametrize(
    ("wire", "asked", "said"),
    [
        ({"send": "CRLF", "receive": "CRLF"}, b"V?\r\n", [b"1.5\r\n"]),
        ({"send": "cr", "receive": "Cr"}, b"V?\r", [b"1.", b"5\r"]),
        ({"send": "LFCR", "receive": "LFCR"}, b"V?\n\r", [b"1.5\n", b"\r"]),
        ({"send": "none", "receive": "\x03"}, b"V?", [b"1.5\x03"]),
        ({"send": "CR", "receive": "none"}, b"V?\r", [b"1", b".", b"5"]),
        ({"send": "CR", "receive": "CRLF", "echo": True}, b"V?\r", [b"V?\r", b"\n", b"1.5\r\n"]),
        ({"send": "CR", "receive": "CR", "echo": True}, b"V?\r", [b"V", b"?\r1.5", b"\r"]),
        ({"echo": True}, b"V?\n", [b"V?\r\n1.5\n"]),
        ({"prompt": "> "}, b"V?\n", [b"1.5\n>", b" "]),
        ({"receive": "CRLF", "echo": True, "prompt": "# "}, b"V?\n", [b"V?\r\n1.5\r", b"\n# "]),
        ({"receive": "none", "prompt": "\n>"}, b"V?\n", [b"1.5\n>"]),
        ({"prefix": "A032_"}, b"A032_V?\n", [b"1.5\n"]),
        ({"prefix": "A032_", "answer_prefix": "A032_"}, b"A032_V?\n", [b"A032_", b"1.5\n"]),
    ],
)
def test_text_travels_as_the_stanza_says(talk, wire, asked, said):
    line = talk(wire, [(asked, said)] * 3)
    for _ in range(3):
        assert line.query("V?").strip() == "1.5"
    assert line.dialogue.said.wait(LONG)
    line.refuse_surplus()


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ({"echo": True}, [b"INST 1\r\n"]),
        ({"prompt": "> "}, [b"> "]),
        ({"echo": True, "prompt": "> "}, [b"INST 1\n\r\n> "]),
        ({"prompt": "> ", "answer_prefix": "A1 "}, [b"> "]),
    ],
)
def test_what_comes_of_a_command_without_an_answer_is_taken(talk, wire, said):
    answer = (
        b"V?\n" if wire.get("echo") else b""
    ) + f"{wire.get('answer_prefix', '')}1.5\n{wire.get('prompt', '')}".encode()
    line = talk({"receive": "LF", **wire}, [(b"INST 1\n", said), (b"V?\n", [answer])] * 2)
    for _ in range(2):
        line.command("INST 1")
        assert line.query("V?") == "1.5"
        line.in_step = True  # as the driver says after its identity was right


def test_what_a_terminal_says_when_it_is_opened_is_no_answer(talk):
    line = talk({"echo": True, "prompt": "> "}, [(b"V?\n", [b"V?\n1.5\n> "])], greeting=b"Welcome\r\n> ")
    assert select.select([line._fileno()], [], [], LONG)[0] or line._end.tells_clients
    assert line.query("V?") == "1.5"


@pytest.mark.parametrize(
    ("wire", "said", "error", "message"),
    [
        ({}, b"V?\n1.5\n", BadAnswer, r"asked 'V\?', found the same again: an echo"),
        ({"prefix": "A1_"}, b"A1_V?\n", BadAnswer, "an echo"),
        ({"echo": True}, b"1.5\n", BadAnswer, r"found b'1.5\\n', expected its echo"),
        ({"answer_prefix": "A1_"}, b"A2_1.5\n", BadAnswer, r"asked 'V\?', found 'A2_1.5', expected 'A1_' before it"),
        ({"prompt": "> "}, b"1.5\n", NoAnswer, r"only the beginning b'1.5\\n'"),
        ({"receive": "CRLF"}, b"1.5\n", NoAnswer, r"only the beginning b'1.5\\n'"),
    ],
)
def test_what_is_otherwise_than_said_is_no_answer(talk, wire, said, error, message):
    asked = f"{wire.get('prefix', '')}V?\n".encode()
    line = talk(wire, [(asked, [said])], SHORT)
    with pytest.raises(error, match=message):
        line.query("V?")


@pytest.mark.parametrize("encoding", wires.ENCODINGS)
def test_no_encoding_changes_ascii(encoding):
    text = "".join(map(chr, range(128)))
    if encoding == "shift_jis":
        text = text.replace("\\", "").replace("~", "")
    assert text.encode(encoding) == text.encode("ascii")


def test_a_unit_is_read_in_the_encoding_that_is_said(talk):
    line = talk({"encoding": "latin-1"}, [(b"U?\n", ["µV\n".encode("latin-1")])])
    assert line.query("U?") == "µV"


def supply(wire, connection="tcp://h:1", driver="scpi"):
    channels = {} if driver != "scpi" else {"channels": {"1": {"read": {"v": {"query": "V?", "unit": "V"}}}}}
    return {"name": "i", "driver": driver, "connection": connection, "wire": wire, **channels}


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        (supply({"send": "CRLFF"}), "wire.send", "found 'CRLFF', expected CR, LF, CRLF, LFCR, none"),
        (supply({"receive": "é"}), "wire.receive", "expected CR, LF"),
        (supply({"echo": "yes"}), "wire.echo", "expected true or false"),
        (supply({"ecco": True}), "wire.ecco", "did you mean 'echo'?"),
        (supply({"encoding": "utf-16"}), "wire.encoding", "expected one of ascii, utf-8"),
        (supply({"prefix": "µ"}), "wire.prefix", "can't be written in ascii"),
        (supply({"prompt": ">" * 41}), "wire.prompt", "40 characters at most"),
        (supply({"echo": True}, "visa://TCPIP0::h::INSTR"), "connection", "carries whole messages"),
        (supply({"send": "CR"}, None, "ds18b20"), "wire", "is not a key of driver 'ds18b20'"),
        (supply({"send": "CR"}, "tcp://h:1", "modbus"), "wire", "is not a key of driver 'modbus'"),
    ],
)
def test_refused_with_the_place_and_the_reason(data, path, message):
    errors: list[BadInput] = []
    stanzas.check_all(data, errors)
    told = [str(error) for error in errors]
    assert any(text.startswith(f"{path}: ") and message in text for text in told), told


WIRES = {
    "addressed": {"send": "CR", "receive": "LFCR", "prefix": "A032_", "answer_prefix": "A032_", "pause": "0s"},
    "terminal": {"receive": "CRLF", "echo": True, "prompt": "> ", "pause": "0s"},
    "addressed terminal": {
        "receive": "CRLF",
        "echo": True,
        "prompt": "> ",
        "prefix": "A1 ",
        "answer_prefix": "A1 ",
        "pause": "0s",
    },
}
UNADDRESSED = ("pfeiffer_tpg",)  # its ENQ is a byte without a command's form, for whoever was asked last
TEXT = [name for name in drivers.programs() if drivers.load(name).speaks_text()]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("driver", [name for name in TEXT if issubclass(drivers.load(name), Polled)])
def test_every_driver_speaks_as_its_stanza_says(driver, wire, monkeypatch):
    monkeypatch.setattr(drivers.load(driver).wire, "settle", 0.0)
    data = yaml.safe_load(drivers.load(driver).example)
    said_of = {key: value for key, value in WIRES[wire].items() if driver not in UNADDRESSED or "prefix" not in key}
    checked = stanzas.check({**data, "connection": "sim:", "wire": said_of, "timeout": "5s"})
    simulator = simulators.start(checked, transport="tcp", **simulators.load(driver).brisk)
    checked.connection = Url(simulator.url)
    said: list[tuple[str, bytes]] = []
    instrument = Instrument(checked, Stop(), lambda level, text: None, lambda *each: said.append(each))
    try:
        end = time.monotonic() + PATIENCE
        while instrument.readings < len(simulator.bands()):
            instrument.sample()
            assert time.monotonic() < end, instrument.detail
        assert instrument.state == "ok"
    finally:
        instrument.close()
        simulator.stop()
    sent, received = ([data for direction, data in said if direction == kind] for kind in "><")
    if wire == "addressed":
        assert all(data.startswith(said_of.get("prefix", "").encode()) for data in sent)
        assert all(data.endswith(b"\r") for data in sent if data != b"\x05")
        assert all(data.endswith(b"\n\r") for data in received)
    else:
        assert b"".join(received).endswith(b"\r\n> ")
