"""The folder of a lab's containers: what is mounted into them, their passwords, and where they keep their data."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grafana_dashboards import emit
from provisioning import files, grafana_text, telegraf_config
from provisioning.influxdb_schema import READER
from provisioning.site import Site
from telegraf_inputs.errors import BadInput

from ..stack import credentials
from . import broker, compose, kube, services, texts
from .service import Service

GRAFANA, SECRETS = "grafana", "secrets"
NOT_ROOT = 10001  # as whom containers run where root makes the folder
CLOSED = "closed to the containers"
WRITTEN_BY_TELEGRAF = ("data/telegraf/journal", "data/telegraf/memory")


def user() -> tuple[int, int]:
    """Tell as whom the containers run: as who made the folder, so that both may read and write it; never as root."""
    return (os.getuid(), os.getgid()) if os.getuid() else (NOT_ROOT, NOT_ROOT)


def texts_of(site: Site, folder: Path) -> dict[str, str]:
    """Make what lies in the folder: path -> text. Raises BadInput for a site of several nodes."""
    if len(site.nodes) > 1:
        raise BadInput(
            f"found {len(site.nodes)} nodes, expected one: containers are made for a machine that has everything; "
            f"`labline render` makes the files of each node",
            ("nodes",),
            site.file,
        )
    own, numbers = services.inside(site), user()
    grafana = emit.on_disk(own, _grafana_paths(), folder / GRAFANA)
    mounted = {
        "site.yml": Path(site.file).read_text(encoding="utf-8"),
        "caddy/Caddyfile": texts.caddyfile(site),
        **{f"telegraf/{name}": text for name, text in telegraf_config.render(own, own.server, services.PATHS).items()},
        **{f"{GRAFANA}/{name}": text for name, text in grafana.items()},
    }
    if broker.used(site):
        mounted |= {"mosquitto/mosquitto.conf": broker.CONFIG, "mosquitto/acl": broker.ACL}
    listed = [replace(service, digest=_digest(service, mounted)) for service in services.services(site)]
    return mounted | {
        ".gitignore": "# passwords and data: not for a repository\nsecrets/\ndata/\n",
        ".env": f"LABLINE_USER={numbers[0]}:{numbers[1]}\n",  # for services that are put beside them
        compose.FILE: compose.render(site, listed, f"{numbers[0]}:{numbers[1]}"),
        kube.FILE: kube.render(site, listed, numbers, folder.absolute()),
    }


def changes(site: Site, folder: Path) -> dict[str, str]:
    """Compare the folder with what should be in it; writes nothing."""
    made = texts_of(site, folder)
    found = files.changes(folder, made) | dict.fromkeys(_left_over(site, folder, made), "no longer made")
    return dict.fromkeys(_closed(site, folder), CLOSED) | found


def write(site: Site, folder: Path) -> tuple[dict[str, str], list[Path]]:
    """Bring the folder to the site: gives the changes, and the passwords that somebody has yet to put there."""
    made = texts_of(site, folder)  # before anything is written
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    credentials.check_own(folder)
    found = dict.fromkeys(_closed(site, folder), CLOSED) | files.write(folder, made)
    for name in _left_over(site, folder, made):
        (folder / name).unlink()
        found[name] = "no longer made"
    listed = services.services(site)
    for mount in (mount for service in listed for mount in service.mounts if mount.writable):
        _make(folder / mount.source)
    for place in WRITTEN_BY_TELEGRAF:
        _make(folder / place)
    missing = _passwords(site, folder / SECRETS, {name for service in listed for name in service.secrets})
    for name in _closed(site, folder):
        _let_read(folder / name)
    return found, missing


def _digest(service: Service, mounted: Mapping[str, str]) -> str:
    """Stand for what its mounted files say: a container is made anew where its definition changed, not where they did.

    Passwords are not in it: who reads a digest could try those out that people choose.
    """
    sources = [mount.source for mount in service.mounts if not mount.writable]
    seen = {name: text for name, text in mounted.items() for s in sources if name == s or name.startswith(f"{s}/")}
    # Podman takes 63 letters at most.
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:32] if seen else ""


def _left_over(site: Site, folder: Path, made: Mapping[str, str]) -> list[str]:
    """List dashboards that are not made any more."""
    own = {name.removeprefix(f"{GRAFANA}/"): text for name, text in made.items() if name.startswith(f"{GRAFANA}/")}
    return [f"{GRAFANA}/{name}" for name in emit.left_over(site, folder / GRAFANA, own)]


def _grafana_paths() -> emit.GrafanaPaths:
    return emit.GrafanaPaths(
        reader_password=grafana_text.file(f"{services.SECRETS}/{READER}"), secrets=services.SECRETS
    )


def _passwords(site: Site, folder: Path, wanted: set[str]) -> list[Path]:
    """Make the passwords that nobody has to think of, where they are not there yet; lists those that are missing."""
    for name in services.generated(site):
        credentials.secret(folder, name)
    if broker.used(site):
        known = {user: credentials.secret(folder, name) for user, name in broker.SECRETS.items()}
        file = folder / broker.PASSWORDS
        before = file.read_text() if file.exists() else ""
        if (text := broker.password_file(known, before)) != before:
            file.touch(0o600)
            file.write_text(text)
    if not os.getuid():
        for name in sorted(wanted):
            if (folder / name).exists():
                _let_read(folder / name)
    return [folder / name for name in sorted(wanted) if not (folder / name).exists()]


def _make(folder: Path) -> None:
    """Make a folder into which a container writes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.getuid():
        os.chown(folder, *user())


def _closed(site: Site, folder: Path) -> list[str]:
    """List what the containers' user can't read of what is mounted: root's, made where others may read nothing of his."""
    if os.getuid():
        return []
    listed = services.services(site)
    sources = {mount.source for service in listed for mount in service.mounts if not mount.writable}
    sources |= {f"{SECRETS}/{name}" for service in listed for name in service.secrets}
    own = [folder / source for source in sources if not source.startswith("/")]
    seen = sorted(path for place in own for path in (place, *place.rglob("*")))
    return [path.relative_to(folder).as_posix() for path in seen if path.exists() and not _readable(path)]


def _readable(path: Path) -> bool:
    info, (uid, gid) = path.stat(), user()
    wanted = 0o5 if path.is_dir() else 0o4
    granted = info.st_mode >> (6 if info.st_uid == uid else 3 if info.st_gid == gid else 0)
    return granted & wanted == wanted


def _let_read(path: Path) -> None:
    """Let the containers' user read what is root's; it stays root's."""
    os.chown(path, 0, user()[1])
    path.chmod(0o750 if path.is_dir() else 0o640)
