"""Pictures: whole or refused, measured with little memory, kept within what was agreed."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from telegraf_inputs import drivers, opening, simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers._picture_folder import PictureFolder
from telegraf_inputs.drivers._pictures import MOST_PIXELS_WHOLE, whole
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.parts import packages

NOON = 1_700_000_000_000_000_000  # ns: 2023-11-14 22:13:20 UTC
HOUR, DAY = 3600 * 10**9, 86400 * 10**9  # ns
MB = 10**6
MEMORY = 40 * 1024  # kB (PSS), of a program that looks at 12 megapixels


def encoded(image: Image.Image, kind: str = "JPEG", **how) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **how)
    return data.getvalue()


def room(size=(320, 240), seed: int = 1) -> Image.Image:
    """Draw something with edges and noise."""
    noise = Image.frombytes(
        "L", (size[0] // 8, size[1] // 8), random.Random(seed).randbytes(size[0] // 8 * (size[1] // 8))
    )
    return ImageChops.add(Image.linear_gradient("L").resize(size), noise.resize(size).point(lambda v: v // 8)).convert(
        "RGB"
    )


@pytest.mark.parametrize(("kind", "named"), [("JPEG", "jpg"), ("PNG", "png")])
def test_brightness_contrast_and_difference_are_those_of_the_picture(kind, named):
    half = Image.new("L", (640, 480), 51)
    half.paste(153, (0, 0, 320, 480))
    found, grey = whole(encoded(half, kind)), whole(encoded(Image.new("L", (640, 480), 102), kind))
    assert (found.kind, found.width, found.height) == (named, 640, 480)
    assert found.brightness == pytest.approx(40.0, abs=0.2) and grey.brightness == pytest.approx(40.0, abs=0.2)
    assert found.contrast == pytest.approx(20.0, abs=0.3) and grey.contrast == pytest.approx(0.0, abs=0.1)
    assert found.difference(grey) == pytest.approx(20.0, abs=0.3) and found.difference(found) == 0.0


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_blocks": 4}])
def test_a_jpeg_that_ends_too_early_is_torn_wherever_it_does(how):
    data = encoded(room(), **how)
    whole(data)
    for end in range(0, len(data) - 1, max(1, len(data) // 300)):
        with pytest.raises(BadAnswer):
            whole(data[:end])


def test_a_png_that_is_torn_or_damaged_is_refused():
    data = encoded(room(), "PNG")
    for end in range(0, len(data) - 1, len(data) // 200):
        with pytest.raises(BadAnswer):
            whole(data[:end])
    middle = len(data) // 2
    with pytest.raises(BadAnswer):
        whole(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :])


@pytest.mark.parametrize(
    "data", [b"", b"<html>Login</html>", b"\xff\xd8\xff\xd9", b"GIF89a" + 100 * b"\0", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(BadAnswer, match="no picture came|torn"):
        whole(data)


def test_what_would_fill_the_memory_is_refused_before_it_is_decoded():
    side = int(MOST_PIXELS_WHOLE**0.5) + 1
    for how in ({"kind": "PNG"}, {"progressive": True}):
        with pytest.raises(BadAnswer, match="let the camera make"):
            whole(encoded(Image.new("L", (side, side)), **how))
    with pytest.raises(BadAnswer, match="at most 64 million"):
        whole(encoded(Image.new("L", (10_000, 7_000))))
    with pytest.raises(BadAnswer, match="too large"):
        whole(encoded(Image.new("1", (20_000, 20_000)), "PNG"))
    with pytest.raises(BadAnswer, match="16 bits"):
        whole(encoded(Image.new("I;16", (10, 10)), "PNG"))


def test_the_largest_pictures_cost_little_memory(tmp_path):
    wide = int(MOST_PIXELS_WHOLE**0.5) - 1
    files = {
        "12 megapixels": encoded(room((4056, 3040))),
        "progressive": encoded(room((wide, wide)), progressive=True),
        "PNG": encoded(room((wide, wide)), "PNG", compress_level=1),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        code = (
            "import sys; from telegraf_inputs.drivers import camera, _pictures; import telegraf_inputs.execd\n"
            "data = open(sys.argv[1], 'rb').read()\n"
            "for _ in range(3): _pictures.whole(data)\n"
            "all_of_it = _pictures.opened(data, _pictures.THUMB)\n"
            "print(next(line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('Pss:')))"
        )
        told = subprocess.run([sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=True)
        print(name, told.stdout)
        assert int(told.stdout) < MEMORY, name


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    """Give the path of a program, of other people's making, that makes pictures as cameras do, and serves them."""
    (program,) = packages.folder("ffmpeg").glob("imageio_ffmpeg/binaries/ffmpeg-*")
    return str(program)


