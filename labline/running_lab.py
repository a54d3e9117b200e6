"""A lab that `labline run` runs on this machine, as another command finds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from provisioning import site as sites
from provisioning.site import Site

from . import known_labs
from .local.site_file import COPY
from .places import SIMULATED, Places, simulated, state_of

if TYPE_CHECKING:
    from .live.watch import Watch


@dataclass(frozen=True)
class RunningLab:
    """``site`` is what runs, which may be other than what its file says by now (``changed``); ``who`` is of the runlock."""

    places: Places
    who: dict[str, Any]
    site: Site
    changed: bool

    @property
    def simulated(self) -> bool:
        """Whether all of it is, whatever its file says."""
        return self.places.root.name.endswith(SIMULATED)

    @property
    def urls(self) -> dict[str, str]:
        """Where its parts are, of those that are there: ``influxdb``, ``grafana``."""
        return {name: url for name, url in self.who["urls"].items() if url}

    def watch(self) -> Watch:
        """Look at it, with what Telegraf's log says, and whether a point arrives; it must have told where its database is."""
        from .live.canary import LONGEST, Canary, merged
        from .live.telegraf_log import TelegrafLog, TelegrafLogs
        from .live.watch import Watch
        from .stack import standstill

        url, since = self.urls["influxdb"], datetime.fromisoformat(self.who["since"]).timestamp()
        site = structs.replace(self.site, influxdb=structs.replace(self.site.influxdb, url=url, ca=""))
        nodes = [TelegrafLog.of_node(site, node, self.places.nodes[node.name].log, since=since) for node in site.nodes]
        logs = TelegrafLogs(nodes)
        canary = Canary(site, self.places.reader(url, LONGEST), self.places.secrets)
        return Watch(
            site,
            self.places.reader(url),
            int(since * 1e9),
            logs.details,
            lambda: merged(logs.troubles(), canary.look),
            lambda node: standstill.is_child(self.who["telegraf"].get(node), self.who["pid"]),
            simulated=self.simulated,
        )


def find(file: Path, state: Path | None) -> RunningLab | None:
    """Find the run of a site file; where a real and a simulated one run, the real one. Raises BadInput."""
    labs = [_read(root, who, file) for root, who in known_labs.running(state_of(file, state), file)]
    # One that has told where its database is goes before one that is still starting.
    return next((lab for lab in labs if lab.urls.get("influxdb")), labs[0] if labs else None)


def _read(root: Path, who: dict[str, Any], file: Path) -> RunningLab:
    text = (root / COPY).read_text(encoding="utf-8-sig")
    changed = not file.exists() or text != file.read_text(encoding="utf-8-sig", errors="replace")
    site, whole = sites.parse(text, str(file)), root.name.endswith(SIMULATED)
    places = Places(root.parent, site, simulated=whole)
    return RunningLab(places, who, simulated(site, places.root) if whole else site, changed)
