"""What one container is: its image, what it runs, what it sees of the machine. Compose and Kubernetes files are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FILES = "labline.files"  # how what stands for a service's mounted files is called


@dataclass(frozen=True)
class Mount:
    """A file or folder that a container sees at ``target``; ``source`` lies in the folder of the lab's containers."""

    source: str
    target: str
    writable: bool = False
    file: bool = False


@dataclass(frozen=True)
class Service:
    """One container. All of them are read-only but for their mounts and /tmp, and may do nothing that root may.

    ``health`` is a command that fails where it is not well; with ``ends_ill`` such a container is better started anew.
    ``ports`` are published on loopback. ``after`` names services that have to be well, or at their end, before.
    """

    name: str
    image: str
    command: tuple[str, ...]
    health: tuple[str, ...] = ()
    ends_ill: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()  # that own them, by the machine's numbers: an image has numbers of its own
    capabilities: tuple[str, ...] = ()
    built_here: bool = False  # its image comes from no registry
    digest: str = ""  # of its mounted files
    once: bool = False  # it does its work, and ends
