"""A quantity's course as looks see it: the readings in each stretch of time, and how they stand to a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from provisioning.limit_rules import SAMPLE, LimitRule, Which

from .numbers import Known


class Course:
    """The readings of a quantity from ``first`` until before ``end`` (multiples of SAMPLE since 1970), held against a rule.

    A rule counts the stretches that have one.
    """

    def __init__(self, rule: LimitRule, samples: Mapping[int, Sequence[Known]], first: int, end: int):
        self._first, self._end, self._samples, self._rule = first, end, samples, rule
        values = [samples.get(number, ()) for number in range(first, end)]
        if not rule.at_once:
            values = [value[:1] for value in values]
        self._sums: dict[Which, list[int]] = {
            "any": _sums(bool(value) for value in values),
            "beyond": _sums(any(map(rule.beyond, value)) for value in values),
            "not behind": _sums(not all(map(rule.behind, value)) for value in values),
        }
        self._values = values

    def judged(self, now: int) -> bool | None:
        """Tell what a look at ``now`` (a multiple of SAMPLE since 1970) finds: the alarm begins, ends, or stays as it is."""

        def count(which: Which, since: int, until: int) -> int:
            if which == "left behind":
                return self._left_behind(self._place(now - since // SAMPLE), self._place(now - until // SAMPLE))
            sums = self._sums[which]
            return sums[self._place(now - until // SAMPLE)] - sums[self._place(now - since // SAMPLE)]

        return self._rule.judged(count)

    def newest(self, now: int) -> Known | None:
        """Give the newest fresh reading that a look finds."""
        fresh = range(now - 1, now - 1 - self._rule.fresh // SAMPLE, -1)
        return next((self._samples[number][-1] for number in fresh if number in self._samples), None)

    def _left_behind(self, first: int, end: int) -> int:
        last = next((value[-1] for value in reversed(self._values[first:end]) if value), None)
        return int(last is not None and self._rule.behind(last))

    def _place(self, number: int) -> int:
        return min(max(number, self._first), self._end) - self._first


def _sums(found: Iterable[bool]) -> list[int]:
    return [0, *accumulate(map(int, found))]
