"""What a killed run left running is waited for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labline.stack.errors import StackError
from labline.stack.partslock import PartsLock

# Takes the lock as a run does, hands it to a part, and is killed.
RUN = """
import os, pathlib, signal, sys
from labline.stack.partslock import PartsLock
from labline.stack.process import Process
folder = pathlib.Path(sys.argv[1])
lock = PartsLock(folder, print)
part = Process("part", ["sh", "-c", "trap '' TERM; echo ready; read line < fifo; echo $line > said; exit"], folder / "log", cwd=folder, lock=lock)
part.wait_ready(lambda: "ready" in part.output())
print(part.pid, flush=True)
sys.stdin.read()
"""


def test_the_next_run_waits_for_what_a_killed_one_left_and_names_it(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    said = []
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        part = int(run.stdout.readline())
        run.kill()
    with pytest.raises(StackError, match=rf"does not end: process {part} \(sh\)"):
        PartsLock(tmp_path, said.append, longest=1.2)
    assert said == [f"a run that was killed is still ending: process {part} (sh); waiting for it"]
    (tmp_path / "fifo").write_text("end\n")
    lock = PartsLock(tmp_path, said.append)
    assert (tmp_path / "said").read_text() == "end\n"
    lock.close()
    PartsLock(tmp_path, said.append).close()
