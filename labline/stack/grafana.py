"""Grafana: found or downloaded, and started on loopback from provisioned files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import requests

from provisioning import grafana_text

from . import cache, credentials, download, listener, loopback, machine, ports
from .errors import Unavailable
from .part import Part, first_way, output
from .process import Process

ADMIN = "admin"
OLDEST = (12, 2)  # older ones pass over parts of the rendered alert rules without a word
VERSION = "13.1.3"
VENDOR = "https://dl.grafana.com/oss/release"  # or $LABLINE_GRAFANA_URL
ADVICE = f"""\
All but the dashboards runs without it. To have them, let this machine reach {VENDOR}, or install Grafana
{OLDEST[0]}.{OLDEST[1]} or newer so that `grafana` is on PATH: https://grafana.com/grafana/download?edition=oss"""

_ARCHIVES = {"amd64": "amd64", "arm64": "arm64", "armhf": "armv7"}
# Where Debian's and the vendor's packages put what belongs to the program in /usr/sbin or /usr/bin.
_PACKAGED = Path("/usr/share/grafana")


def get() -> Part:
    """Find Grafana: on PATH, kept, or the vendor's release; ``path`` is its home directory. Raises NotFound."""
    return first_way("Grafana", [("on PATH", _on_path), ("kept", _kept), ("the vendor's release", _release)], ADVICE)


def at_hand() -> Path | None:
    """Find the home of a Grafana that is here already, on PATH or kept; none is fetched."""
    for way in (_on_path, _kept):
        with contextlib.suppress(Unavailable):
            return way()[0]
    return None


class GrafanaServer:
    """A private Grafana server: ``url``, ``admin`` and ``password`` of its administrator, ``stop()``."""

    def __init__(
        self,
        home: Path,
        directory: Path,
        secrets: Path,
        provisioning: Path,
        port: int,
        env: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
    ):
        """Start it; returns when it is healthy, with everything provisioned. Raises StartFailed with its last words.

        Without ``wait`` it only begins: call ``is_up`` now and then.

        ``home`` is the part's path; data and log lie under ``directory``; ``provisioning`` holds datasources,
        dashboards and alerting; ``env`` may add settings (``GF_…``) and what the provisioned files refer to.
        """
        ports.claim("Grafana", port)
        self.admin, self.password = ADMIN, credentials.secret(secrets, "grafana_admin")
        credentials.secret(secrets, "grafana_secret_key")
        self._port = port
        self.url = f"http://{ports.LOOPBACK}:{port}"
        directory = credentials.private_directory(directory).absolute()
        environment = {**settings(directory, secrets.absolute(), provisioning.absolute(), port), **(env or {})}
        self.process = Process("Grafana", _command(home), directory / "grafana.log", environment, home)
        if wait:  # the first start makes its database: that takes long on a Pi
            self.process.wait_ready(self.healthy, 120)

    def is_up(self) -> bool:
        """Look whether it is healthy. Raises StartFailed where it ended; then nothing of it runs."""
        return self.process.is_ready(self.healthy)

    def healthy(self) -> bool:
        """Tell whether it listens, and says that it is well."""
        return self._listens(self._port) and loopback.answers(f"{self.url}/api/health", 200)

    def _listens(self, port: int) -> bool:
        return listener.ours("Grafana", port, self.process.pid)

    def reload(self) -> str:
        """Let it read the data source and the alarms anew (dashboards it looks at by itself); tells what it says against it."""
        session = requests.Session()
        session.trust_env = False  # a proxy has no business between us and our own parts
        session.auth = self.admin, self.password
        for part in ("datasources", "alerting"):
            url = f"{self.url}/api/admin/provisioning/{part}/reload"
            try:
                if not self._listens(self._port):
                    return "nothing of ours listens at its port"
                answer = session.post(url, timeout=30)
            except requests.RequestException as error:
                return str(error)
            if answer.status_code not in (200, 202):
                return f"{part}: {answer.status_code} {answer.text[:200]}"
        return ""

    def stop(self) -> int:
        """Stop the server."""
        return self.process.stop(20)

    def __enter__(self) -> GrafanaServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def settings(directory: Path, secrets: Path, provisioning: Path, port: int) -> dict[str, str]:
    """Give the settings as environment: loopback, nobody without a password, nothing told to the outside."""
    return {
        "GF_PATHS_PROVISIONING": str(provisioning),
        "GF_PATHS_DATA": str(directory / "data"),
        "GF_PATHS_LOGS": str(directory / "logs"),
        "GF_PATHS_PLUGINS": str(directory / "plugins"),
        "GF_LOG_MODE": "console",
        "GF_SERVER_PROTOCOL": "http",
        "GF_SERVER_HTTP_ADDR": ports.LOOPBACK,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_SERVER_ROOT_URL": f"http://{ports.LOOPBACK}:{port}/",
        "GF_SECURITY_ADMIN_USER": ADMIN,
        "GF_SECURITY_ADMIN_PASSWORD": grafana_text.file(str(secrets / "grafana_admin")),
        "GF_SECURITY_SECRET_KEY": grafana_text.file(str(secrets / "grafana_secret_key")),
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_PUBLIC_DASHBOARDS_ENABLED": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_METRICS_ENABLED": "false",  # they are shown to anybody
    }


def _command(home: Path) -> list[str | Path]:
    """Give the command that starts the server: its own program, not a package's wrapper that changes user and paths."""
    return [home / "bin" / "grafana", "server", "--homepath", home]


def _checked(home: Path) -> tuple[Path, str]:
    """Ask the program in ``home`` for its version. Raises Unavailable where it is too old, or none."""
    program = home / "bin" / "grafana"
    text = output(program, "--version")
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    if not found:
        raise Unavailable(f"{program} does not tell its version: {text.strip()!r}")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise Unavailable(f"{program} is version {found[0]}; {OLDEST[0]}.{OLDEST[1]} or newer is needed")
    return home, found[0]


def _on_path() -> tuple[Path, str]:
    found = shutil.which("grafana") or shutil.which("grafana-server")
    if not found:
        raise Unavailable("no grafana on PATH")
    for home in (Path(found).resolve().parent.parent, _PACKAGED):
        if (home / "conf" / "defaults.ini").exists():
            return _checked(home)
    raise Unavailable(f"{found} is there, but not the files that belong to it (conf/defaults.ini)")


def _release_name() -> str:
    return f"grafana-{VERSION}-{machine.architecture()}"


def _kept() -> tuple[Path, str]:
    for home in (cache.directory() / _release_name()).glob("*/"):
        return _verified(home)
    raise Unavailable("none was downloaded before")


def _release() -> tuple[Path, str]:
    base = os.environ.get("LABLINE_GRAFANA_URL", VENDOR)
    return _verified(download.release(_release_name(), f"{base}/{archive(machine.architecture())}"))


def archive(architecture: str) -> str:
    """Name the vendor's archive for an architecture."""
    return f"grafana-{VERSION}.linux-{_ARCHIVES[architecture]}.tar.gz"


def _verified(home: Path) -> tuple[Path, str]:
    cache.verified(home / "bin" / "grafana")
    return _checked(home)
