"""Scipion: what the published packages wrote is read as they read it; each row once, with its own time; nothing of a project is touched."""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from telegraf_inputs import memory
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers import _picture_program, _scipion_pictures, scipion
from telegraf_inputs.drivers._mrc_picture import NotWhole, png_of
from telegraf_inputs.errors import BadAnswer, BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from tests.parts.sftp import SftpServer

GENUINE = Path(__file__).parent / "scipion_project" / "session"
MRC = GENUINE.parent / "mrc"
PLAIN, PHASE = "000144_ProtCTFMicrographs", "000197_ProtCTFMicrographs"
RATES = ("defocus_u", "defocus_v", "defocus_angle", "fit_quality", "phase_shift", "micrograph", "psd")


@pytest.fixture(autouse=True)
def remembered(tmp_path, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, str(tmp_path / "memory"))


@pytest.fixture
def project(tmp_path):
    return Path(shutil.copytree(GENUINE, tmp_path / "projects" / "session"))


class Reader:
    """An instrument that reads projects; what it prints is known to be printed unless ``dropping``."""

    def __init__(self, folder, **keys):
        config = {"name": "krios", "driver": "scipion", "connection": f"file://{folder}", **keys}
        self.log: list[str] = []
        self.instrument = Instrument(stanzas.check(config), Stop(), lambda level, text: self.log.append(text))
        self.dropping = False

    def read(self, stream: str = "ctf"):
        """Run a cycle; returns the points of a stream that say more than a status."""
        *points, report = self.instrument.sample()
        if receipt := self.instrument.receipt():
            receipt(not self.dropping)
        self.state = report.values["state"]
        self.statuses = {(p.tags.get("project"), p.tags["channel"]): p.values["status"] for p in points}
        return [point for point in points if point.measurement == f"scipion_{stream}" and len(point.values) > 1]


def add_row(project: Path, run: str, id: int, creation: str = "2026-11-28 20:29:53") -> None:
    """Add a row to a set, as its first one but for its number and its time."""
    with sqlite3.connect(project / "Runs" / run / "ctfs.sqlite") as base:
        columns = [row[1] for row in base.execute("PRAGMA table_info(Objects)")][2:]
        kept = [name for name in columns if name != "creation"]
        base.execute(
            f"INSERT INTO Objects (id, enabled, creation, {', '.join(kept)}) "
            f"SELECT ?, enabled, ?, {', '.join(kept)} FROM Objects WHERE id = 1",
            (id, creation),
        )
    base.close()


def summary(project: Path, first: int, end: int) -> Path:
    folder = project / "Runs" / PLAIN
    file = folder / "summaryForMonitor.txt"
    with file.open("a") as opened:
        opened.writelines(f"movie_{n:06d}: 0.01{n:02d} 0.976350 1.028174 17.423561\n" for n in range(first, end))
    return file


def test_what_the_published_packages_wrote_is_read_as_they_read_it(project):
    found = {(p.tags["run"], p.timestamp): p for p in Reader(project).read()}
    assert {p.values["status"] for p in found.values()} == {"ok"}, "what is infinite or absent is no fault"
    read = json.loads((project / "read_by_scipion.json").read_text())
    assert len(found) == sum(map(len, read.values())) == 8
    for run, rows in read.items():
        for row in rows:
            second = datetime.datetime.fromisoformat(row["creation"]).replace(tzinfo=datetime.UTC)
            values = found[run, int(second.timestamp()) * 10**9 + row["id"]].values
            assert {name: values.get(name) for name in RATES} == {name: row[name] for name in RATES}
            assert values["astigmatism"] == row["defocus_u"] - row["defocus_v"]
            assert values.get("resolution") == (None if row["resolution"] == "inf" else float(row["resolution"]))
            assert "phase_shift" not in values or run == PHASE


