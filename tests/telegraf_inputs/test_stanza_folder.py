"""A program whose stanzas lie in a folder: instruments come, change and go there, and the others do not notice."""

from __future__ import annotations

import json
import os

import pytest

from tests.telegraf_inputs.test_several_instruments import Program, counting, counts


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "instruments"
    made.mkdir()
    return made


def put(folder, *configs):
    for config in configs:
        new = folder / f".{config['name']}"
        new.write_text(json.dumps(config))
        new.replace(folder / f"{config['name']}.yml")


@pytest.fixture
def program(folder, tmp_path):
    """A program that reads `one` and `two`."""
    put(folder, counting("one"), counting("two"))
    put(folder, {"name": "foreign", "driver": "scpi"}, counting("paced", trigger="stdin"))
    with Program(tmp_path, ["--config", str(folder)]) as running:
        running.further(["one", "two"])
        yield running


def undisturbed(program, name):
    """Tell whether every cycle of an instrument followed on the one before: its program counts them."""
    overruns = [line for line in program.log if f"[{name}]" in line]
    return not [line for line in overruns if line[:1] in "EW"] and "let go" not in " ".join(overruns)


def test_instruments_come_change_and_go(program, folder):
    assert set(program.cycles) == {"one", "two"}
    put(folder, counting("three"))
    program.further(["three", "one"])
    (folder / "two.yml").unlink()
    program.until(lambda: any("[two] stopped after" in line for line in program.log), "end of two")
    put(folder, counting("three", channels=5))
    program.until(lambda: any("[three] stopped after" in line for line in program.log), "end of the first three")
    before = program.cycles["three"], program.readings["three"]
    program.further(["three", "one"])
    cycles, readings = program.cycles["three"] - before[0], program.readings["three"] - before[1]
    assert readings > 4 * cycles  # five channels, and not two
    after = program.cycles["two"]
    program.further(["one"])
    assert program.cycles["two"] == after and undisturbed(program, "one")
    assert program.end() == 0
    for name in ("one", "two", "three"):
        made, dropped = counts(program.ledger, name)
        assert (made, dropped) == (program.readings[name], 0) and made


def test_a_mistake_leaves_all_as_it_was(program, folder):
    (folder / "two.yml").write_text("{name: two, driver: counting, mode: [")
    program.until(lambda: any(line.startswith("E!") and "two.yml" in line for line in program.log), "the mistake")
    program.further(["one", "two"])
    (folder / "three.yml").write_text(json.dumps(counting("three", mode="no_such_mode")))
    program.until(lambda: any("no_such_mode" in line for line in program.log), "the other mistake")
    put(folder, {**counting("one"), "label": "Another"})
    program.until(lambda: any("[one] stopped after" in line for line in program.log), "end of the first one")
    program.further(["one", "two"])
    assert "three" not in program.cycles


def test_two_files_are_not_one_instrument(program, folder):
    (folder / "copy.yml").write_text((folder / "one.yml").read_text())
    program.until(lambda: any("'one' is there already" in line for line in program.log), "the mistake")
    program.further(["one", "two"])
    assert undisturbed(program, "one")


def test_what_was_written_again_as_it_was_is_no_change(program, folder):
    put(folder, counting("one"))
    os.utime(folder / "two.yml")
    put(folder, counting("three"))
    program.further(["one", "two", "three"])
    assert undisturbed(program, "one") and undisturbed(program, "two")


def test_a_program_whose_instruments_are_all_gone_waits_for_others(program, folder):
    for name in ("one", "two"):
        (folder / f"{name}.yml").unlink()
    program.until(lambda: sum("stopped after" in line for line in program.log) == 2, "end of both")
    put(folder, counting("three"))
    program.further(["three"])
    assert program.end() == 0
