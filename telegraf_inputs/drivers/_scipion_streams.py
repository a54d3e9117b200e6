"""What is read of a Scipion project: five streams, with the project as a tag."""

from __future__ import annotations

from ..declare import Quantity, Stream

PROJECT = {"project": "the project, by its folder's name"}
RUN = {**PROJECT, "run": "the run of a protocol, by its folder's name"}
OUTPUT = {**RUN, "output": "the output, by its name in the protocol"}
ANGSTROM = "Å"
SUMMARY = "Summary"  # the dashboard
PICTURES_URL = "pictures_url"  # the option

STREAMS = {
    "properties": Stream(
        "scipion_properties",
        (
            Quantity("duration", "s", "From the beginning of the project until it was last written", 0.0, 1e10, decimals=0),
            Quantity("unchanged", "s", "Since the project was last written", 0.0, 1e10, decimals=0),
            Quantity("begun", "", "When the project was begun, UTC", type="str"),
            Quantity("activity", "", "Whether a run is going on: running, or idle", type="str"),
            Quantity("runs", "", "Runs of protocols", 0, type="int", count=True),
            Quantity("runs_running", "", "Runs that are going on", 0, type="int", count=True),
            Quantity("runs_failed", "", "Runs that have failed", 0, type="int", count=True),
        ),
        PROJECT,
        page=SUMMARY,
    ),
    "acquisition": Stream(
        "scipion_acquisition",
        (
            Quantity("voltage", "kV", "Acceleration voltage", 0.0, 2000.0, decimals=0),
            Quantity("spherical_aberration", "mm", "Spherical aberration", 0.0, 100.0, decimals=2),
            Quantity("magnification", "", "Magnification", 0.0, 1e8, decimals=0),
            Quantity("pixel_size", ANGSTROM, "Pixel", 0.0, 1000.0, decimals=3),
            Quantity("dose", "e/Å²", "Dose of each frame", 0.0, 1e4, decimals=2),
        ),
        PROJECT,
        page=SUMMARY,
    ),
    "summary": Stream(
        "scipion_summary",
        (
            Quantity("size", "", "Items of the output", 0, type="int", count=True),
            Quantity("kind", "", "What the output is", type="str"),
            Quantity("protocol", "", "Protocol that makes it", type="str"),
            Quantity("state", "", "State of the run", type="str"),
        ),
        OUTPUT,
        page=SUMMARY,
    ),
    "ctf": Stream(
        "scipion_ctf",
        (
            Quantity("defocus_u", ANGSTROM, "Defocus along the major axis", -1e6, 1e6, decimals=0),
            Quantity("defocus_v", ANGSTROM, "Defocus along the minor axis", -1e6, 1e6, decimals=0),
            Quantity("astigmatism", ANGSTROM, "Difference of the two", 0.0, 1e6, decimals=0),
            Quantity("defocus_angle", "°", "Angle of the major axis", -360.0, 360.0, decimals=1),
            Quantity("resolution", ANGSTROM, "Resolution to which the fit is good", 0.1, 1e4, decimals=2),
            Quantity("fit_quality", "", "Quality of the fit, as the program says it", -1e6, 1e6, decimals=3),
            Quantity("phase_shift", "°", "Phase shift of a phase plate", -360.0, 360.0, decimals=1),
            Quantity("micrograph", "", "Name of the micrograph", type="str"),
            Quantity("psd", "", "Picture of its power spectrum, in the project's folder", type="str"),
        ),
        OUTPUT,
        kind="event",
        page="CTF",
    ),
    "gain": Stream(
        "scipion_gain",
        (
            Quantity("stddev", "", "Standard deviation of the residual gain", 0.0, 1e6, decimals=4),
            Quantity("p025", "", "Its percentile of 2.5 %", -1e6, 1e6, decimals=4),
            Quantity("p975", "", "Its percentile of 97.5 %", -1e6, 1e6, decimals=4),
            Quantity("maximum", "", "Its maximum", -1e9, 1e9, decimals=4),
            Quantity("p975_to_p025", "", "Percentile of 97.5 % by that of 2.5 %", -1e6, 1e6, decimals=4),
            Quantity("max_to_p975", "", "Maximum by the percentile of 97.5 %", -1e6, 1e6, decimals=4),
            Quantity("movie", "", "Name of the movie", type="str"),
        ),
        RUN,
        kind="event",
        page="Gain",
    ),
    "pictures": Stream(
        "scipion_picture",
        (
            Quantity("path", "", "Where it is, below the folder of pictures", type="str", picture=PICTURES_URL),
            Quantity("micrograph", "", "Name of the micrograph", type="str"),
            Quantity("bytes", "", "Length of the picture", 0, type="int", count=True),
        ),
        {**OUTPUT, "kind": "micrograph, psd or shifts"},
        kind="event",
        page="Gallery",
    ),
}  # fmt: skip
