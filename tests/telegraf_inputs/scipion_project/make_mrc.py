"""Make the MRC files in ``mrc``, a ramp from left to right in each mode, with the published package mrcfile 1.4.3.

python make_mrc.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import mrcfile
import numpy

ramp = numpy.tile(numpy.arange(60), (40, 1))
for name, kind in (
    ("int8", "i1"),
    ("int16", "i2"),
    ("float32", "f4"),
    ("uint16", "u2"),
    ("float16", "f2"),
    ("big", ">f4"),
):
    with mrcfile.new(Path(sys.argv[1]) / f"{name}.mrc", overwrite=True) as file:
        file.set_data(ramp.astype(kind))
with mrcfile.new(Path(sys.argv[1]) / "stack.mrcs", overwrite=True) as file:
    file.set_data(numpy.stack([ramp[:, ::-1], ramp]).astype("f4"))
    file.set_extended_header(numpy.zeros(2, dtype="V1024"))