def test_properties_acquisition_and_outputs_of_a_project_that_the_packages_wrote(project):
    reader = Reader(project)
    (properties,) = reader.read("properties")
    assert properties.tags["project"] == "session"
    assert (properties.values["runs"], properties.values["runs_running"], properties.values["activity"]) == (
        4,
        2,
        "running",
    )
    assert properties.values["begun"] == "2026-11-28T20:29:52Z", "UTC, though the packages ran in Rome"
    (acquisition,) = reader.read("acquisition")
    wanted = {"voltage": 300.0, "spherical_aberration": 2.7, "magnification": 105000.0, "pixel_size": 0.83, "dose": 1.2}
    assert {name: acquisition.values[name] for name in wanted} == wanted
    outputs = {(p.tags["run"], p.tags["output"]): (p.values["kind"], p.values["size"]) for p in reader.read("summary")}
    assert outputs[PLAIN, "outputCTF"] == ("SetOfCTF", 4) and len(outputs) == 3


def test_each_row_once_across_restarts_and_a_move(project, tmp_path):
    assert len(Reader(project).read()) == 8
    reader = Reader(project)
    assert reader.read() == [] and reader.state == "ok"
    add_row(project, PLAIN, 5)
    assert [p.timestamp % 10**9 for p in reader.read()] == [5]
    moved = tmp_path / "elsewhere" / "session"
    shutil.move(project, moved)
    reader.read()
    assert reader.state == "disconnected" and "was the project moved" in reader.log[-1]
    add_row(moved, PHASE, 5)
    assert [p.tags["run"] for p in Reader(moved).read()] == [PHASE]


def test_what_is_printed_while_the_project_is_away_is_not_read_again(project, tmp_path):
    reader = Reader(project)
    reader.instrument.sample()
    printed = reader.instrument.receipt()
    shutil.move(project, tmp_path / "away")
    assert reader.read() == [] and reader.read() == [] and reader.state == "disconnected"
    shutil.move(tmp_path / "away", project)
    printed(True)
    assert reader.read() == [] and reader.read() == [] and reader.state == "ok"
    assert Reader(tmp_path / "nowhere").read() == []


def test_what_was_not_printed_is_read_again_as_the_same_points(project):
    reader = Reader(project)
    summary(project, 1, 3)
    reader.dropping = True
    first = {(p.tags["run"], p.timestamp) for p in reader.read()}
    reader.instrument._maker._recent.clear()
    assert {(p.tags["run"], p.timestamp) for p in reader.read()} == first
    again = Reader(project)
    assert {(p.tags["run"], p.timestamp) for p in again.read()} == first and len(first) == 8


def test_a_run_that_is_begun_anew_is_read_from_its_beginning(project):
    reader = Reader(project)
    reader.read()
    with sqlite3.connect(project / "Runs" / PLAIN / "ctfs.sqlite") as base:
        base.execute("UPDATE Objects SET creation = '2026-11-29 08:00:00'")
        base.execute("DELETE FROM Objects WHERE id > 2")
    base.close()
    assert len(reader.read()) == 2


def test_a_project_of_the_same_name_is_another_one(project):
    assert len(Reader(project).read()) == 8
    with sqlite3.connect(project / "project.sqlite") as base:
        base.execute("UPDATE Objects SET creation = '2026-12-24 08:00:00' WHERE name = 'CreationTime'")
    base.close()
    assert len(Reader(project).read()) == 8


def test_the_summary_of_gains_is_read_once_its_newest_line_at_the_files_time(project):
    file = summary(project, 1, 4)
    reader = Reader(project)
    written = file.stat().st_mtime_ns
    found = reader.read("gain")
    assert [(p.values["movie"], p.timestamp) for p in found] == [
        ("movie_000001", written - 2), ("movie_000002", written - 1), ("movie_000003", written),
    ]  # fmt: skip
    assert found[0].values["max_to_p975"] == pytest.approx(17.423561 / 1.028174)
    summary(project, 4, 5)
    assert [p.values["movie"] for p in Reader(project).read("gain")] == ["movie_000004"]
    file.write_text("")
    summary(project, 3, 6)  # written anew, without its first lines
    assert [p.values["movie"] for p in reader.read("gain")][-1:] == ["movie_000005"]


def test_without_a_memory_ctfs_come_again_as_the_same_points_and_gains_do_not(project, monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "")
    summary(project, 1, 4)
    reader = Reader(project)
    assert reader.read("gain") == []
    summary(project, 4, 5)
    assert [p.values["movie"] for p in reader.read("gain")] == ["movie_000004"]


