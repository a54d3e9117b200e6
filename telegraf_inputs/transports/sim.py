"""The driver's own simulator, in the instrument's place: ``sim``, ``sim:?seed=1&faults=silent@20+10``."""

from __future__ import annotations

from ..line import Wire
from ..transport import Transport
from ..url import Url


class Sim(Transport):
    """Stands for a simulator: what reads it is told its real URL (simulators.start)."""

    scheme = "sim"
    example = "sim"
    may_have_at = True

    def check(self, url: Url, wire: Wire) -> None:
        from ..simulators import settings

        settings(url)

    def page(self, wire: Wire) -> str:
        return "`sim`: a simulator in the instrument's place"


TRANSPORT = Sim()
