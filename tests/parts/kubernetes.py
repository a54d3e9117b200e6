"""Kubernetes' own schemas, in the package kubernetes-validate."""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import packages

MAIN = "import sys; from kubernetes_validate.__main__ import main; sys.exit(main())"


def validate(file: Path) -> subprocess.CompletedProcess[str]:
    """Hold a file against the schemas, unknown keys included: status 0 where it is right."""
    command = [packages.BASE, "-c", MAIN, "--strict", file]
    return subprocess.run(command, env=packages.environment("kube"), capture_output=True, text=True, timeout=120)
