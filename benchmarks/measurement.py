"""One row of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """What was measured (``found``, in ``unit``), and the ``limit`` that it must not pass; None where it has none.

    ``least`` makes the limit a lower one. ``how`` tells what was done, for one who would do it again.
    """

    what: str
    found: float
    unit: str
    limit: float | None = None
    how: str = ""
    least: bool = False
    digits: int = 0

    @property
    def met(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or (self.found >= self.limit if self.least else self.found <= self.limit)

    def cells(self) -> tuple[str, str, str]:
        """Write measured value, limit and verdict."""
        limit = (
            ""
            if self.limit is None
            else f"{'≥' if self.least else '≤'} {self.limit:.{self.digits}f} {self.unit}".strip()
        )
        verdict = "" if self.limit is None else "met" if self.met else "**missed**"
        return f"{self.found:.{self.digits}f} {self.unit}".strip(), limit, verdict
