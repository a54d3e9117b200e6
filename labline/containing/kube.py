"""The containers as a pod, for `podman kube play`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from provisioning.site import Site

from .compose import HEADER
from .service import FILES, Service

FILE = "kube.yaml"


def render(site: Site, services: Sequence[Service], user: tuple[int, int], folder: Path) -> str:
    """Write the file; ``folder`` is where it lies, for a pod knows no relative paths."""
    volumes: dict[str, dict[str, Any]] = {"tmp": {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}}
    containers = [_container(service, user, volumes, folder) for service in services]
    groups = sorted({group for service in services for group in service.groups})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"labline-{_named(site.name)}",
            "labels": {"app": "labline"},
            "annotations": {f"{FILES}/{service.name}": service.digest for service in services if service.digest},
        },
        "spec": {
            "restartPolicy": "OnFailure",  # what ends well has done its work
            "terminationGracePeriodSeconds": 45,
            # They find each other by the names that they have under Compose.
            "hostAliases": [
                {"ip": "127.0.0.1", "hostnames": [service.name for service in services if not service.once]}
            ],
            "securityContext": {"runAsNonRoot": True, **({"supplementalGroups": groups} if groups else {})},
            "containers": containers,
            "volumes": [{"name": name, **volume} for name, volume in volumes.items()],
        },
    }
    return HEADER + yaml.safe_dump(pod, sort_keys=False, allow_unicode=True, width=120)


def _container(
    service: Service, user: tuple[int, int], volumes: dict[str, dict[str, Any]], folder: Path
) -> dict[str, Any]:
    """Write one container; what it mounts is added to ``volumes``."""
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp", "subPath": service.name}]
    for path, target, kind, writable in _paths(service):
        name = _named(path)
        volumes[name] = {"hostPath": {"path": path if path.startswith("/") else str(folder / path), **kind}}
        mounts.append({"name": name, "mountPath": target, "readOnly": not writable})
    keys: dict[str, Any] = {
        "name": service.name,
        "image": service.image,
        "imagePullPolicy": "Never" if service.built_here else "IfNotPresent",
        "command": list(service.command),
        "env": [{"name": name, "value": value} for name, value in service.environment.items()],
        "ports": [{"containerPort": port, "hostPort": port, "hostIP": "127.0.0.1"} for port in service.ports],
        "volumeMounts": mounts,
        **(_probes(service) if service.ends_ill else {}),
        "securityContext": {
            "runAsUser": user[0],
            "runAsGroup": user[1],
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], **({"add": list(service.capabilities)} if service.capabilities else {})},
        },
    }
    return {key: value for key, value in keys.items() if value}


def _paths(service: Service) -> Iterator[tuple[str, str, dict[str, str], bool]]:
    for mount in service.mounts:
        yield mount.source, mount.target, {"type": "File" if mount.file else "Directory"}, mount.writable
    for secret in service.secrets:
        yield f"secrets/{secret}", f"/run/secrets/{secret}", {"type": "File"}, False
    for device in service.devices:
        yield device, device, {"type": "CharDevice"}, True


def _probes(service: Service) -> dict[str, Any]:
    if not service.health:
        return {}
    return {
        # What many months left a database reads for minutes on a small machine.
        "startupProbe": _probe(service, periodSeconds=10, failureThreshold=60),
        "livenessProbe": _probe(service, periodSeconds=30, failureThreshold=10),
    }


def _probe(service: Service, **times: int) -> dict[str, Any]:
    return {"exec": {"command": list(service.health)}, "timeoutSeconds": 10, **times}


def _named(text: str) -> str:
    """Make of a text what may be a name in such a file."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
