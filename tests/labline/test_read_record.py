"""A dialogue that `labline read` records plays back as a case: the same points come of the same bytes."""

from __future__ import annotations

import json
import re

import pytest

from labline import cli, recording
from provisioning import site as sites
from telegraf_inputs import drivers
from telegraf_inputs.instrument import Instrument
from tests.telegraf_inputs.test_cases import play


def site_of(tmp_path, **stanza):
    """Write a site file with one instrument."""
    file = tmp_path / "lab.yml"
    data = {"site": "lab", "nodes": [{"name": "pc"}], "instruments": [stanza]}
    file.write_text(json.dumps(data), encoding="utf-8")
    return str(file)


def record(tmp_path, *arguments, **stanza):
    """Record a case; returns its folder and the exit status."""
    folder = tmp_path / "cases" / "recorded"
    site = site_of(tmp_path, **stanza)
    return folder, cli.main(["read", stanza["name"], site, "--record", str(folder), *arguments])


CHANNELS = {"1": {"read": {"voltage": {"query": "MEAS:VOLT?", "unit": "V"}}}}
GAUGE = {
    "name": "gauge",
    "driver": "pfeiffer_tpg",
    "connection": "sim:?transport=tcp",
    "model": "tpg262",
    "interval": "300ms",
    "timeout": "100ms",
}


def before_cycle(monkeypatch, number, act):
    """Do something to the instrument before one of its cycles."""
    sample, cycles = Instrument.sample, []

    def sample_after_it(instrument):
        cycles.append(1)
        if len(cycles) == number:
            act(instrument)
        return sample(instrument)

    monkeypatch.setattr(Instrument, "sample", sample_after_it)


@pytest.mark.parametrize(
    ("stanza", "said"),
    [
        ({"driver": "pfeiffer_tpg", "connection": "sim:?transport=tcp", "model": "tpg262"}, ">> \\x05"),
        ({"driver": "pfeiffer_tpg", "connection": "sim", "model": "tpg366"}, "> AYT"),
        ({"driver": "scpi", "channels": CHANNELS}, "> *IDN?"),
        ({"driver": "lakeshore_372", "connection": "sim:?transport=serial", "channels": {"1": {}, "A": {}}}, "> SCAN?"),
        ({"driver": "thermistor_adcpi", "channels": {"1": {}, "5": {}}}, "> 0x69 8c"),
        ({"driver": "julabo", "channels": {"bath": {}, "circulator": {}}, "timeout": "1s"}, "> VERSION"),
    ],
    ids=lambda part: part["driver"] if isinstance(part, dict) else "",
)
def test_a_recorded_dialogue_plays_as_it_was(stanza, said, tmp_path, monkeypatch, capsys):
    folder, status = record(
        tmp_path, "--count", "3", "--lines", **{"name": "it", "connection": "sim", "interval": "500ms", **stanza}
    )
    told = capsys.readouterr()
    assert status == 0 and "a case of 3 cycles" in told.err, told.err
    transcript = (folder / "transcript").read_text()
    assert said in transcript.splitlines() and transcript.count("---") == 2
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == []
    assert text == (folder / "expected.lp").read_text()
    printed = [re.sub(r"read_seconds=[^,]*,| \d+$", "", line) for line in told.out.splitlines()]
    assert [line for line in text.splitlines() if not line.startswith("# ")] == printed


@pytest.mark.parametrize("fault", ["silent", "truncated", "over_range", "doubled", "garbage", "late"])
def test_what_goes_wrong_is_recorded_too(fault, tmp_path, monkeypatch, capsys):
    before_cycle(monkeypatch, 2, lambda instrument: setattr(instrument.simulator, "fault", fault))
    folder, status = record(tmp_path, "--count", "3", **GAUGE)
    assert status == 1
    monkeypatch.undo()
    expected = (folder / "expected.lp").read_text()
    assert expected.count('state="ok"') == 1 and expected.count("# cycle") == 3
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == [] and text == expected


def test_a_connection_that_is_closed_ends_the_recording(tmp_path, monkeypatch, capsys):
    def pull(instrument):
        instrument.simulator.fault = "disconnect"
        while instrument.simulator._end._listener is not None:
            pass

    before_cycle(monkeypatch, 3, pull)
    folder, status = record(tmp_path, "--count", "9", **GAUGE)
    monkeypatch.undo()
    assert "! closed" in (folder / "transcript").read_text()
    assert status == 1 and "nothing is said any more; the recording ends here" in capsys.readouterr().err
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == [] and text == (folder / "expected.lp").read_text()


def test_what_is_said_is_traced(tmp_path, capsys):
    site = site_of(tmp_path, name="gauge", driver="pfeiffer_tpg", connection="sim", model="tpg262")
    assert cli.main(["read", "gauge", site, "--trace"]) == 0
    said = re.findall(r"^  \d\d:\d\d:\d\d\.\d{3} ([<>]) (.*)$", capsys.readouterr().err, re.M)
    assert (">", r"b'PRX\r'") in said and (">", r"b'\x05'") in said and ("<", r"b'\x06\r\n'") in said