GREY = ["-f", "lavfi", "-i", "color=c=0x666666:s=640x360", "-frames:v", "1"]
MOVING = ["-f", "lavfi", "-i", "testsrc2=s=4056x3040,noise=alls=20", "-frames:v", "1"]
JPEG, PNG = ["-f", "mjpeg"], ["-f", "image2pipe", "-c:v", "png"]


@pytest.mark.parametrize("form", [JPEG, PNG])
def test_pictures_of_another_program_are_read(ffmpeg, form):
    instrument = camera(connection=f"command://{ffmpeg}", arguments=[*GREY, *form, "-"], timeout="30s")
    point, own = sample(instrument)
    instrument.close()
    assert point["status"] == "ok" and point["brightness"] == pytest.approx(40.0, abs=1.5) and own["up"] == 1


def test_a_picture_that_another_program_serves_is_read(ffmpeg):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/cam"
    instrument = camera(connection=url, timeout="30s")
    with subprocess.Popen([ffmpeg, "-v", "error", *MOVING, *JPEG, "-listen", "1", url]) as serving:
        try:
            deadline = time.monotonic() + 30
            while len(found := sample(instrument)) == 1:  # it does not listen yet
                assert time.monotonic() < deadline and serving.poll() is None
                time.sleep(0.05)
        finally:
            instrument.close()
            serving.kill()
    assert found[0]["status"] == "ok" and found[0]["size"] > 300_000 and found[0]["contrast"] > 5


def camera(*, folder: str = "", **keys) -> Instrument:
    found = {"name": "door", "driver": "camera", "channels": {"picture": {"folder": folder} if folder else {}}, **keys}
    return Instrument(stanzas.check(found), Stop(), lambda level, text: None)


def sample(instrument: Instrument) -> list[dict]:
    return [point.values for point in instrument.sample()]


def test_a_camera_keeps_its_pictures_and_tells_where(tmp_path):
    stanza = stanzas.check({"name": "door", "driver": "camera", "connection": "sim:", "channels": {"picture": {}}})
    simulator = simulators.start(stanza)
    folder = tmp_path / "door"
    try:
        # By another path: as a camera's own.
        instrument = camera(folder=str(folder), connection=simulator.url.replace("/simulated/", "/"))
        (first, _), (second, _) = sample(instrument), sample(instrument)
        assert (folder / second["path"]).stat().st_size == second["size"] and first["path"] != second["path"]
        assert json.loads((folder / "index.json").read_text())["pictures"] == [second["path"], first["path"]]
        assert 0 < second["difference"] < 10
        simulator.sees = "frozen"
        (frozen, _) = sample(instrument)
        simulator.sees, simulator.fault = "", "truncated"
        (torn, _) = sample(instrument)
        assert frozen == {"status": "frozen"} and torn == {"status": "torn"}
        assert len(pictures(folder)) == 2, "only those that tell something are kept"
        simulator.fault = None
        folder.rename(tmp_path / "away")
        folder.write_text("a file")
        (point, _) = sample(instrument)
        assert point["status"] == "not_kept" and "path" not in point and point["brightness"] > 0
        folder.unlink()
        (point, _) = sample(instrument)
        assert point["status"] == "ok" and (folder / point["path"]).exists()
        instrument.close()
    finally:
        simulator.stop()


def test_simulated_pictures_do_not_meet_those_of_the_camera_and_need_no_password(tmp_path):
    """Whether the simulator is in this program, or in one beside it."""
    beside = simulators.start(
        stanzas.check({"name": "d", "driver": "camera", "connection": "sim:", "channels": {"picture": {}}})
    )
    secret = {"user": "viewer", "password_file": str(tmp_path / "missing")}
    try:
        for number, connection in enumerate(("sim:", beside.url)):
            folder = tmp_path / str(number)
            instrument = camera(folder=str(folder), connection=connection, arguments=["-n"], **secret)
            (point, _) = sample(instrument)
            instrument.close()
            assert os.listdir(folder) == ["simulated"]
            assert (folder / point["path"]).stat().st_size == point["size"]
    finally:
        beside.stop()


