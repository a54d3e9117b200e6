"""What the tests of drivers need from outside."""

from __future__ import annotations

import os

import pytest

from labline.stack import libusb


@pytest.fixture(scope="session", autouse=True)
def libusb_is_found():
    """Let Phidgets' native library find libusb: the system's, or Debian's package unpacked into the cache."""
    if "LABLINE_LIBUSB" not in os.environ:
        os.environ.update(libusb.environment())
