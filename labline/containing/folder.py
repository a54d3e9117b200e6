"""The folder of a lab's containers: what is mounted into them, their passwords, and where they keep their data."""

from __future__ import annotations

import os
from pathlib import Path

from grafana_dashboards import emit
from provisioning import files, grafana_text, telegraf_config
from provisioning.influxdb_schema import READER
from provisioning.site import Site
from telegraf_inputs.errors import BadInput

from ..stack import credentials
from . import broker, compose, kube, services, texts

NOT_ROOT = 10001  # as whom containers run where root makes the folder
WRITTEN_BY_TELEGRAF = ("data/telegraf/journal", "data/telegraf/memory")


def user() -> tuple[int, int]:
    """Tell as whom the containers run: as who made the folder, so that both may read and write it; never as root."""
    return (os.getuid(), os.getgid()) if os.getuid() else (NOT_ROOT, NOT_ROOT)


def texts_of(site: Site, folder: Path) -> dict[str, str]:
    """Make what lies in the folder, but Grafana's: path -> text. Raises BadInput for a site of several nodes."""
    if len(site.nodes) > 1:
        raise BadInput(
            f"found {len(site.nodes)} nodes, expected one: containers are made for a machine that has everything; "
            f"`labline render` makes the files of each node",
            ("nodes",),
            site.file,
        )
    own, listed = services.inside(site), services.services(site)
    rendered = telegraf_config.render(own, own.server, services.PATHS)
    numbers = user()
    made = {
        ".gitignore": "# passwords and data: not for a repository\nsecrets/\ndata/\n",
        ".env": f"LABLINE_USER={numbers[0]}:{numbers[1]}\n",  # for services that are put beside them
        compose.FILE: compose.render(site, listed, f"{numbers[0]}:{numbers[1]}"),
        kube.FILE: kube.render(site, listed, numbers, folder.absolute()),
        "site.yml": Path(site.file).read_text(encoding="utf-8"),
        "caddy/Caddyfile": texts.caddyfile(site),
        **{f"telegraf/{name}": text for name, text in rendered.items()},
    }
    if broker.used(site):
        made |= {"mosquitto/mosquitto.conf": broker.CONFIG, "mosquitto/acl": broker.ACL}
    return made


def changes(site: Site, folder: Path) -> dict[str, str]:
    """Compare the folder with what should be in it; writes nothing."""
    grafana = folder / "grafana"
    made = emit.on_disk(services.inside(site), _grafana_paths(), grafana)
    found = files.changes(grafana, made)
    found |= dict.fromkeys(emit.left_over(site, grafana, made), "no longer made")
    return files.changes(folder, texts_of(site, folder)) | {f"grafana/{name}": what for name, what in found.items()}


def write(site: Site, folder: Path) -> tuple[dict[str, str], list[Path]]:
    """Bring the folder to the site: gives the changes, and the passwords that somebody has yet to put there."""
    made = texts_of(site, folder)  # before anything is written
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    credentials.check_own(folder)
    found = files.write(folder, made)
    written = emit.write(services.inside(site), folder / "grafana", _grafana_paths())
    found |= {f"grafana/{name}": what for name, what in written.items()}
    listed = services.services(site)
    for mount in (mount for service in listed for mount in service.mounts if mount.writable):
        _make(folder / mount.source)
    for place in WRITTEN_BY_TELEGRAF:
        _make(folder / place)
    return found, _passwords(site, folder / "secrets", {name for service in listed for name in service.secrets})


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
    for name in sorted(wanted):
        if (folder / name).exists():
            _let_read(folder / name)
    return [folder / name for name in sorted(wanted) if not (folder / name).exists()]


def _make(folder: Path) -> None:
    """Make a folder into which a container writes."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.getuid():
        os.chown(folder, *user())


def _let_read(password: Path) -> None:
    """Let the containers' user read a password where root made it; it stays root's."""
    if not os.getuid():
        os.chown(password, 0, user()[1])
        password.chmod(0o640)