def test_of_several_projects_one_that_can_not_be_read_does_not_take_others_along(project):
    other = Path(shutil.copytree(project, project.parent / "other"))
    (other / "project.sqlite").write_bytes(b"no database, though it is called so" * 40)
    reader = Reader(project.parent)
    assert {p.tags["project"] for p in reader.read()} == {"session"}
    assert reader.state == "degraded"
    assert reader.statuses["other", "ctf"] == "unreadable_file" and reader.statuses["session", "properties"] == "ok"
    os.utime(other / "project.sqlite", (0, 0))
    reader.read()
    assert reader.state == "ok", "one that has not changed for long is not read"


def test_a_lock_of_who_writes_is_told_and_nothing_is_lost(project, monkeypatch):
    monkeypatch.setattr(scipion.files, "BUSY_SECONDS", 0.01)
    reader = Reader(project)
    reader.read()
    add_row(project, PLAIN, 5)
    base = sqlite3.connect(project / "Runs" / PLAIN / "ctfs.sqlite", isolation_level=None)
    base.execute("BEGIN EXCLUSIVE")
    reader.read()
    assert reader.statuses["session", "ctf"] == "locked"
    base.execute("ROLLBACK")
    base.close()
    assert len(reader.read()) == 1 and reader.state == "ok"


def test_a_long_backlog_comes_in_parts_and_whole(project, monkeypatch):
    monkeypatch.setattr(scipion, "MOST_POINTS", 3)
    reader = Reader(project)
    assert [len(reader.read()) for _ in range(4)] == [3, 3, 2, 0]


def test_a_project_whose_writer_was_killed_is_told_and_left_as_it_is(project, tmp_path):
    base = sqlite3.connect(project / "project.sqlite", isolation_level=None)
    base.execute("PRAGMA cache_size = 1")
    base.execute("BEGIN IMMEDIATE")
    base.execute("UPDATE Objects SET comment = printf('%.500c', 'x')")
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("project.sqlite", "project.sqlite-journal"):
        shutil.copy(project / name, killed)
    base.execute("ROLLBACK")
    base.close()
    reader = Reader(killed)
    reader.read()
    assert reader.state == "garbled" and "opening the project in Scipion mends it" in reader.log[-1]
    assert (killed / "project.sqlite-journal").stat().st_size > 0


def test_nothing_of_a_project_is_written(project):
    def state():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in project.rglob("*")}

    before = state()
    Reader(project).read()
    assert state() == before


@pytest.mark.parametrize("name", ["int8", "int16", "float32", "uint16", "float16", "big"])
def test_a_picture_of_each_mode_of_what_the_published_package_wrote(name):
    picture = Image.open(io.BytesIO(png_of(str(MRC / f"{name}.mrc"))))
    assert picture.size == (60, 40) and picture.mode == "L"
    row = [picture.getpixel((x, 20)) for x in range(60)]
    assert row == sorted(row) and row[0] == 0 and row[-1] == 255 and abs(row[30] - 128) < 6


def test_an_image_of_a_stack_behind_a_longer_header():
    path = str(MRC / "stack.mrcs")
    first, second = (Image.open(io.BytesIO(png_of(path, number))) for number in (1, 2))
    assert first.getpixel((0, 0)) == second.getpixel((59, 0)) == 255 and second.getpixel((0, 0)) == 0
    with pytest.raises(BadAnswer, match="there is no image 3, it has 2"):
        png_of(path, 3)


