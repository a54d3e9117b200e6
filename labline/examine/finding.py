"""One thing that was looked at, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from provisioning.site import Site

from ..live.snapshot import Snapshot
from ..places import Places
from ..running_lab import RunningLab


@dataclass(frozen=True)
class Finding:
    """``subject`` is what was looked at, ``said`` what was found; ``cure`` what to do where it is not well, else "".

    ``note``: it may be as it should be, but somebody should know.
    """

    subject: str
    said: str
    cure: str = ""
    note: bool = False

    @property
    def well(self) -> bool:
        return self.note or not self.cure

    def line(self, width: int) -> str:
        """Write it in a line; subjects take ``width`` columns."""
        word = "note" if self.note else "MEND" if self.cure else "ok"
        return f"{word:4}  {self.subject:{width}}  {self.said}{f' -> {self.cure}' if self.cure else ''}"


class Examined:
    """A lab that is looked at: ``here`` is its run on this machine, None where it does not run here.

    ``secrets`` is the folder of passwords of a lab that runs elsewhere; ``mail``: one is to be sent.
    """

    def __init__(self, site: Site, state: Path | None, secrets: Path, here: RunningLab | None, *, mail: bool):
        self.site = here.site if here else site
        self.places = here.places if here else Places(state, site)
        self.urls = here.urls if here else {}
        # The folder of the passwords that hold for its database.
        self.passwords = self.places.secrets if here else secrets
        self.here, self.mail = here, mail

    @cached_property
    def snapshot(self) -> Snapshot | None:
        """How the lab that runs here is, whether points arrive included; None where it does not, or has no database yet.

        Raises DatabaseError.
        """
        return self.here.watch().look() if self.here and self.urls.get("influxdb") else None
