"""Where a user's things of a kind lie, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path


def directory(variable: str, usual: str) -> Path:
    """Name labline's folder below ``$variable``, else below ``usual`` in the home; a relative path there is to be ignored."""
    home = os.environ.get(variable, "")
    return (Path(home) if os.path.isabs(home) else Path.home() / usual) / "labline"
