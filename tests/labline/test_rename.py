"""`labline rename`, as its user sees it: a lab of this machine, and the names that it refuses."""

from __future__ import annotations

import re

import pytest

from labline import cli

SITE = """\
site: renamed
nodes: [{name: here}]
instruments:
  - {name: NAME, driver: lakeshore_372, connection: "sim:", interval: 1s, channels: {"1": {}}}
"""


@pytest.fixture
def site(tmp_path):
    def write(name: str) -> str:
        (tmp_path / "lab.yml").write_text(SITE.replace("NAME", name))
        return str(tmp_path / "lab.yml")

    return write


def test_the_history_of_a_lab_of_this_machine(start, site, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = start(site("gauge"), "--duration", "4")
    assert run.end() == 0, run.text
    assert cli.main(["rename", "gauge", "pressure", site("pressure")]) == 0
    moved = re.search(
        r"(\d+) values of 'gauge' have the name 'pressure'; the old name is gone", capsys.readouterr().out
    )
    assert moved and int(moved[1]) > 10
    assert cli.main(["rename", "gauge", "pressure", site("pressure")]) == 0
    assert "nothing under the name 'gauge'" in capsys.readouterr().out
    # It was the lab's own database: a history that is left behind is told by the next run.
    run = start(site("other"))
    run.wait_for("instrument 'pressure' is no more in the site file")
    assert cli.main(["rename", "pressure", "other", site("other")]) == cli.FOUND
    assert "this site runs already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "b"], "has no 'b' that is an instrument; write the new name there first"),
        (["gauge", "gauge"], "'gauge' is still an instrument"),
        (["1", "2", "--channel-of", "gauge"], "has no '2' that is a channel of 'gauge'"),
        (["1", "1", "--channel-of", "gauge"], "'1' is still a channel of 'gauge'"),
        (["1", "2", "--channel-of", "gouge"], "has no instrument 'gouge'; did you mean 'gauge'?"),
    ],
)
def test_names_that_do_not_fit_the_file(arguments, said, site, capsys):
    assert cli.main(["rename", *arguments[:2], site("gauge"), *arguments[2:]]) == cli.WRONG_USE
    assert said in capsys.readouterr().err