def test_files_play_back_what_was_in_them(tmp_path, monkeypatch):
    keys = {"channels": {"28-0316a2795f1c": {}, "28-0416b31c44ff": {}}, "interval": "50ms"}

    def tear(instrument):
        instrument.simulator.faulty = {"28-0316a2795f1c": "truncated", "28-0416b31c44ff": "silent"}
        instrument.simulator._write()

    def pull(instrument):
        instrument.simulator.fault = "disconnect"
        instrument.simulator._write()

    before_cycle(monkeypatch, 2, tear)
    before_cycle(monkeypatch, 3, pull)
    folder, status = record(tmp_path, "--count", "3", name="fridge", driver="ds18b20", connection="sim", **keys)
    assert status == 1
    transcript = (folder / "transcript").read_text()
    assert transcript.startswith("28-0316a2795f1c/w1_slave\n  ") and "YES\n" in transcript and "\\\n" in transcript
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == [] and text == (folder / "expected.lp").read_text()
    assert text.count("temperature=") == 2 and "garbled" in text and "disconnected" in text


def test_what_speaks_neither_text_nor_files_has_no_dialogue(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(drivers.load("phidget"), "in_words", lambda channel: False)
    keys = {"channels": {"room": {"class": "HumiditySensor"}}}
    folder, status = record(tmp_path, name="room", driver="phidget", connection="sim", **keys)
    assert status == 2 and not folder.parent.exists()
    assert "there is no dialogue to record: driver 'phidget' neither speaks over a line of text, or in words" in (
        capsys.readouterr().err
    )


def test_what_does_not_say_all_is_not_recorded(tmp_path, capsys):
    keys = {"channels": {"room": {"class": "HumiditySensor"}, "wheel": {"class": "Encoder"}}}
    folder, status = record(tmp_path, name="room", driver="phidget", connection="sim", **keys)
    assert status == 2 and not folder.parent.exists()
    assert "what is said of wheel does not tell all that is read of it" in capsys.readouterr().err


def test_what_is_there_is_not_overwritten(tmp_path, capsys):
    kept = tmp_path / "cases" / "recorded" / "transcript"
    kept.parent.mkdir(parents=True)
    kept.write_text("> mine")
    _, status = record(tmp_path, name="gauge", driver="pfeiffer_tpg", connection="sim", model="tpg262")
    assert status == 2 and "is there already" in capsys.readouterr().err and kept.read_text() == "> mine"


def test_where_nobody_answers_nothing_is_written(tmp_path, capsys):
    folder, status = record(
        tmp_path, name="gauge", driver="pfeiffer_tpg", model="tpg262", connection="tcp://127.0.0.1:1"
    )
    assert status == 2 and "nothing was said" in capsys.readouterr().err and not folder.exists()


def test_whoever_has_seen_enough_keeps_the_whole_cycles(tmp_path, monkeypatch, capsys):
    def press_ctrl_c(_):
        raise KeyboardInterrupt

    before_cycle(monkeypatch, 3, press_ctrl_c)
    folder, status = record(tmp_path, "--count", "5", **GAUGE)
    assert status == 130 and (folder / "expected.lp").read_text().count("# cycle") == 2
    monkeypatch.undo()
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == [] and text == (folder / "expected.lp").read_text()


def test_a_password_that_was_said_is_not_kept(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("opensesame\n")
    site = site_of(tmp_path, name="gauge", driver="pfeiffer_tpg", connection="tcp://127.0.0.1:1", model="tpg262")
    entry = sites.load(site).instruments[0]
    entry.stanza.options["password_file"] = str(secret)
    recorder = recording.Recorder(tmp_path / "case", entry)
    recorder.begin()
    recorder.tap(">", b"LOGIN opensesame\r")
    recorder._expected.append("# cycle 1\n")
    with pytest.raises(recording.BadInput, match="the password in .* was said; .* is not written") as refused:
        recorder.write(entry.stanza.connection)
    assert "opensesame" not in str(refused.value) and not list(tmp_path.glob("*case*"))


@pytest.mark.parametrize("data", [b" a  ", b"\\x41\t\xff\x00", b"#", b"", b"\x85\x0b", bytes(range(256))])
def test_every_byte_can_be_written(data):
    from tests.telegraf_inputs.test_cases import ESCAPE, ESCAPED, STEP

    lines = list(recording._said(">", data + b"\r", b"\r"))
    assert all(len(line.splitlines()) == 1 for line in lines)
    read = b""
    for line in lines:
        kind, text = STEP.match(line).groups()
        read += ESCAPE.sub(lambda m: ESCAPED[m[2]] if m[2] else bytes([int(m[1], 16)]), text.encode("latin-1"))
        read += b"\r" if kind == ">" else b""
    assert read == data + b"\r"


def test_messages_without_an_end_play_as_lines(tmp_path):
    """A VISA instrument's answer ends where its message does; a case is played over a socket."""
    site = site_of(tmp_path, name="supply", driver="scpi", connection="tcp://127.0.0.1:1", channels=CHANNELS)
    recorder = recording.Recorder(tmp_path / "case", sites.load(site).instruments[0])
    recorder._messages = True
    recorder.begin()
    for direction, data in ((">", b"*IDN?\n"), ("<", b"MAKER,MODEL\n"), (">", b"MEAS:VOLT?\n"), ("<", b"1.5")):
        recorder.tap(direction, data)
    assert list(recorder._transcript()) == ["> *IDN?", "< MAKER,MODEL", "> MEAS:VOLT?", "< 1.5"]
