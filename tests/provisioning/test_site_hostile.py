"""A small site file that would keep a machine busy for ever, or end the program, is refused at once, with its line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LAB = """\
site: lab
nodes: [{name: pc}]
instruments:
- name: dmm
  driver: scpi
  connection: tcp://h:1
  channels:
    a:
      read: {voltage: {query: "V?", unit: UNIT, description: Voltage}}
      limits: {voltage: {warning: {above: LIMIT}}}
"""
FILES = {
    "a limit that is a calculation": (LAB.replace("UNIT", "V").replace("LIMIT", "0.95 9**9**9**9"), 10),
    "a unit that is a calculation": (LAB.replace("UNIT", "9**9**9**9").replace("LIMIT", "0.95 V"), 10),
    "a long unit": (LAB.replace("UNIT", "V" * 70_000).replace("LIMIT", "0.95 V"), 9),
    "a unit that is longer than any": (LAB.replace("UNIT", "V" * 100).replace("LIMIT", "0.95 V"), 9),
    "brackets": (LAB.replace("LIMIT", "[" * 30_000), 10),
    "a long misspelt key": (LAB + f"{'m' * 9_000}: 1\n", 11),
    "many misspelt keys": (LAB + "".join(f"k{n}: 1\n" for n in range(20_000)), None),
    "instruments by an alias": (
        "site: lab\nnodes: [{name: pc}]\nx: &x {" + ", ".join(f"k{n}: 1" for n in range(100)) + "}\n"
        f"y: &y [{', '.join(['*x'] * 100)}]\ninstruments: [{', '.join(['*y'] * 1000)}]\n",
        5,
    ),
}  # fmt: skip


LONGEST = 120  # seconds for all of them: only one that hangs takes so long
# Loads each file in a program of its own, which can be ended where a loop in C would hear no signal.
LOADING = """\
import json, pathlib, sys
from provisioning import site
from telegraf_inputs.errors import BadInput
for file in map(pathlib.Path, sys.argv[1:]):
    print(file.stem, end=" ", flush=True)
    try:
        site.load(file)
        print(json.dumps("it was taken"), flush=True)
    except BadInput as error:
        print(json.dumps(str(error)), flush=True)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of each file, by its name; one that hangs, or ends the program, has nothing."""
    folder = tmp_path_factory.mktemp("hostile")
    files = [folder / f"{number}.yml" for number in range(len(FILES))]
    for file, (text, _) in zip(files, FILES.values(), strict=True):
        file.write_text(text)
    command = [sys.executable, "-c", LOADING, *map(str, files)]
    try:
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LONGEST).stdout
    except subprocess.TimeoutExpired as error:
        printed = (error.stdout or b"").decode()
    words = dict(line.split(" ", 1) for line in printed.splitlines())
    return {what: words.get(file.stem, "") for what, file in zip(FILES, files, strict=True)}


@pytest.mark.parametrize("what", FILES)
def test_it_is_refused_at_once(said: dict[str, str], what: str):
    number, (_, line) = list(FILES).index(what), FILES[what]
    assert said[what], f"the program hung or ended at this file, or before: {said}"
    words = json.loads(said[what])
    assert f"{number}.yml:{line}: " in words or (line is None and words != "it was taken")
    assert max(map(len, words.splitlines())) < 1000
