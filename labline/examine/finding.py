"""One thing that was looked at, and whether it is well."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioning.site import Site

from ..places import Places


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


@dataclass(frozen=True)
class Examined:
    """A lab that is looked at: ``running`` is who runs it here (runlock), None for nobody; ``secrets`` the folder of
    passwords of a lab that runs elsewhere; ``mail``: one is to be sent."""

    site: Site
    places: Places
    secrets: Path
    running: dict[str, Any] | None = None
    mail: bool = False
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def passwords(self) -> Path:
        """The folder of the passwords that hold for its database."""
        return self.places.secrets if self.running else self.secrets
