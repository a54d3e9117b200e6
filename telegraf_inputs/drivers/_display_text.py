"""Reads a line of text in a picture by tesseract, a program of its own: for displays that show letters, not segments.

Source: tesseract(1), option --psm 7 (one line of text), parameter tessedit_create_tsv.
"""

from __future__ import annotations

import io
import os
import subprocess
from typing import Any

from ..errors import NoAnswer
from ._display_parts import DisplayText, Unsure
from ._display_region import Corner, straightened

PROGRAM = "tesseract"
HEIGHT, MARGIN = 60, 12  # pixels of the line that it is given, and of what is around it
LEAST_CONFIDENCE = 60.0  # %, of each word
CONFIDENCE, WORD = 10, 11  # columns of its table


class NoProgram(Exception):
    """tesseract is not installed."""


def read(picture: Any, corners: tuple[Corner, ...], dark: bool, timeout: float) -> DisplayText:
    """Read the line of text between four corners of a picture. Raises Unsure, NoAnswer, NoProgram."""
    (x0, y0), (x1, y1), _, (x3, y3) = corners
    high = ((x3 - x0) ** 2 + (y3 - y0) ** 2) ** 0.5
    width = max(1, round(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 / high * HEIGHT))
    # tesseract is for dark letters on paper.
    line = straightened(picture, corners, (width, HEIGHT), (MARGIN, MARGIN), not dark)
    if line is None:
        raise Unsure("the picture ends too near to the display")
    data = io.BytesIO()
    line.save(data, "PNG")
    command = [PROGRAM, "stdin", "stdout", "--psm", "7", "-c", "tessedit_create_tsv=1"]
    try:
        done = subprocess.run(
            command,
            input=data.getvalue(),
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except FileNotFoundError:
        raise NoProgram(f"the program {PROGRAM} is not installed: sudo apt install tesseract-ocr") from None
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{PROGRAM} takes more than {timeout:g} s") from None
    if done.returncode:
        raise Unsure(f"{PROGRAM} ended with status {done.returncode}: {done.stderr.decode(errors='replace')[-200:]!r}")
    rows = [row.split("\t") for row in done.stdout.decode(errors="replace").splitlines()[1:]]
    words = [(row[WORD], float(row[CONFIDENCE])) for row in rows if len(row) > WORD and row[WORD].strip()]
    text, confidence = " ".join(word for word, _ in words), min((sure for _, sure in words), default=100.0)
    if confidence < LEAST_CONFIDENCE:
        raise Unsure(
            f"it may be {text[:40]!r}, with a confidence of {confidence:.0f} %; {LEAST_CONFIDENCE:.0f} % is needed"
        )
    return DisplayText(text, confidence / 100)
