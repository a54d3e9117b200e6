"""All tests in two processes: what either finds is told, and none is left out."""

from __future__ import annotations

import pytest

from tools import suite


@pytest.mark.parametrize("fails", ["first", "second", ""])
def test_it_passes_where_both_pass(tmp_path, capfd, fails):
    for name in ("first", "second"):
        (tmp_path / f"test_{name}.py").write_text(f"def test_{name}(): assert {name != fails}\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    status = suite.both(["-v", "test_first.py"], ["-v", "test_second.py"], tmp_path)
    said = capfd.readouterr().out
    assert (status == 0) is (fails == "")
    for name in ("first", "second"):
        assert f"test_{name} {'FAILED' if name == fails else 'PASSED'}" in said
    assert said.index("test_first.py::") < said.index("test_second.py::")


def test_what_boots_machines_is_there():
    assert [path for path in suite.MACHINES if not (suite.ROOT / path).exists()] == []
