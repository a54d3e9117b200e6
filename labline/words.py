"""Words for people that several modules need."""

from __future__ import annotations

from pathlib import Path


def counted(word: str, count: int) -> str:
    """Write a number of things: ``1 instrument``, ``2 instruments``."""
    return f"{count} {word}{'s' * (count != 1)}"


def size_of(folder: Path) -> float:
    """Tell how many bytes the files of a folder have."""
    return float(sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()))


def called_bytes(size: float) -> str:
    """Write a size roughly: ``0.3 GB``, ``24 MB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
