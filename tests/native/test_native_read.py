"""`labline read` of what Telegraf reads itself."""

from __future__ import annotations

import threading

import pytest

from labline import cli
from labline.stack import credentials
from tests.parts import modbus, mqtt, snmp

from .conftest import SECRETS, SITE


@pytest.fixture
def read(servers, tmp_path, capsys):
    """Read an instrument by hand; gives the status, and what was said."""
    file = tmp_path / "natives.yml"
    file.write_text(SITE.format(snmp=snmp, mqtt=mqtt, **vars(servers)), encoding="utf-8")
    folder = credentials.private_directory(tmp_path / "state" / "natives" / "secrets")
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)

    def run(name: str, *more: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main(["read", name, str(file), "--state", str(tmp_path / "state"), *more])
        return status, *capsys.readouterr()

    run.secrets = folder
    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ups", ("charge", "98.00 %", "voltage", "231.0 V")),
        ("plant", ("TT01 (CO₂ at the inlet)", "-42.25 °C", "running yes")),
        ("plc", ("tank level", "55.50 %", "filling")),
        ("gpus", ("left  load", "12 %")),
    ],
)
def test_what_the_device_says_is_shown(read, name, words):
    status, out, err = read(name)
    assert (status, err) == (0, ""), (out, err)
    assert "read by Telegraf itself" in out
    squeezed = " ".join(out.split())
    for word in words:
        assert " ".join(word.split()) in squeezed, out


def test_lines_are_those_that_a_lab_stores(read):
    _, out, _ = read("gpus", "--lines", "--count", "2")
    lines = [line.rpartition(" ")[0] for line in out.splitlines()]
    assert sorted(lines[:2]) == [
        'nvidia_smi,channel=left,instrument=gpus load=12i,status="ok"',
        'nvidia_smi,channel=right,instrument=gpus load=0i,status="ok"',
    ]
    assert len(lines) == 4


def test_messages_are_waited_for(read, servers):
    before = servers.broker.subscribers()
    stop = threading.Event()

    def publish():
        while not stop.wait(0.1):
            if servers.broker.subscribers() > before:
                servers.publish()
                return

    thread = threading.Thread(target=publish)
    thread.start()
    status, out, _ = read("esp")
    stop.set()
    thread.join()
    assert status == 0 and "21.50 °C" in out and "external         no" in out


def test_why_nothing_comes_is_told(read):
    (read.secrets / "plc").write_text("not-the-password")
    status, _, err = read("plc")
    assert status == 1 and err.startswith("plc does not answer: ") and "wrong user or password" in err
    (read.secrets / "plc").unlink()
    status, _, err = read("plc")
    assert status == 2 and "the password of 'plc' is missing" in err


def test_a_check_names_the_passwords_that_are_needed(read, tmp_path, capsys):
    assert cli.main(["check", str(tmp_path / "natives.yml")]) == 0
    said = capsys.readouterr().out
    assert "note: Telegraf needs these files in the folder of passwords: ups_auth, ups_privacy, broker, plc" in said


def test_it_is_simulated_without_its_password(read):
    (read.secrets / "ups_auth").unlink()
    status, out, _ = read("ups", "--simulate")
    assert status == 0 and "(simulated)" in out and "charge" in out


SERIAL = """\
site: serial
nodes: [{{name: daq}}]
instruments:
  - name: plant
    driver: modbus
    connection: serial://{port}?baudrate=19200
    byte_order: CDAB
    channels:
      TT01: {{read: {{temperature: {{address: 126, format: float32, unit: °C}}}}}}
      valve: {{read: {{open: {{register: coil, address: 1, unit: "", type: bool}}}}}}
"""


def test_modbus_is_read_over_a_serial_line(tmp_path, capsys):
    plant = modbus.SerialPlant(dict(zip((126, 127), modbus.swapped(-21.375), strict=True)), {0: False, 1: True})
    try:
        (tmp_path / "serial.yml").write_text(SERIAL.format(port=plant.line.other))
        status = cli.main(["read", "plant", str(tmp_path / "serial.yml"), "--state", str(tmp_path / "state")])
    finally:
        plant.stop()
    out, err = capsys.readouterr()
    assert (status, err) == (0, ""), (out, err)
    squeezed = " ".join(out.split())
    assert "TT01 temperature -21.38 °C ok" in squeezed and "valve open yes ok" in squeezed
