"""Where the boot partition begins in an image file, or on a card."""

from __future__ import annotations

import struct
from typing import BinaryIO

from telegraf_inputs.errors import BadInput

SECTOR = 512  # bytes
FAT = {0x04, 0x06, 0x0B, 0x0C, 0x0E}  # partition types of FAT16 and FAT32
GPT = 0xEE
PACKED = {
    b"\xfd7zXZ\0": "xz --decompress",
    b"\x1f\x8b": "gunzip",
    b"PK\3\4": "unzip",
    b"(\xb5/\xfd": "unzstd",
    b"BZh": "bunzip2",
}


def start(file: BinaryIO, shown: str) -> int:
    """Find the first byte of the boot partition: 0 where the file is that partition itself.

    Raises BadInput where there is none. The table is that of a PC's master boot record, as the Raspberry Pi's images have it.
    """
    file.seek(0)
    sector = file.read(SECTOR)
    for magic, program in PACKED.items():
        if sector.startswith(magic):
            raise BadInput(f"is packed; unpack it first: {program} {shown}", file=shown)
    if len(sector) < SECTOR or sector[510:] != b"\x55\xaa":
        raise BadInput("is no image of a card: it has neither a partition table nor a FAT file system", file=shown)
    if _is_fat(sector):
        return 0
    for number in range(4):
        entry = sector[446 + 16 * number : 462 + 16 * number]
        first, length = struct.unpack("<II", entry[8:])
        if entry[4] == GPT:
            break
        if entry[4] in FAT and length:
            file.seek(first * SECTOR)
            if not _is_fat(file.read(SECTOR)):
                raise BadInput(f"its partition {number + 1} should be FAT, and is not; is the image whole?", file=shown)
            return int(first) * SECTOR
    raise BadInput(
        "has no FAT partition in its table, as a card for a Raspberry Pi has; is it another image?", file=shown
    )


def _is_fat(sector: bytes) -> bool:
    """Tell whether a boot sector is one of FAT: it begins with a jump, and names the file system."""
    return sector[:1] in (b"\xeb", b"\xe9") and (sector[54:57] == b"FAT" or sector[82:87] == b"FAT32")
