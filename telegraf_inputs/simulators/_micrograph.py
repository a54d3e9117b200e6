"""Pictures as a cryo-EM session makes them: a micrograph and its power spectrum (MRC), and a plot of shifts (PNG)."""

from __future__ import annotations

import array
import math
import random
import struct
import zlib

WIDTH, HEIGHT, SIDE = 300, 212, 160  # pixels, of a micrograph and of a spectrum
PARTICLES = 14
RADIUS = 10  # pixels
PLOT = 240
NYQUIST = 0.3  # 1/Å, at the edge of a spectrum
WAVELENGTH = 0.0197  # Å, of electrons of 300 kV


def micrograph(rng: random.Random) -> bytes:
    """Draw particles in noise, as an MRC file of 32-bit floats."""
    noise = [rng.gauss(0.0, 1.0) for _ in range(997)]  # a prime: its repetitions do not line up
    pixels = array.array("f", (noise[(x * 31 + y * 577) % 997] for y in range(HEIGHT) for x in range(WIDTH)))
    for _ in range(PARTICLES):
        left, top = rng.randrange(WIDTH - 2 * RADIUS), rng.randrange(HEIGHT - 2 * RADIUS)
        for y in range(2 * RADIUS):
            for x in range(2 * RADIUS):
                if (x - RADIUS) ** 2 + (y - RADIUS) ** 2 < RADIUS**2:
                    pixels[(top + y) * WIDTH + left + x] -= 1.6
    return _mrc(WIDTH, HEIGHT, pixels)


def spectrum(defocus: float, rng: random.Random) -> bytes:
    """Draw the rings of a contrast transfer at a defocus (Å), as an MRC file of 32-bit floats."""
    half = SIDE / 2
    pixels = array.array("f")
    for y in range(SIDE):
        for x in range(SIDE):
            k = math.hypot(x - half, y - half) / half * NYQUIST / 3  # a third: finer rings would be none
            rings = math.sin(math.pi * WAVELENGTH * defocus * k * k) ** 2
            pixels.append(rings * math.exp(-((k * 14) ** 2)) + 0.08 * rng.random())
    return _mrc(SIDE, SIDE, pixels)


def shifts(rng: random.Random) -> bytes:
    """Draw the drift of a movie's frames, as a PNG of grey."""
    rows = [bytearray(b"\xff" * PLOT) for _ in range(PLOT)]
    for place in range(PLOT):
        rows[PLOT - 20][place] = rows[place][20] = 160  # the axes
    x, y = 30.0, PLOT - 30.0
    for frame in range(40):
        pace = 8.0 / (1 + frame / 12)
        nx, ny = x + pace * rng.uniform(0.5, 1.0), y - pace * rng.uniform(0.3, 1.0)
        for step in range(8):
            rows[int(y + (ny - y) * step / 8)][int(x + (nx - x) * step / 8)] = 0
        x, y = nx, ny
    data = b"".join(b"\0" + bytes(row) for row in rows)
    parts = (b"IHDR", struct.pack(">2I5B", PLOT, PLOT, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(data)), (b"IEND", b"")
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _mrc(width: int, height: int, pixels: array.array[float]) -> bytes:
    header = struct.pack("<4i", width, height, 1, 2).ljust(212, b"\0") + b"DD\0\0"
    return header.ljust(1024, b"\0") + struct.pack(f"<{len(pixels)}f", *pixels)
