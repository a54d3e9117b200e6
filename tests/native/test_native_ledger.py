"""The count of what Telegraf gathers of the instruments that it reads itself."""

from __future__ import annotations

import json
import subprocess
import sys

from telegraf_inputs.native_ledger import run


def point(instrument: str, channel: str, time_ns: int, measurement: str = "snmp", **fields: object) -> str:
    tags = {"instrument": instrument, "channel": channel, "host": "daq"}
    return json.dumps({"name": measurement, "tags": tags, "fields": fields, "timestamp": time_ns}) + "\n"


def noted(folder) -> dict[str, list[list[str]]]:
    return {
        file.name.rsplit(".", 2)[0]: [line.split() for line in file.read_text().splitlines()]
        for file in folder.iterdir()
    }


def test_each_field_of_a_quantity_is_a_reading(tmp_path):
    lines = [
        point("ups", "1", 20, a=1.5, b=2, status="ok"),
        point("ups", "1", 10, a=1.5, status="ok", clock="future"),
        point("ups", "2", 30, status="no_reading"),
        point("gpus", "left", 40, "nvidia_smi", load=1),
    ]
    run(lines, tmp_path)
    assert noted(tmp_path) == {
        "ups": [["0", "0", "0", "0"], ["3", "10", "20", "snmp", "1"], ["0", "30", "30", "snmp", "2"]],
        "gpus": [["0", "0", "0", "0"], ["1", "40", "40", "nvidia_smi", "left"]],
    }


def test_the_program_ends_with_its_input_and_has_counted_all(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "telegraf_inputs.native_ledger"],
        input="".join(point("ups", "1", n, a=n) for n in range(10_000)),
        env={"LABLINE_LEDGER": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert noted(tmp_path)["ups"][1] == ["10000", "0", "9999", "snmp", "1"]
