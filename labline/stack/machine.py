"""What the programs for this machine are called."""

from __future__ import annotations

import platform
import struct

from .errors import Unavailable

ARCHITECTURES = ("amd64", "arm64", "armhf")  # those for which there are releases


def architecture() -> str:
    """Name this machine as Debian does: amd64, arm64 or armhf. Raises Unavailable on any other."""
    machine, bits = platform.machine(), struct.calcsize("P") * 8
    if machine == "x86_64" and bits == 64:
        return "amd64"
    if machine == "aarch64" and bits == 64:
        return "arm64"
    # Raspberry Pi OS with 32 bits often runs a 64-bit kernel.
    if bits == 32 and machine in ("aarch64", "armv7l", "armv8l", "armv6l"):
        return "armhf"
    raise Unavailable(f"there is no release for {machine} ({bits} bits)")
