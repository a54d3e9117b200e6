"""Uids as Grafana takes them: 40 characters of letters, digits, ``_`` and ``-``; the same each time, and readable where they can be."""

from __future__ import annotations

import hashlib
import re

LONGEST = 40
DIGITS = 8


def uid(*parts: str) -> str:
    """Make a uid of names. Names that lose characters, or do not fit, get a digest, so that no two become one."""
    whole = "-".join(parts)
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", whole)
    # A name with a hyphen could end where another begins.
    if slug == whole and len(slug) <= LONGEST and not any("-" in part for part in parts):
        return slug
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGITS]
    return f"{slug[: LONGEST - DIGITS - 1].rstrip('-')}-{digest}"
