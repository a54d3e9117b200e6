"""The containers as a file for Compose (`docker compose`, `podman compose`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from provisioning.site import Site

from .service import FILES, Mount, Service

HEADER = "# Made by `labline containers` from the site file: change that, not this.\n"
FILE = "compose.yaml"


def render(site: Site, services: Sequence[Service], user: str) -> str:
    """Write the file; ``user`` is the number of the user and the group as which all containers run: ``1000:1000``."""
    secrets = sorted({secret for service in services for secret in service.secrets})
    whole = {
        "name": f"labline-{re.sub('[^a-z0-9_-]', '-', site.name.lower())}",
        "services": {service.name: _service(service, user, services) for service in services},
        "secrets": {name: {"file": f"./secrets/{name}"} for name in secrets},
    }
    return HEADER + yaml.safe_dump(_escaped(whole), sort_keys=False, allow_unicode=True, width=120)


def _service(service: Service, user: str, others: Sequence[Service]) -> dict[str, Any]:
    once = {other.name for other in others if other.once}
    conditions = {
        name: {"condition": "service_completed_successfully" if name in once else "service_healthy"}
        for name in service.after
    }
    keys: dict[str, Any] = {
        "image": service.image,
        "pull_policy": "never" if service.built_here else "missing",
        "entrypoint": list(service.command),
        "command": [],
        "user": user,
        "labels": {FILES: service.digest} if service.digest else {},
        "environment": dict(service.environment),
        "secrets": list(service.secrets),
        "volumes": [_volume(mount) for mount in service.mounts],
        "tmpfs": ["/tmp:mode=1777,size=64m"],
        "ports": [f"127.0.0.1:{port}:{port}" for port in service.ports],
        "devices": [{"source": d, "target": d, "permissions": "rw"} for d in service.devices],
        "group_add": [str(group) for group in service.groups],
        "healthcheck": _health(service),
        "depends_on": conditions,
        "restart": "on-failure:5" if service.once else "unless-stopped",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": list(service.capabilities),
        "security_opt": ["no-new-privileges:true"],
        "stop_grace_period": "45s",  # Telegraf and InfluxDB write what they hold
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
    }
    return {key: value for key, value in keys.items() if value or key == "command"}


def _volume(mount: Mount) -> dict[str, Any]:
    source = mount.source if mount.source.startswith("/") else f"./{mount.source}"
    volume: dict[str, Any] = {"type": "bind", "source": source, "target": mount.target}
    # Docker would make a missing one as root's, and an empty folder of a missing file.
    return volume | ({} if mount.writable else {"read_only": True}) | {"bind": {"create_host_path": False}}


def _health(service: Service) -> dict[str, Any]:
    if not service.health:
        return {}
    # What many months left a database reads for minutes on a small machine.
    times = {"interval": "30s", "timeout": "10s", "retries": 3, "start_period": "10m", "start_interval": "2s"}
    return {"test": ["CMD", *service.health], **times}


def _escaped(value: Any) -> Any:
    """Keep Compose from taking a ``$`` in a text for the name of a variable."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
