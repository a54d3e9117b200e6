"""The dashboards of a lab that runs on this machine: its own Grafana, which tells nobody what it must not."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from grafana_dashboards.uids import uid
from provisioning import grafana_text
from provisioning.contact_point import SECRET_FILES
from provisioning.influxdb_schema import READER
from provisioning.site import Site

from ..places import Places
from ..stack import grafana, ports
from ..stack.answering import Answering
from ..stack.errors import StartFailed
from ..stack.process import Process

if TYPE_CHECKING:
    from grafana_dashboards import emit

MAIL = ("GF_SMTP_ENABLED", "GF_SMTP_HOST")  # without them Grafana sends none
DASHBOARDS_PORT = "grafana"  # its name among the ports that are remembered


class Dashboards:
    """A Grafana of this lab's own: there from ``start`` to ``stop``, where one can be had."""

    def __init__(self, places: Places, say: Callable[[str], None]):
        self._places, self._say = places, say
        self._start: Callable[..., grafana.GrafanaServer] | None = None
        self._up = False
        self._overview = ""
        self.grafana: grafana.GrafanaServer | None = None
        self._answering: Answering | None = None

    @property
    def process(self) -> Process | None:
        return self.grafana.process if self.grafana else None

    @property
    def overview(self) -> str:
        """Give the URL of the first dashboard; "" while there is no Grafana."""
        return self._overview if self._up and self.process and self.process.running else ""

    @property
    def notice(self) -> str:
        """Tell, in a line, where the dashboards are; "" while there are none."""
        return f"Dashboards: {self.overview}" if self.overview else ""

    def start(self, home: Path, port: int, site: Site, *, simulated: bool) -> None:
        """Start it; where that fails it is told, and all else runs on. ``simulated``: instruments are."""
        from grafana_dashboards import emit

        places = self._places
        site = self._telling_few(site, simulated)
        mailed = [p.name for p in site.notifications.contact_points if p.type == "email"]
        missing = [name for name in MAIL if not os.environ.get(name)]
        if mailed and missing:
            self._say(f"  no mail server ({', '.join(missing)}): no mail to {', '.join(mailed)}; see docs/site-file.md")
        try:
            emit.write(site, places.grafana_files, self._paths)
            root = {"GF_SERVER_ROOT_URL": f"{site.grafana.url.rstrip('/')}/"} if site.grafana.url else {}
            self._start = functools.partial(
                grafana.GrafanaServer, home, places.grafana, places.secrets, places.grafana_files, port, root
            )
            self.grafana = self._start()
        except (emit.InvalidForGrafana, StartFailed) as error:
            ports.forget(places.ports, DASHBOARDS_PORT)
            self._say(f"{error}\nEverything else runs on, without dashboards.")
        else:
            ports.remember(places.ports, DASHBOARDS_PORT, port)
            self._overview = f"{self.grafana.url}/d/{uid(site.name, 'overview')}"
            self._up = True
            self._answering = Answering(self._answers)

    def hung(self) -> str:
        """Tell for how long it has not answered, where that is too long; "" where it does."""
        return self._answering.why_not() if self._answering else ""

    def begin(self) -> None:
        """Begin to start it anew, as it was started, from the files there are by now. Raises StartFailed."""
        if self._start:
            self.grafana = self._start(wait=False)

    def is_up(self) -> bool:
        """Go on with that; True once it is done. Raises StartFailed; then nothing of it runs."""
        self._up = bool(self.grafana and self.grafana.is_up())
        return self._up

    @property
    def _paths(self) -> emit.GrafanaPaths:
        from grafana_dashboards import emit

        return emit.GrafanaPaths(reader_password=grafana_text.file(str(self._places.secrets / READER)))

    def take_up(self, site: Site, *, simulated: bool) -> str:
        """Write the files of another version of the site, and let Grafana read them; tells what went wrong."""
        from grafana_dashboards import emit

        if not self.grafana:
            return ""
        try:
            emit.write(self._telling_few(site, simulated), self._places.grafana_files, self._paths)
        except emit.InvalidForGrafana as error:
            return f"the dashboards stay as they were: {error}"
        refused = self.read_again()  # one that is started anew reads them anyway
        return f"Grafana did not take up the alarms: {refused}; a new start does" if refused else ""

    def read_again(self) -> str:
        """Let Grafana read anew what files say, passwords included; tells what it says against that."""
        return self.grafana.reload() if self.grafana and self.overview else ""

    def stop(self) -> None:
        """Stop it."""
        self._up = False
        if self.grafana:
            self.grafana.stop()
            self.grafana = None

    def close(self) -> None:
        """Stop it for good."""
        if self._answering:
            self._answering.close()
        self.stop()

    def _answers(self) -> bool:
        """Ask it whether it is healthy; True also where it is not up, and nothing is to be expected of it."""
        server = self.grafana
        return not self._up or server is None or server.healthy()

    def _telling_few(self, site: Site, simulated: bool) -> Site:
        """Leave out contact points: all where anything is simulated, else those whose secrets Grafana would miss."""
        points, known = [], site.notifications.contact_points
        if simulated and known:
            self._say("  alarms go to nobody from here: instruments are simulated")
            known = ()
        for point in known:
            files = {key: self._places.secrets / getattr(point, key) for key in SECRET_FILES if getattr(point, key)}
            missing = [str(file) for file in files.values() if not file.exists()]
            if missing:
                self._say(f"  alarms do not go to {point.name!r} from here: {', '.join(missing)} is not there")
            else:
                points.append(structs.replace(point, **{key: str(file) for key, file in files.items()}))
        return structs.replace(site, notifications=structs.replace(site.notifications, contact_points=tuple(points)))