def test_a_large_micrograph_is_reduced_by_means_with_little_memory(tmp_path):
    side, rows = 5760, 4092
    with (tmp_path / "k3.mrc").open("wb") as file:
        file.write(struct.pack("<4i", side, rows, 1, 2).ljust(1024, b"\0"))
        row = struct.pack(f"<{side}f", *range(side))
        for _ in range(rows):
            file.write(row)
    picture = Image.open(io.BytesIO(png_of(str(tmp_path / "k3.mrc"))))
    assert picture.size == (side // 12, rows // 12) and max(picture.size) <= 512
    assert abs(picture.getpixel((240, 100)) - 128) < 4


def test_what_is_no_whole_picture_is_told_from_what_is_none(tmp_path):
    whole = (MRC / "float32.mrc").read_bytes()
    file = tmp_path / "a.mrc"
    for length in (0, 500, 1024, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(NotWhole):
            png_of(str(file))
    file.write_bytes(struct.pack("<4i", 2**30, 2**30, 1, 2).ljust(1024, b"\0"))
    with pytest.raises(BadAnswer, match="expected up to"):
        png_of(str(file))


def with_pictures(project: Path, *runs: str) -> None:
    """Put the micrographs, and the spectra of these runs, where the project says they are."""
    for number in range(1, 5):
        for place in (
            f"000067_ProtImportMicrographs/extra/mic_{number:04d}.mrc",
            *(f"{run}/extra/mic_{number:04d}_psd.mrc" for run in runs),
        ):
            file = project / "Runs" / place
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(MRC / "float32.mrc", file)


def arrived(reader: Reader) -> set[tuple[str, str, str]]:
    """Let it carry all that it can; returns run, kind and path of what it says has arrived."""
    found = set()
    for _ in range(3):
        found |= {(p.tags["run"], p.tags["kind"], p.values["path"]) for p in reader.read("picture")}
        reader.instrument.source._carrier.join()
    return found


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_pictures_are_told_when_they_have_arrived_once(project, tmp_path, monkeypatch):
    monkeypatch.setattr("telegraf_inputs.drivers._scipion_pictures.AWAITED_SECONDS", 1e9)
    with_pictures(project, PLAIN)
    gallery = tmp_path / "gallery"
    found = arrived(Reader(project, pictures=f"file://{gallery}"))
    assert {path for *_, path in found} == files(gallery) and len(found) == 8
    assert (PLAIN, "psd", f"session/{PLAIN}/mic_0003_psd.png") in found
    with_pictures(project, PHASE)  # they come later than the rows of their run
    again = arrived(Reader(project, pictures=f"file://{gallery}"))
    assert {run for run, *_ in again} == {PHASE} and len(again) == 8


def test_pictures_that_can_not_be_carried_are_tried_again(project, tmp_path):
    with_pictures(project, PLAIN, PHASE)
    (tmp_path / "gallery").write_text("no folder")
    reader = Reader(project, pictures=f"file://{tmp_path}/gallery")
    assert arrived(reader) == set() and reader.statuses[None, "pictures"] == "not_carried"
    (tmp_path / "gallery").unlink()
    assert len(arrived(reader)) == 16 and reader.state == "ok"


def test_one_that_never_comes_is_left(project, tmp_path, monkeypatch):
    monkeypatch.setattr("telegraf_inputs.drivers._scipion_pictures.AWAITED_SECONDS", 0.0)
    with_pictures(project, PLAIN)
    reader = Reader(project, pictures=f"file://{tmp_path}/gallery")
    assert len(arrived(reader)) == 12 and any("it is not there" in told for told in reader.log)
    assert arrived(Reader(project, pictures=f"file://{tmp_path}/gallery")) == set()


def test_names_of_files_stay_in_the_folder(project, tmp_path):
    with_pictures(project, PLAIN, PHASE)
    for run in (PLAIN, PHASE):
        with sqlite3.connect(project / "Runs" / run / "ctfs.sqlite") as base:
            (column,) = base.execute(
                "SELECT column_name FROM Classes WHERE label_property = '_micObj._micName'"
            ).fetchone()
            base.execute(f"UPDATE Objects SET {column} = '..'")
        base.close()
    with sqlite3.connect(project / "project.sqlite") as base:
        base.execute("UPDATE Objects SET value = 'Runs/..' WHERE name LIKE '%.workingDir'")
    base.close()
    gallery = tmp_path / "a" / "gallery"
    assert {path for *_, path in arrived(Reader(project, pictures=f"file://{gallery}"))} == files(
        tmp_path / "a" / "gallery"
    )
    assert files(tmp_path / "a") == {f"gallery/{path}" for path in files(gallery)}


def test_pictures_go_to_another_machine_by_sftp_whose_key_is_known(project):
    with_pictures(project, PLAIN, PHASE)
    with tempfile.TemporaryDirectory() as name:  # through which the server's user may pass
        os.chmod(name, 0o755)
        server = SftpServer(Path(name) / "sftp")
        try:
            keys = {"pictures": server.url, "picture_key": str(server.key)}
            stranger = Path(name) / "known_hosts"
            stranger.write_text("")
            reader = Reader(project, **keys, known_hosts=str(stranger))
            assert arrived(reader) == set() and files(server.folder) == set()
            assert any("not found in known_hosts" in told for told in reader.log)
            found = arrived(Reader(project, **keys, known_hosts=str(server.known_hosts)))
            assert {path for *_, path in found} == files(server.folder) and len(found) == 16
        finally:
            server.stop()


def test_what_makes_and_carries_pictures_is_not_loaded_by_the_program_that_reads(project, tmp_path):
    with_pictures(project, PLAIN, PHASE)
    read = """\
import sys
from tests.telegraf_inputs.test_scipion import Path, Reader, scipion
for name in [name for name in sys.modules if name.partition(".")[0] in ("PIL", "paramiko")]:
    del sys.modules[name]  # the test's own
reader = Reader(Path(sys.argv[1]), pictures=f"file://{sys.argv[2]}")
reader.read()
reader.instrument.source._carrier.join()
print(len(reader.read("picture")), [name for name in ("PIL", "paramiko") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", read, str(project), str(tmp_path / "gallery")], capture_output=True, text=True
    )
    assert done.stdout == "16 []\n", done.stderr


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import os; os.abort()", "ended with status -6"),
        ("import signal, os; os.kill(os.getpid(), signal.SIGALRM)", "does a disk or the other machine hang"),
        ("print('no JSON')", "the program that carries pictures"),
    ],
)
def test_a_program_that_does_not_carry_is_told_and_another_one_tries_again(
    project, tmp_path, monkeypatch, program, told
):
    with_pictures(project, PLAIN, PHASE)
    (tmp_path / "failing.py").write_text(program)
    reader = Reader(project, pictures=f"file://{tmp_path}/gallery")
    with monkeypatch.context() as failing:
        failing.setattr(_scipion_pictures, "PROGRAM", "failing")
        failing.setenv("PYTHONPATH", str(tmp_path))
        assert arrived(reader) == set() and reader.statuses[None, "pictures"] == "not_carried"
    assert any(told in line for line in reader.log), reader.log
    assert len(arrived(reader)) == 16 and reader.state == "ok"


def test_a_program_ends_when_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "hangs.mrc")  # nobody writes to it
    picture = {"set": "", "row": [1, ""], "source": str(tmp_path / "hangs.mrc"), "stem": "a", "awaited": True}
    program = subprocess.Popen(
        [sys.executable, "-m", _picture_program.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    out, _ = program.communicate(
        json.dumps({"to": [f"file://{tmp_path}", None, None], "pictures": [picture]}) + "\n", 60
    )
    assert program.returncode == 0 and out == ""


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"pictures": "/srv/gallery"}, "found '/srv/gallery', expected file:///FOLDER or sftp://USER@HOST/FOLDER"),
        ({"pictures": "sftp://lab:secret@host/x", "picture_key": "/k"}, "found 'host/x', expected"),
        ({"pictures": "sftp://lab@host/x"}, "needs the file of the private key"),
        ({"pictures": "sftp://lab@host:99999/x", "picture_key": "/k"}, "expected file"),
        ({"pictures_url": 'https://host/a"onerror=x'}, "expected /FOLDER beside Grafana, or https://HOST/FOLDER"),
        ({"pictures_url": "javascript:alert(1)"}, "expected /FOLDER"),
    ],
)
def test_what_is_no_place_for_pictures_is_refused(tmp_path, keys, message):
    with pytest.raises(BadInput, match="pictures") as told:
        Reader(tmp_path, **keys)
    assert message in str(told.value) and "secret" not in str(told.value)
