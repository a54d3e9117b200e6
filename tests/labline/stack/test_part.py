"""What is told of a program that can't be run."""

from __future__ import annotations

import pytest

from labline.stack import part
from labline.stack.errors import Unavailable


@pytest.mark.parametrize(("content", "told"), [
    ("no program", "Exec format error"),
    ("#!/bin/sh\nexec sleep 1000", "no answer to `tool version` in 0.1 s"),
    ("#!/bin/sh\nprintf '\\377'", "its answer is no text"),
    (None, "No such file or directory"),
])  # fmt: skip
def test_a_program_that_does_not_run_is_told_in_words(tmp_path, monkeypatch, content, told):
    if "no answer" in told:
        monkeypatch.setattr(part, "SECONDS", 0.1)
    program = tmp_path / "tool"
    if content is not None:
        program.write_text(content)
        program.chmod(0o755)
    with pytest.raises(Unavailable) as caught:
        part.output(program, "version")
    assert str(caught.value) == f"{program} does not run: {told}"
