"""A project of Scipion that grows as a session does, in the tables that Scipion 3 has."""

from __future__ import annotations

import contextlib
import glob
import os
import random
import shutil
import sqlite3
import threading
from collections import deque
from collections.abc import Container
from typing import Any

from ..configured import Stanza
from ..drivers._picture_target import local_folder
from ..drivers._scipion_files import PICTURES
from . import _micrograph
from ._gallery import Gallery
from .base import GARBAGE, Signal, Simulator
from .faults import ANY, FEED
from .scratch import Scratch

MOST_ROWS = 2000  # of a set; then the run begins anew
STILL = "a project to which nothing is added is at rest, and well"
NO_WORD = "programs write numbers that they computed; a missing one is no fault of theirs"
IMPORT, ALIGN = "Runs/000002_ProtImportMovies", "Runs/000060_XmippProtFlexAlign"
CTF, GAIN = "Runs/000020_ProtCTFMicrographs", "Runs/000040_XmippProtMovieGain"
SIZES = (24, 54, 64)  # the objects that say how many there are
EXTRA = "extra"  # the folder of what a run makes beside its sets
KEPT = 200  # rows whose pictures are kept
ROWS = "who reads files looks when it likes; a row is there once, has a number, and nobody subscribes to it"
TABLES = """\
CREATE TABLE Objects (id INTEGER PRIMARY KEY, parent_id INTEGER, name TEXT, classname TEXT, value TEXT, label TEXT,
  comment TEXT, creation DATE);
CREATE TABLE Relations (id INTEGER PRIMARY KEY)"""
SET_TABLES = """\
CREATE TABLE Properties (key TEXT UNIQUE, value TEXT DEFAULT NULL);
CREATE TABLE Classes (id INTEGER PRIMARY KEY, label_property TEXT, column_name TEXT, class_name TEXT);
CREATE TABLE Objects (id INTEGER PRIMARY KEY, enabled INTEGER, label TEXT, comment TEXT, creation DATE,
  c01 REAL, c02 REAL, c03 REAL, c04 REAL, c05 REAL, c06 REAL, c07 TEXT, c08 TEXT,
  c09 TEXT, c10 TEXT)"""
LABELS = (
    "_defocusU", "_defocusV", "_defocusAngle", "_phaseShift", "_resolution", "_fitQuality", "_psdFile", "_micObj._micName",
    "_micObj._filename", "_micObj.plotGlobal._filename",
)  # fmt: skip
OBJECTS: list[tuple[int, int | None, str, str, str | None]] = [
    (1, None, "CreationTime", "String", "simulated"),
    (2, None, "", "ProtImportMovies", None),
    (3, 2, "2.status", "String", "running"),
    (4, 2, "2.workingDir", "String", IMPORT),
    (5, 2, "2.voltage", "Float", "300.0"),
    (6, 2, "2.sphericalAberration", "Float", "2.7"),
    (7, 2, "2.magnification", "Integer", "105000"),
    (8, 2, "2.samplingRate", "Float", "0.83"),
    (9, 2, "2.dosePerFrame", "Float", "1.2"),
    (20, None, "", "ProtCTFMicrographs", None),
    (21, 20, "20.status", "String", "running"),
    (22, 20, "20.workingDir", "String", CTF),
    (23, 20, "20.outputCTF", "SetOfCTF", None),
    (24, 23, "20.23._size", "Integer", "1"),
    (25, 23, "20.23._mapperPath", "CsvList", f"{CTF}/ctfs.sqlite, "),
    (40, None, "", "XmippProtMovieGain", None),
    (41, 40, "40.status", "String", "running"),
    (42, 40, "40.workingDir", "String", GAIN),
    (53, 2, "2.outputMovies", "SetOfMovies", None),
    (54, 53, "2.53._size", "Integer", "1"),
    (60, None, "", "XmippProtFlexAlign", None),
    (61, 60, "60.status", "String", "running"),
    (62, 60, "60.workingDir", "String", ALIGN),
    (63, 60, "60.outputMicrographs", "SetOfMicrographs", None),
    (64, 63, "60.63._size", "Integer", "1"),
]
CONSTANT = {
    ("acquisition", "voltage"): 300.0,
    ("acquisition", "spherical_aberration"): 2.7,
    ("acquisition", "magnification"): 105000.0,
    ("acquisition", "pixel_size"): 0.83,
    ("acquisition", "dose"): 1.2,
    ("properties", "runs"): 4.0,
    ("properties", "runs_running"): 4.0,
    ("properties", "runs_failed"): 0.0,
}


