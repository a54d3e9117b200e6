"""The count of what Telegraf gathers of the instruments that it reads itself."""

from __future__ import annotations

import json
import subprocess
import sys

from telegraf_inputs.ledger import COUNT, DISCARDED
from telegraf_inputs.native_ledger import run


def point(instrument: str, channel: str, time_ns: int, measurement: str = "snmp", **fields: object) -> str:
    tags = {"instrument": instrument, "channel": channel, "host": "daq"}
    return json.dumps({"name": measurement, "tags": tags, "fields": fields, "timestamp": time_ns}) + "\n"


def noted(folder) -> dict[str, list[list[str]]]:
    return {
        file.name.rsplit(".", 2)[0]: [line.split() for line in file.read_text().splitlines()]
        for file in folder.iterdir()
        if not file.name.startswith(".")
    }


def test_each_field_of_a_quantity_is_a_reading(tmp_path):
    lines = [
        point("ups", "1", 20, a=1.5, b=2, status="ok"),
        point("ups", "1", 10, a=1.5, status="ok", clock="future"),
        point("ups", "2", 30, status="no_reading"),
        point("gpus", "left", 40, "nvidia_smi", load=1),
        *(json.dumps({"name": DISCARDED, "tags": {"instrument": name}, "fields": {COUNT: 2}}) for name in ("gpus", "gpus", "esp")),
    ]  # fmt: skip
    run(lines, tmp_path)
    assert noted(tmp_path) == {
        "ups": [["0", "0", "0", "0"], ["3", "10", "20", "snmp", "1"], ["0", "30", "30", "snmp", "2"]],
        "gpus": [["0", "0", "0", "4"], ["1", "40", "40", "nvidia_smi", "left"]],
        "esp": [["0", "0", "0", "2"]],
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


def test_what_a_broker_says_again_to_a_telegraf_that_was_started_anew_is_counted_once(tmp_path):
    """It is the same point in the database. Without a time of its own it is another one, of its arrival."""
    retained = point("e", "door", 10, "mqtt", open=True, status="ok")
    run(
        [point("e", "door", 9, "mqtt", open=False, status="ok"), retained, point("e", "air", 10, "mqtt", t=1.5)],
        tmp_path,
    )
    again = retained.replace('"ok"', '"bad_answer"')  # another quantity of its channel may have been wrong meanwhile
    for _ in range(2):
        run([again], tmp_path)
    later = [
        point("e", "door", 10, "mqtt", open=False),
        point("e", "door", 11, "mqtt", open=True),
        point("e", "air", 11, "mqtt", t=1.5),
    ]
    run([again, *later], tmp_path)
    files = [file.read_text() for file in tmp_path.iterdir() if not file.name.startswith(".")]
    counts = sorted(line.split()[0] for file in files for line in file.splitlines()[1:])
    assert counts == ["1", "1", "2", "2"], "door and air, before and after"


def test_a_list_of_points_that_can_not_be_read_is_none(tmp_path):
    (tmp_path / ".e.newest").write_text("[torn")
    run([point("e", "door", 10, "mqtt", open=True)], tmp_path)
    assert noted(tmp_path)["e"][1] == ["1", "10", "10", "mqtt", "door"]
