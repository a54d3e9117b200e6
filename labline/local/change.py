"""What is other in a site file than in the one that runs, and whether a run can go over to it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from provisioning.site import Site
from telegraf_inputs.errors import BadInput

from ..words import counted


@dataclass(frozen=True)
class Change:
    """Names of instruments that ``came``, are ``gone``, or are read otherwise (``changed``).

    ``renamed`` are those that came where one is gone that was read in the same way, by their old names.
    """

    came: list[str]
    gone: list[str]
    changed: list[str]
    stayed: int
    renamed: dict[str, str]
    file: str

    def lines(self) -> list[str]:
        """Say it, a line for each kind."""
        kinds = {"taken up": self.came, "let go": self.gone, "read anew": self.changed}
        said = [f"{word}: {', '.join(names)}" for word, names in kinds.items() if names]
        stayed = f"{counted('instrument', self.stayed)} {'is' if self.stayed == 1 else 'are'} read on as before"
        again = [
            f"the history of {old} stays under that name; once this run has ended, labline rename {old} {new} {shlex.quote(self.file)} takes it along"
            for old, new in self.renamed.items()
        ]
        return [*said, stayed, *again]


def between(before: Site, after: Site) -> Change:
    """Compare two versions of a site. Raises BadInput where a run can't go over from one to the other."""
    fixed = {
        "site": (before.name, after.name),
        "nodes": (
            [(n.name, n.server, n.clock) for n in before.nodes],
            [(n.name, n.server, n.clock) for n in after.nodes],
        ),
        "influxdb.database": (before.influxdb.database, after.influxdb.database),
    }
    for key, (old, new) in fixed.items():
        if old != new:
            raise BadInput(
                "is another one than that of the run; a new start takes that up: Ctrl-C, then labline run",
                (key,),
                after.file,
            )
    old_ones = {i.name: (i.data, i.node) for i in before.enabled}
    new_ones = {i.name: (i.data, i.node) for i in after.enabled}
    both = [name for name in new_ones if name in old_ones]
    came = [name for name in new_ones if name not in old_ones]
    gone = [name for name in old_ones if name not in new_ones]
    written = {i.name for i in after.instruments}  # what is in repair has its name still
    renamed = {
        old: new
        for old in gone
        for new in came
        if old not in written and _nameless(old_ones[old]) == _nameless(new_ones[new])
    }
    return Change(
        came=came,
        gone=gone,
        changed=[name for name in both if new_ones[name] != old_ones[name]],
        stayed=sum(new_ones[name] == old_ones[name] for name in both),
        renamed=renamed,
        file=after.file,
    )


def _nameless(read: tuple[dict[str, Any], str]) -> tuple[dict[str, Any], str]:
    data, node = read
    return {key: value for key, value in data.items() if key not in ("name", "label", "description")}, node