def test_the_newest_file_is_read_with_the_time_at_which_it_was_written(tmp_path):
    (tmp_path / "old.jpg").write_bytes(encoded(Image.new("L", (64, 48), 255)))
    (tmp_path / "new.JPG").write_bytes(encoded(Image.new("L", (64, 48), 51)))
    for name in ("newest.txt", ".newest.jpg"):
        (tmp_path / name).write_text("no picture")
    os.utime(tmp_path / "old.jpg", ns=(NOON, NOON))
    os.utime(tmp_path / "new.JPG", ns=(NOON + 1, NOON + 1))
    for place in (tmp_path, tmp_path / "new.JPG"):
        instrument = camera(connection=f"file://{place}", frozen=3)
        (point, _), second, (third, _) = instrument.sample(), instrument.sample(), instrument.sample()
        assert (point.timestamp, point.values["status"]) == (NOON + 1, "ok")
        assert point.values["brightness"] == pytest.approx(20.0, abs=0.5)
        assert len(second) == 1 and second[0].values["up"], "there is no new one"
        assert third.values == {"status": "frozen"} and third.timestamp > NOON + DAY
        instrument.close()


def test_a_file_that_is_being_written_is_waited_for_and_one_that_stays_torn_is_told(tmp_path):
    data, file = encoded(room()), tmp_path / "door.jpg"
    file.write_bytes(data[:1000])
    instrument = camera(connection=f"file://{tmp_path}", timeout="30s")
    timer = threading.Timer(0.3, file.write_bytes, (data,))
    timer.start()
    (point, _) = sample(instrument)
    timer.join()
    assert (point["status"], point["size"]) == ("ok", len(data))
    instrument.close()
    file.write_bytes(data[:1000])
    instrument = camera(connection=f"file://{tmp_path}", timeout="300ms")
    assert sample(instrument)[0] == {"status": "torn"}
    file.unlink()
    assert sample(instrument)[0]["state"] == "disconnected"
    instrument.close()


