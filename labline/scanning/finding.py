"""Something that was found, and the stanza that would read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

NAME = re.compile(r"^name: (.*)$", re.M)


@dataclass
class FoundPlace:
    """``place`` is where, ``what`` who answers there; ``stanza`` is YAML for the site file, "" where none is known."""

    place: str
    what: str
    stanza: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The instrument's name in the stanza; "" without one."""
        match = NAME.search(self.stanza)
        return match[1] if match else ""

    def rename_beside(self, others: Sequence[str]) -> None:
        """Give the instrument a number where another has its name already."""
        name, number = self.name, 2
        while name and name in others:
            name, number = f"{self.name}_{number}", number + 1
        self.stanza = NAME.sub(f"name: {name}", self.stanza)

    def text(self) -> str:
        """Write it for people, with the stanza as an entry of the site file's list."""
        lines = [f"{self.place}: {self.what}", *(f"  {note}" for note in self.notes)]
        if self.stanza:
            first, *others = self.stanza.rstrip().splitlines()
            lines += ["", f"  - {first}", *(f"    {line}" for line in others), ""]
        return "\n".join(lines)
