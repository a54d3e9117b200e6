"""A program whose Python is held up by something that burns a core ends by itself, and says where it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

DRIVER = """
import re
from telegraf_inputs import execd, watchdog
from telegraf_inputs.drivers.ds18b20 import DRIVER

class Burning(DRIVER):
    def identify(self):
        print("burning", flush=True)
        re.match(r"(a+)+b", "a" * 60)  # nobody's signal handler runs, and no other thread

watchdog.BURNT_SECONDS = 0.5
import telegraf_inputs.drivers.ds18b20 as module
module.DRIVER = Burning
"""


def test_it_ends_though_nothing_in_python_can_run(tmp_path: Path):
    (tmp_path / "x.yml").write_text(
        json.dumps(
            {
                "name": "x",
                "driver": "ds18b20",
                "connection": f"file://{tmp_path}",
                "channels": {"28-000000000001": None},
            }
        )
    )
    code = f"{DRIVER}\nexecd.main(Burning, ['--config', {str(tmp_path / 'x.yml')!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "burning\n"
    process.send_signal(signal.SIGTERM)  # it does not see it
    _, said = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGVTALRM
    assert "in identify" in said
