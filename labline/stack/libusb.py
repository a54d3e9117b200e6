"""libusb, which Phidgets' native library needs: the system's, else Debian's package unpacked into the cache."""

from __future__ import annotations

import ctypes
from pathlib import Path

from . import debian

LIBRARY = "libusb-1.0.so.0"


def directory() -> Path | None:
    """Give the directory that libusb lies in, or None where the system has it. Raises Unavailable."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return next(debian.unpack("libusb-1.0-0").glob(f"**/{LIBRARY}")).parent
    return None


def environment() -> dict[str, str]:
    """Give what a program that reads Phidgets needs in its environment to find libusb. Raises Unavailable."""
    folder = directory()
    return {"LABLINE_LIBUSB": str(folder)} if folder else {}
