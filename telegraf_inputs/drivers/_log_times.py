"""The times of a log's lines: in a form of their own, in a zone whose clocks are put forward and back.

Source: Python's datetime.strptime and zoneinfo (PEP 495: fold, PEP 615).
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from ..errors import BadAnswer, BadInput, shown

UTC = datetime.UTC
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
LABVIEW_SECONDS = 2_082_844_800  # from 1904, where LabVIEW begins to count, to 1970
# Forms that are numbers -> how many there are in a second, and what they begin with, in seconds before 1970.
NUMBERS = {"unix": (1, 0), "unix_ms": (1000, 0), "labview": (1, LABVIEW_SECONDS)}
NUMBER = re.compile(r"\d{1,19}(?:[.,]\d{0,12})?\Z", re.ASCII)
LARGEST_NS = 2**63 - 1
HOUR_NS = 3600 * 10**9
FORM_WORDS = "iso, unix, unix_ms, labview (seconds since 1904), or the parts of a date such as %d-%m-%y %H:%M:%S"


class LogTime:
    """Reads times of one ``form``; ``zone`` (a name such as Europe/Helsinki) is that of what says none of its own."""

    def __init__(self, form: str, zone: str | None):
        """Check both. Raises BadInput with the path of the key."""
        self._form = form
        if form not in (*NUMBERS, "iso"):
            if "%" not in form:
                raise BadInput(f"found {shown(form)}, expected {FORM_WORDS}", ("time_form",))
            try:
                datetime.datetime.strptime(datetime.datetime(2026, 11, 28, tzinfo=UTC).strftime(form), form)
            except ValueError as error:
                raise BadInput(f"found {shown(form)}, expected {FORM_WORDS} ({error})", ("time_form",)) from None
        self._zone = zone_of(zone)
        if self._zone is None and form not in (*NUMBERS, "iso") and "%z" not in form:
            raise BadInput(
                "is missing: such times have no zone; expected that of the logger's clock, such as Europe/Helsinki or UTC",
                ("zone",),
            )

    def read(self, text: str, before_ns: int) -> tuple[int, bool]:
        """Read a time (ns, UTC); ``before_ns`` is that of the line before it. Tells too whether it can't be known which is meant.

        In the hour that a zone's clocks have twice, the line before it tells which: times go on. Raises BadAnswer.
        """
        text = text.strip()
        if self._form in NUMBERS:
            return self._number(text), False
        try:
            if self._form == "iso":
                found = datetime.datetime.fromisoformat(text)
            else:
                found = datetime.datetime.strptime(text, self._form)
        except ValueError:
            raise BadAnswer(f"found {text[:40]!r}, expected a time of the form {self._form}") from None
        if found.tzinfo is not None:
            return _ns(found), False
        if self._zone is None:
            raise BadAnswer(f"found {text[:40]!r}, a time without a zone; say zone: in the configuration")
        return self._local(found, before_ns)

    def _number(self, text: str) -> int:
        if not NUMBER.match(text):
            raise BadAnswer(f"found {text[:40]!r}, expected a number ({self._form})")
        in_a_second, earlier = NUMBERS[self._form]
        time_ns = int((Decimal(text.replace(",", ".")) / in_a_second - earlier) * 10**9)
        if not -LARGEST_NS < time_ns < LARGEST_NS:
            raise BadAnswer(f"found {text[:40]!r}, which is no time of these centuries")
        return time_ns

    def _local(self, found: datetime.datetime, before_ns: int) -> tuple[int, bool]:
        first, second = (_ns(found.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        if first == second:
            return first, False
        if first > second:  # the clocks were put forward
            raise BadAnswer(f"there was no {found} in {self._zone}: clocks were put forward then; is the zone right?")
        if before_ns > first:
            return second, before_ns > second
        return first, before_ns < first - HOUR_NS


def zone_of(name: str | None) -> datetime.tzinfo | None:
    """Find a time zone by its name. Raises BadInput."""
    if name is None or name == "UTC":
        return UTC if name else None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only here: most logs of machines are in UTC

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        said = (
            f"found {shown(name)}, expected a time zone such as Europe/Helsinki (apt install tzdata, where it is one)"
        )
        raise BadInput(said, ("zone",)) from None


def _ns(moment: datetime.datetime) -> int:
    return (moment - EPOCH) // datetime.timedelta(microseconds=1) * 1000
