"""The machine's clock, and the times that sources give: neither is trusted blindly."""

from __future__ import annotations

import ctypes
import os
import time

VARIABLE = "LABLINE_CLOCK"  # "unchecked": whoever runs this machine keeps its clock otherwise
EARLIEST_NS = 1_577_836_800_000_000_000  # 2020: a machine without a battery begins in 1970, or when its image was made
AHEAD_NS = 2_000_000_000  # a source's time may be so far ahead of ours: clocks differ
LOOK_SECONDS = 10.0  # between two questions to the kernel
SET_NS = 500_000_000  # a clock that went otherwise by more was set: the kernel is asked at once
TIME_ERROR, REFUSED = 5, -1  # adjtimex(2): the clock is not synchronised; a sandbox does not let it through


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2): with ``modes`` 0 nothing is set; the rest is not looked at."""

    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 252))


class Clock:
    """Judges times: "" where a time is well, else what is wrong with it (a point's field ``clock``)."""

    def __init__(self) -> None:
        self._checked = os.environ.get(VARIABLE) != "unchecked"
        self._next_look = 0.0
        self._ahead = 0  # of the monotonic clock, in ns, at the last look
        self._doubt = ""

    @property
    def doubt(self) -> str:
        """Tell what the kernel knows against its clock: unsynchronised, "" for nothing, or unknown where it can't be asked."""
        ahead = time.time_ns() - time.monotonic_ns()
        if self._checked and (time.monotonic() >= self._next_look or abs(ahead - self._ahead) > SET_NS):
            self._next_look, self._ahead = time.monotonic() + LOOK_SECONDS, ahead
            self._doubt = _kernel_says()
        return self._doubt

    def judge(self, time_ns: int) -> str:
        """Judge the time of a reading (ns, UTC): future, past, unsynchronised, unknown, or "" for well."""
        return self.oddity(time_ns) or self.doubt

    def oddity(self, time_ns: int) -> str:
        """Tell what is odd about a time itself: future, past, or "" for nothing."""
        if time_ns > time.time_ns() + AHEAD_NS:
            return "future"
        if time_ns < EARLIEST_NS:
            return "past"
        return ""


MEANINGS = {
    "future": "its times lie in the future: the clock of the source is ahead, or this machine's is behind",
    "past": "its times lie before 2020: a clock was not set",
    "unsynchronised": "this machine's clock follows no other (timedatectl; apt install chrony)",
    "unknown": "the kernel can't be asked here whether this machine's clock follows another; is adjtimex barred?",
}


def _kernel_says() -> str:
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return "unknown"
    return "unknown" if state == REFUSED else "unsynchronised" if state == TIME_ERROR else ""
