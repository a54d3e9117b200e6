"""Readings of what a Scipion project says."""

from __future__ import annotations

import os
import time

from ..errors import InstrumentError, NoAnswer
from ..reading import Reading
from ._scipion_files import PROJECT, Project
from ._scipion_gain import Gain
from ._scipion_streams import STREAMS

RUNNING = ("running", "launched", "interactive", "waiting", "scheduled")


def trouble_of(channel: str, tags: dict[str, str], error: InstrumentError) -> Reading:
    """Make the reading of what can't be read."""
    status = "locked" if isinstance(error, NoAnswer) else "unreadable_file"
    known = {name: value for name, value in tags.items() if name in STREAMS[channel].tags}
    return Reading(channel, {}, time.time_ns(), status, str(error), known)


def gain_of(gain: Gain, tags: dict[str, str]) -> Reading:
    """Make the reading of a line of the summary."""
    return Reading("gain", gain.values, gain.time_ns, "unreadable" if gain.why else "ok", gain.why, tags)


def written(folder: str) -> float:
    """Tell when a project was last written (s, UTC); 0 where it is gone just now."""
    try:
        return os.stat(os.path.join(folder, PROJECT)).st_mtime
    except OSError:
        return 0.0


def properties(folder: str, project: Project, now: int) -> dict[str, object]:
    """Tell how a project is, ``now`` (ns, UTC)."""
    last, began = written(folder), project.began_ns / 1e9
    running = sum(run.status in RUNNING for run in project.runs)
    return {
        "duration": max(0.0, last - began) if last else None,
        "unchanged": max(0.0, now / 1e9 - last) if last else None,
        "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "activity": "running" if running else "idle",
        "runs": len(project.runs),
        "runs_running": running,
        "runs_failed": sum(run.status == "failed" for run in project.runs),
    }


def acquisition(project: Project) -> dict[str, float | None]:
    """Tell how the microscope was set."""
    said = project.acquisition
    return {
        "voltage": said.get("voltage"),
        "spherical_aberration": said.get("sphericalAberration"),
        "magnification": said.get("magnification"),
        "pixel_size": said.get("samplingRate"),
        "dose": said.get("dosePerFrame"),
    }
