"""What Julabo's models answer under the same commands: a table for each, chosen by VERSION or by ``model``.

Sources: Julabo operating manuals, lists of commands: CF31 (p. 72), HL-4 and SL-26 (p. 82), F33-SD (p. 34), LC 6 (p. 46),
CF30 and CF40 (p. 31), Magnum 91 (p. 66), FL1201 (p. 26), FC600 to FC1600 (19534802-V4, p. 32), CORIO CD (1.950.0800,
chapter 11), MAGIO MS (1.950.1700, chapter 11), DYNEO DD (1.950.1300, chapter 11). No manual, but programs that read
them: FP50-MH (EPICS-julabo), PRESTO A40, MC-2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Model:
    """What one kind of Julabo can be asked.

    ``version``: what its answer to VERSION contains (a regular expression). ``questions``: channel -> command; that of
    ``setpoint`` is of the first. ``selects``: among how many set points IN_MODE_01 chooses; 0: there is one alone.
    ``controls``: IN_MODE_04 tells whether the external sensor's temperature is controlled. ``unit``: the command that
    tells °C from °F, "" where there is none; ``believed``: its manual lists that, so °F is converted. ``by_words``: the
    codes of its STATUS mean other things, the words the same.
    """

    title: str
    version: str
    questions: Mapping[str, str]
    selects: int = field(default=0, kw_only=True)
    controls: bool = field(default=False, kw_only=True)
    unit: str = field(default="", kw_only=True)
    believed: bool = field(default=False, kw_only=True)
    by_words: bool = field(default=False, kw_only=True)


COMMON = {"bath": "IN_PV_00", "circulator": "STATUS", "setpoint_1": "IN_SP_00"}  # what all manuals agree on
ONE = {"setpoint": "IN_SP_00"}
TWO = {**ONE, "setpoint_2": "IN_SP_01"}
THREE = {**TWO, "setpoint_3": "IN_SP_02"}
HEATER = {"heater": "IN_PV_01"}
HEATER_EXTERNAL = {"heater": "IN_PV_01", "external": "IN_PV_02"}
EXTERNAL_HEATER = {"external": "IN_PV_01", "heater": "IN_PV_02"}

UNKNOWN = Model("a model that is not known", "", COMMON, unit="IN_SP_06")
MODELS = {
    "cf41": Model(
        "CF31, CF41",
        r"\bCF[34]1\b",
        {**COMMON, **HEATER_EXTERNAL, **THREE},
        selects=3,
        controls=True,
        unit="IN_SP_06",
        believed=True,
    ),
    "hightech": Model(
        "HL, SL (HighTech)",
        r"\bHIGHTECH\b",
        {**COMMON, **HEATER_EXTERNAL, **THREE},
        selects=3,
        controls=True,
        unit="IN_SP_06",
        believed=True,
    ),
    "toptech": Model(
        "MC, ME (TopTech)",
        r"\bTOPTECH\b",
        {**COMMON, **HEATER_EXTERNAL, **THREE},
        selects=3,
        controls=True,
        unit="IN_SP_06",
    ),
    "presto": Model(
        "PRESTO",
        r"\bPRESTO\b",
        {**COMMON, **HEATER_EXTERNAL, **THREE},
        selects=3,
        controls=True,
        unit="IN_SP_11",
    ),
    "f33": Model(
        "F33-HD, F33-SD, LC 6",
        r"\b(F33-[HS]D|LC ?6)\b",
        {**COMMON, **HEATER_EXTERNAL, **TWO},
        selects=2,
        controls=True,
        unit="IN_SP_06",
        believed=True,
    ),
    "magnum": Model("Magnum 91", r"\bMAGNUM\b", {**COMMON, **HEATER_EXTERNAL, **ONE}, controls=True),
    "magio": Model("MAGIO, DYNEO", r"\b(MAGIO|DYNEO)\b", {**COMMON, **HEATER_EXTERNAL, **ONE}),
    "corio": Model("CORIO", r"\bCORIO\b", {**COMMON, **HEATER, **ONE}),
    "cf40": Model("CF30, CF40", r"\bCF[34]0\b", {**COMMON, **HEATER, **ONE}),
    "fl": Model("FL, FLW", r"\AJULABO FLW?( VERSION| ?\d)", {**COMMON, **ONE}),
    "fc": Model(
        "FC, FCW, FP50-MH",
        r"\AJULABO (FCW?( VERSION| ?\d)|FP50[-_]MH)",
        {**COMMON, **EXTERNAL_HEATER, **ONE},
        by_words=True,
    ),
}  # fmt: skip


def of_version(version: str) -> str:
    """Find a model's name by its answer to VERSION; "" where that is not in it."""
    return next((name for name, model in MODELS.items() if re.search(model.version, version, re.IGNORECASE)), "")