def test_a_read_that_hangs_is_not_begun_again(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")  # as a file of a network's folder whose server has gone
    for _ in range(3):
        instrument = camera(connection=f"file://{tmp_path}/a.jpg", timeout="100ms")
        assert sample(instrument)[0]["state"] == "silent"
        instrument.close()
    reading = [thread for thread in threading.enumerate() if thread.name.startswith(f"picture of {tmp_path}")]
    assert len(reading) == 1
    with open(tmp_path / "a.jpg", "wb"):
        pass  # it comes back
    reading[0].join(30)
    assert not reading[0].is_alive()


def pictures(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*-*-*/*"))


def test_the_oldest_go_first_when_they_are_too_old(tmp_path):
    folder = PictureFolder(str(tmp_path), "Door", 36 * 3600, MB)
    kept = [folder.add(b"x", "jpg", NOON + hours * HOUR) for hours in range(0, 120, 6)]
    assert pictures(tmp_path) == kept[-7:], "36 hours, both ends included"
    again = PictureFolder(str(tmp_path), "Door", 36 * 3600, MB)
    last = again.add(b"x", "jpg", NOON + 30 * DAY)
    assert pictures(tmp_path) == [last], "those that another run left are known"
    assert sorted(os.listdir(tmp_path)) == ["2023-12-14", "index.html", "index.json", "latest.jpg"]


@pytest.mark.parametrize("step", [HOUR, 60 * HOUR])
def test_never_more_is_kept_than_agreed(tmp_path, step):
    folder = PictureFolder(str(tmp_path), "Door", 0, 1000)
    kept = []
    for number in range(40):
        if number % 13 == 0:
            folder = PictureFolder(str(tmp_path), "Door", 0, 1000)
        kept.append(folder.add(300 * b"x", "jpg", NOON + number * step))
        assert pictures(tmp_path) == kept[-3:]
        assert json.loads((tmp_path / "index.json").read_text())["pictures"] == kept[-3:][::-1]
    large = folder.add(2000 * b"x", "jpg", NOON + 40 * step)
    assert pictures(tmp_path) == [large], "the newest stays, whatever its size"


def test_what_others_keep_there_stays_and_what_was_unfinished_goes(tmp_path):
    folder = PictureFolder(str(tmp_path), "<Door>", 3600, MB)
    first = folder.add(b"x", "jpg", NOON)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / first).with_name("mine.jpg").write_text("mine")
    (tmp_path / first).with_suffix(".jpg.new").write_text("unfinished")
    last = PictureFolder(str(tmp_path), "<Door>", 3600, MB).add(b"y", "png", NOON + 9 * DAY)
    assert pictures(tmp_path) == [str(Path(first).with_name("mine.jpg")), last]
    assert (tmp_path / "notes.txt").exists() and (tmp_path / "latest.png").read_bytes() == b"y"
    assert "<h1>&lt;Door&gt;</h1>" in (tmp_path / "index.html").read_text()


def test_who_reads_has_each_file_whole(tmp_path):
    folder = PictureFolder(str(tmp_path), "Door", 0, MB)
    folder.add(b"0" * 50_000, "jpg", NOON)
    over, torn = threading.Event(), []

    def read():
        while not over.is_set():
            data = (tmp_path / "latest.jpg").read_bytes()
            listed = json.loads((tmp_path / "index.json").read_text())["pictures"]
            if len(data) != 50_000 or len(set(data)) != 1 or not listed:
                torn.append(data)

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(100):
        folder.add(b"%d" % (number % 10) * 50_000, "jpg", NOON + number * HOUR)
    over.set()
    thread.join(30)
    assert not torn


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"user": "viewer"}, "password_file: is missing"),
        ({"password_file": "/etc/labline/camera.password"}, "user: is missing"),
        ({"arguments": ["-n"]}, "arguments: is for a program"),
        ({"connection": "command://rpicam-still", "user": "a", "password_file": "/b"}, "user: is for http"),
        ({"connection": "command://rpicam-still -n"}, "connection: .* names no program"),
        ({"black": 100}, "black: found 100"),
        ({"frozen": 1}, "frozen: found 1"),
        ({"channels": {"picture": {"folder": "pictures"}}}, r"channels\.picture\.folder: .*expected a whole path"),
        ({"channels": {"picture": {"folder": "/srv/p", "keep_size": 0}}}, r"channels\.picture\.keep_size: found 0"),
    ],
)
def test_what_does_not_go_together_is_refused(keys, message):
    good = {"name": "door", "driver": "camera", "connection": "http://192.168.1.60/a.jpg", "channels": {"picture": {}}}
    with pytest.raises(BadInput, match=message):
        stanzas.check({**good, **keys})


def test_two_cameras_do_not_share_a_folder():
    one = stanzas.check(
        {"name": "a", "driver": "camera", "connection": "sim:", "channels": {"picture": {"folder": "/srv/p"}}}
    )
    two = stanzas.check(
        {"name": "b", "driver": "camera", "connection": "sim:", "channels": {"picture": {"folder": "/srv/p/"}}}
    )
    places = [{place for place, _ in drivers.load("camera").places(each)} for each in (one, two)]
    assert places[0] & places[1]


def test_a_password_that_can_not_be_read_is_told(tmp_path):
    keys = {"connection": "http://127.0.0.1:1/", "user": "viewer", "password_file": str(tmp_path / "missing")}
    stanza = stanzas.check({"name": "door", "driver": "camera", "channels": {"picture": {}}, **keys})
    with pytest.raises(BadInput, match="password_file: can't read"):
        drivers.load("camera").open_link(Url(keys["connection"]), stanza, Stop())


def test_whether_there_is_a_camera_is_known_when_it_is_reached():
    """As `labline doctor` asks; and its first picture is not asked for twice."""
    stanza = stanzas.check({"name": "door", "driver": "camera", "connection": "sim:", "channels": {"picture": {}}})
    simulator = simulators.start(stanza)
    asked = []
    answer = simulator.answer
    simulator.answer = lambda: (asked.append(1), answer())[1]
    try:
        instrument = camera(connection=simulator.url)
        for number in (1, 2):
            assert sample(instrument)[0]["status"] == "ok" and len(asked) == number
        instrument.close()
    finally:
        simulator.stop()
    with pytest.raises(Disconnected, match="refused"):
        opening.opened(stanza, Url(simulator.url), Stop(), Inbox(), lambda *_: None)
