"""Tells which keys sign a repository, by their fingerprints: a vendor's key that was exchanged by somebody else is another one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator

from ansible.errors import AnsibleFilterError

ARMOUR = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?\n\s*?\n(.*?)(?:\n=.{4})?\s*-----END", re.DOTALL)
PUBLIC_KEY = 6  # RFC 4880, 4.3: the packet of a primary key


def fingerprints(text: str) -> list[str]:
    """List the fingerprints (40 hexadecimal digits) of the keys in an armoured text. Raises AnsibleFilterError."""
    blocks = ARMOUR.findall(text)
    if not blocks:
        raise AnsibleFilterError("expected a key as text, with -----BEGIN PGP PUBLIC KEY BLOCK-----")
    try:
        packets = [packet for block in blocks for packet in _packets(base64.b64decode(block))]
    except (binascii.Error, IndexError) as error:
        raise AnsibleFilterError(f"this is no key: {error}") from None
    # 12.2: of a version 4 key.
    return [
        hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
        for tag, body in packets
        if tag == PUBLIC_KEY and body[0] == 4
    ]


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and body of each packet (4.2)."""
    at = 0
    while at < len(data):
        head, at = data[at], at + 1
        if head & 0x40:
            tag = head & 0x3F
            first, at = data[at], at + 1
            if first < 192:
                length = first
            elif first < 224:
                length, at = ((first - 192) << 8) + data[at] + 192, at + 1
            else:
                length, at = int.from_bytes(data[at : at + 4], "big"), at + 4
        else:
            tag, size = (head >> 2) & 0xF, 1 << (head & 3)
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        yield tag, data[at : at + length]
        at += length


class FilterModule:
    """Names it for Ansible."""

    def filters(self) -> dict[str, Callable[[str], list[str]]]:
        return {"openpgp_fingerprints": fingerprints}