class ScipionSimulator(Simulator):
    """Adds a micrograph's CTF and a line of the summary of gains each ``period`` seconds, and pictures where the stanza wants them."""

    faults = {**ANY, **FEED}
    not_faults = {"silent": STILL, "over_range": NO_WORD, **dict.fromkeys(FEED, ROWS)}
    brisk = {"period": 0.02}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = "", period: float = 5.0):
        super().__init__(stanza, seed, plan)
        self._period = period
        self._signals = {
            ("ctf", "defocus_u"): Signal(15000, 4000, 200, 600, seed),
            ("ctf", "astigmatism"): Signal(200, 60, 10, 400, seed + 1),
            ("ctf", "defocus_angle"): Signal(45, 20, 1, 500, seed + 2),
            ("ctf", "phase_shift"): Signal(90, 5, 0.5, 700, seed + 3),
            ("ctf", "resolution"): Signal(3.4, 0.3, 0.05, 800, seed + 4),
            ("ctf", "fit_quality"): Signal(0.12, 0.02, 0.002, 300, seed + 5),
            ("gain", "stddev"): Signal(0.017, 0.002, 0.0002, 300, seed + 6),
            ("gain", "p025"): Signal(0.976, 0.002, 0.0002, 300, seed + 7),
            ("gain", "p975"): Signal(1.028, 0.002, 0.0002, 300, seed + 8),
            ("gain", "maximum"): Signal(3.5, 0.3, 0.02, 300, seed + 9),
        }
        self._count = self._generation = 0
        self._draws = any(channel.id == "pictures" for channel in stanza.channels)
        self._random = random.Random(seed)
        self._pictures: deque[list[str]] = deque()

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        bands = {key: signal.band() for key, signal in self._signals.items()}
        bands |= {key: (value, value) for key, value in CONSTANT.items()}
        (low_u, high_u), (low_a, high_a) = bands["ctf", "defocus_u"], bands["ctf", "astigmatism"]
        bands["ctf", "defocus_v"] = low_u - high_a, high_u - low_a
        for name, above, below in (("p975_to_p025", "p975", "p025"), ("max_to_p975", "maximum", "p975")):
            (low, high), (least, most) = bands["gain", above], bands["gain", below]
            bands["gain", name] = low / most, high / least
        bands["summary", "size"] = 0.0, float(MOST_ROWS)
        bands["pictures", "bytes"] = 1.0, 1e6
        bands["properties", "duration"] = bands["properties", "unchanged"] = 0.0, 1e7
        wanted = {channel.id for channel in self.stanza.channels}
        return {key: band for key, band in bands.items() if key[0] in wanted}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        words: dict[tuple[str, str], Container[Any]] = {
            ("properties", "begun"): _Any(),
            ("properties", "activity"): {"running"},
            ("summary", "kind"): {"SetOfCTF", "SetOfMovies", "SetOfMicrographs"},
            ("summary", "protocol"): {"ProtCTFMicrographs", "ProtImportMovies", "XmippProtFlexAlign"},
            ("summary", "state"): {"running"},
            ("ctf", "micrograph"): _Any("mic_"),
            ("ctf", "psd"): _Any(f"{CTF}/extra/mic_"),
            ("gain", "movie"): _Any("movie_"),
            ("pictures", "path"): _Any(f"{self._name}/"),
            ("pictures", "micrograph"): _Any("mic_"),
        }
        wanted = {channel.id for channel in self.stanza.channels}
        return {key: told for key, told in words.items() if key[0] in wanted}

    def start(self) -> None:
        self._scratch = Scratch()
        self._root = os.path.join(self._scratch.path, self._name)
        self._away = os.path.join(self._scratch.path, "away")
        self.url = f"file://{self._root}"
        self._stopping = threading.Event()
        options = self.stanza.options
        self._gallery = Gallery(options["pictures"] or "", options["pictures_url"] or "")
        self.trouble = self._gallery.trouble
        self._clear("mic_[0-9]*")  # of an earlier session, whose names come again
        self._build()
        self._grow()
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"simulator {self.stanza.name}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(5)
        self._gallery.stop()
        self._scratch.remove()

    @property
    def _name(self) -> str:
        return f"{self.stanza.name}_session"

    @property
    def _project(self) -> str:
        return os.path.join(self._root, "project.sqlite")

    @property
    def _set(self) -> str:
        return os.path.join(self._root, CTF, "ctfs.sqlite")

    def _build(self) -> None:
        for folder in (IMPORT, CTF, GAIN, ALIGN):
            os.makedirs(os.path.join(self._root, folder, EXTRA), exist_ok=True)
        with _written(self._project) as base:
            base.executescript(f"PRAGMA user_version = 1; {TABLES}")
            base.executemany("INSERT INTO Objects VALUES (?, ?, ?, ?, ?, '', '', datetime('now'))", OBJECTS)
        self._new_set()

    def _new_set(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._set)
        self._count = 0
        self._generation += 1
        with _written(self._set) as base:
            base.executescript(SET_TABLES)
            base.executemany(
                "INSERT INTO Classes VALUES (?, ?, ?, 'Float')",
                [(number, label, f"c{number:02d}") for number, label in enumerate(LABELS, 1)],
            )

    def _run(self) -> None:
        fault: str | None = None
        while not self._stopping.wait(self._period):
            before, fault = fault, self.current_fault()
            if fault != before:
                self._heal(before)
                self._spoil(fault)
            if fault is None:
                if self._count >= MOST_ROWS:
                    self._new_set()
                self._grow()

    def _spoil(self, fault: str | None) -> None:
        if fault == "disconnect":
            os.rename(self._root, self._away)
        elif fault in ("truncated", "garbage"):
            shutil.copyfile(self._project, f"{self._project}.whole")
            with open(self._project, "rb") as file:
                whole = file.read()
            self._replace(whole[: len(whole) // 2] if fault == "truncated" else GARBAGE * 100)

    def _heal(self, fault: str | None) -> None:
        if fault == "disconnect":
            os.rename(self._away, self._root)
        elif fault in ("truncated", "garbage"):
            os.replace(f"{self._project}.whole", self._project)

    def _replace(self, data: bytes) -> None:
        new = f"{self._project}.new"
        with open(new, "wb") as file:
            file.write(data)
        os.replace(new, self._project)

    def _grow(self) -> None:
        self._count += 1
        drawn = {name: signal() for (_, name), signal in self._signals.items()}
        name = f"mic_{self._generation:03d}_{self._count:04d}"
        row = (
            self._count,
            drawn["defocus_u"],
            drawn["defocus_u"] - drawn["astigmatism"],
            drawn["defocus_angle"],
            drawn["phase_shift"],
            drawn["resolution"],
            drawn["fit_quality"],
            f"{CTF}/{EXTRA}/{name}_psd.mrc",
            f"{name}.mrc",
            *(self._drawn(name, drawn["defocus_u"]) if self._draws else (None, None)),
        )
        with _written(self._set) as base:
            base.execute(
                "INSERT INTO Objects VALUES (?, 1, '', '', datetime('now'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            )
        with _written(self._project) as base:
            base.executemany("UPDATE Objects SET value = ? WHERE id = ?", [(str(self._count), id) for id in SIZES])
        texts = (f"{drawn[each]:.6f}" for each in ("stddev", "p025", "p975", "maximum"))
        with open(os.path.join(self._root, GAIN, "summaryForMonitor.txt"), "a", encoding="ascii") as file:
            file.write(f"movie_{self._generation:03d}_{self._count:06d}: {' '.join(texts)}\n")

    def _drawn(self, name: str, defocus: float) -> tuple[str, str]:
        """Draw a row's pictures, and take away those of a row long ago; returns where micrograph and plot are."""
        made = {
            f"{ALIGN}/{EXTRA}/{name}.mrc": _micrograph.micrograph(self._random),
            f"{ALIGN}/{EXTRA}/{name}_global.png": _micrograph.shifts(self._random),
            f"{CTF}/{EXTRA}/{name}_psd.mrc": _micrograph.spectrum(defocus, self._random),
        }
        for place, data in made.items():
            with open(os.path.join(self._root, place), "wb") as file:
                file.write(data)
        self._pictures.append(list(made))
        if len(self._pictures) > KEPT:
            places = self._pictures.popleft()
            for place in places:
                os.unlink(os.path.join(self._root, place))
            self._clear(os.path.splitext(os.path.basename(places[0]))[0])
        where, plot, _ = made
        return where, plot

    def _clear(self, named: str) -> None:
        """Delete carried pictures of this session: it goes on for ever, and its folder has an end."""
        if folder := local_folder(self.stanza.options["pictures"] or ""):
            for kind in PICTURES:
                for path in glob.glob(os.path.join(glob.escape(folder), self._name, "*", f"{named}_{kind}.png")):
                    os.unlink(path)


class _Any:
    """All texts that begin so."""

    def __init__(self, beginning: str = ""):
        self._beginning = beginning

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and text.startswith(self._beginning)


@contextlib.contextmanager
def _written(path: str) -> Any:
    """Write a database as Scipion does: whoever reads meanwhile is waited for."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as base, base:
        yield base


SIMULATOR = ScipionSimulator
