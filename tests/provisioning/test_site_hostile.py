"""A small site file that would keep a machine busy for ever, or end the program, is refused at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning import site
from telegraf_inputs.errors import BadInput

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


@pytest.mark.parametrize("what", FILES)
def test_it_is_refused_at_once(tmp_path: Path, what: str):
    text, line = FILES[what]
    file = tmp_path / "site.yml"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        site.load(file)
    said = str(caught.value)
    assert f"{file}:{line}: " in said or line is None
    assert max(map(len, said.splitlines())) < 1000
