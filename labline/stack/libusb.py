"""libusb, which Phidgets' native library needs: the system's, else Debian's package unpacked into the cache."""

from __future__ import annotations

import ctypes
from pathlib import Path

from . import debian

LIBRARY = "libusb-1.0.so.0"


def directory() -> Path | None:
    """Give the directory that LD_LIBRARY_PATH needs, or None where the system has libusb. Raises Unavailable."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return next(debian.unpack("libusb-1.0-0").glob(f"**/{LIBRARY}")).parent
    return None
