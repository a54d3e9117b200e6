"""labline calibrate-display: what is declared is drawn into a picture, and it says what is read and why not."""

from __future__ import annotations

import io

import pytest
import yaml
from PIL import Image

from labline import cli
from telegraf_inputs import stanza
from telegraf_inputs.drivers.display_ocr import DisplayOcr
from telegraf_inputs.simulators.display_ocr import DisplayOcrSimulator
from tests import outside


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return outside.site(tmp_path / "my-lab.yml", DisplayOcr.example)


def colours(file) -> set[tuple[int, ...]]:
    return {colour for _, colour in Image.open(file).getcolors(1_000_000)}


def test_draws_what_is_read(site, capsys):
    assert cli.main(["calibrate-display", "gauge", str(site), "--simulate"]) == 0
    said = capsys.readouterr().out
    assert "foreline: reads '1.5E-5', 1.5e-05 mbar, with a confidence of 9" in said and "`contrast: 1" in said
    drawn = colours("gauge.png")
    assert {(0, 230, 0), (60, 120, 255), (220, 200, 0)} <= drawn and (255, 40, 40) not in drawn


def test_says_why_nothing_is_read(site, capsys):
    (site.parent / "taken.jpg").write_bytes(
        DisplayOcrSimulator(stanza.check(yaml.safe_load(DisplayOcr.example))).picture()
    )
    site.write_text(site.read_text().replace("region: [160, 300, 300, 80]", "region: [176, 312, 300, 80]"))
    assert cli.main(["calibrate-display", "gauge", str(site), "--picture", "taken.jpg", "--to", "seen.png"]) == 1
    said = capsys.readouterr().out
    assert "bath: reads nothing, unsure: " in said and "foreline: reads '1.5E-5'" in said
    assert (255, 40, 40) in colours("seen.png")


def test_takes_a_picture_that_is_there(site, tmp_path, capsys):
    data = io.BytesIO()
    Image.new("L", (640, 480), 20).save(data, "PNG")
    (tmp_path / "dark.png").write_bytes(data.getvalue())
    assert cli.main(["calibrate-display", "gauge", str(site), "--picture", "dark.png"]) == 1
    assert "foreline: reads nothing, blank" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["bath"], "there is no instrument 'bath' of driver display_ocr"),
        (["gauge", "--picture", "none.png"], "none.png can't be read: No such file"),
        (["gauge", "--picture", "my-lab.yml"], "gauge: no picture came"),
        (["gauge", "--to", "nowhere/a.png"], "there is no folder"),
        (["gauge"], "gauge: "),  # nobody is at that address
    ],
)
def test_what_can_not_be_done_is_said(site, asked, said, capsys):
    site.write_text(site.read_text().replace("192.168.1.60", "127.0.0.1:9"))
    name, *more = asked
    assert cli.main(["calibrate-display", name, str(site), *more]) == 2
    assert said in capsys.readouterr().err
    assert not list(site.parent.glob("*.png"))
