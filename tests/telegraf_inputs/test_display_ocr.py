"""display_ocr: what a stanza may say of displays, what a large picture costs, displays of text."""

from __future__ import annotations

import io
import os
import shutil
import time

import pytest
from PIL import Image, ImageDraw, ImageFont

from labline.stack import debian
from telegraf_inputs import stanza
from telegraf_inputs.drivers import _display_text
from telegraf_inputs.drivers.display_ocr import DisplayOcr
from telegraf_inputs.errors import BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.simulators.display_ocr import DisplayOcrSimulator as DisplaySimulator
from telegraf_inputs.stop import Stop
from tests.parts import displays


def config(**keys) -> dict:
    channel = {"form": "88.8", "region": [100, 100, 200, 80], "read": {"t": {"unit": "K"}}}
    whole = {"name": "d", "driver": "display_ocr", "connection": "http://127.0.0.1/a.jpg"}
    return {**whole, "channels": {"c": {**channel, **keys}}}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"form": "9.9"}, "expected the form of the display"),
        ({"form": "text"}, "pattern: is missing, for a text"),
        ({"pattern": "x"}, "pattern: is for a text"),
        ({"form": "text", "pattern": "("}, "is no regular expression"),
        ({"region": [1, 2, 3]}, "region: found [1, 2, 3], expected [left, top, width, height]"),
        ({"region": [1, 2, 300, 10]}, "expected digits of 16 pixels' height or more"),
        ({"region": [1, 2, 0, 50]}, "expected digits"),
        ({"region": [[0, 0], [9, 0], [0, 9], [9, 9]]}, "do not go round a display"),
        ({"region": [[0, 0], [0, 50], [90, 50], [90, 0]]}, "do not go round a display"),  # a mirror
        ({"region": [[0, 0], [9, 0], [18, 0], [0, 9]]}, "do not go round a display"),
        ({"region": [[0, 0], [90, 0], [90, 50], [0, 50]], "tilt": 3}, "leave out tilt and slant"),
        ({"region": [True, 0, 90, 50]}, "found [True, 0, 90, 50]"),
        ({"slant": 60}, "slant: found 60, expected -45 to 45"),
        ({"form": "1"}, "expected the form of the display"),
        ({"gap": -1}, "gap: found -1, expected 0 to 2"),
        ({"also": [5]}, "also: found 5, expected some of 6, 7, 9"),
        ({"read": {"t": {"unit": "K"}, "u": {"unit": "K"}}}, "read: names 2 quantities, expected one"),
    ],
)
def test_what_is_declared_wrongly_is_told(keys, said):
    with pytest.raises(BadInput) as told:
        stanza.check(config(**keys))
    assert said in str(told.value)


def test_a_box_is_turned_and_leans():
    checked = stanza.check(config(tilt=90, slant=45))
    (display,) = DisplayOcr(checked, None).displays
    expected = ((100, 180), (100, 300), (20, 220), (20, 100))
    for corner, should in zip(display.corners, expected, strict=True):
        assert corner == pytest.approx(should)


def test_a_large_picture_is_decoded_as_small_as_its_digits_allow():
    """12 megapixels with digits of hundreds of pixels: a quarter of its width and height, or less, is enough."""
    drawn = next(each for each in displays.many(40, 3) if each.kind == "clean" and each.lit == "bright")
    by = 2400 / drawn.grey.height
    large = Image.new("L", (4000, 3000), 30)
    large.paste(drawn.grey.resize((min(4000, round(drawn.grey.width * by)), 2400), Image.Resampling.BICUBIC), (0, 300))
    data = io.BytesIO()
    large.save(data, "JPEG", quality=90)
    region = [[x * by, y * by + 300] for x, y in drawn.corners]
    keys = {"form": drawn.form, "region": region, "gap": drawn.gap, "read": {"t": {"unit": ""}}}
    reader = DisplayOcr(stanza.check(config(**keys)), None)
    (display,) = reader.displays
    picture = reader.decoded(data.getvalue())
    assert picture.mode == "L" and picture.width <= 1000
    assert reader.see(display, picture).text == drawn.texts[0]


def written(text: str) -> Image.Image:
    picture = Image.new("L", (700, 200), 235)
    ImageDraw.Draw(picture).text((120, 70), text, 20, ImageFont.load_default(48))
    picture.info["labline_size"] = picture.size
    return picture


TEXT = {"form": "text", "region": [110, 66, 320, 64], "lit": "dark", "pattern": r"P = (\d\.\d) bar"}


def test_text_is_read_by_tesseract(tmp_path, monkeypatch):
    if not shutil.which(_display_text.PROGRAM):
        root = debian.unpack("tesseract-ocr")
        libraries = ("libtesseract5", "liblept5", "libarchive13", "libgif7", "libopenjp2-7", "libwebpmux3")
        folders = {str(f.parent) for name in libraries for f in debian.unpack(name).rglob("*.so.*")}
        data = next(debian.unpack("tesseract-ocr-eng").rglob("eng.traineddata")).parent
        monkeypatch.setenv("PATH", f"{root}/usr/bin")
        monkeypatch.setenv("LD_LIBRARY_PATH", ":".join(sorted(folders)))
        monkeypatch.setenv("TESSDATA_PREFIX", str(data))
    reader = DisplayOcr(stanza.check(config(**TEXT)), None)
    (display,) = reader.displays
    seen = reader.see(display, written("P = 2.5 bar"))
    assert (seen.number, seen.status) == (2.5, "ok"), seen
    assert reader.see(display, written("LEAK")).number is None
    assert reader.see(display, written("")).status in ("blank", "unsure")


def test_text_without_tesseract_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = DisplayOcr(stanza.check(config(**TEXT)), None)
    seen = reader.see(reader.displays[0], written("P = 2.5 bar"))
    assert seen.status == "no_program" and "apt install tesseract-ocr" in seen.detail


def test_tesseract_that_hangs_ends_at_the_timeout(monkeypatch, tmp_path):
    program = tmp_path / _display_text.PROGRAM
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    reader = DisplayOcr(stanza.check({**config(**TEXT), "timeout": "200ms"}), None)
    seen = reader.see(reader.displays[0], written("P = 2.5 bar"))
    assert seen.status == "no_answer" and "0.2 s" in seen.detail


def test_of_files_two_in_a_row_must_say_the_same_and_old_ones_are_told(tmp_path):
    data = {**config(form="888", region=[100, 100, 152, 80]), "connection": f"file://{tmp_path}", "timeout": "1s"}
    checked = stanza.check({**data, "frozen": 2})
    simulated = DisplaySimulator(checked)
    instrument = Instrument(checked, Stop(), lambda *_: None)

    def sampled(number: int, shows: str = "") -> list:
        if shows:
            simulated.shows["c"] = shows
            (tmp_path / f"{number}.jpg").write_bytes(simulated.picture())
            os.utime(tmp_path / f"{number}.jpg", ns=(number, number))
        return [
            (p.timestamp, p.values.get("t"), p.values["status"]) for p in instrument.sample() if "status" in p.values
        ]

    try:
        assert sampled(1, "123") == []
        assert sampled(2, "123") == [(2, 123.0, "ok")]
        assert sampled(2) == [], "there is no new one"
        ((when, value, status),) = sampled(2)
        assert (value, status) == (None, "frozen") and when > time.time_ns() - 60 * 10**9
        assert sampled(3, "124") == [(3, None, "changing")]
        assert sampled(4, "124") == [(4, 124.0, "ok")]
    finally:
        instrument.close()
