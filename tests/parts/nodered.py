"""Node-RED from npm, each package by the digest in its lock file; installed once, into the cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from labline.stack import cache

LOCKED = Path(__file__).parent / "node_red"


def program() -> Path | None:
    """Give Node-RED's own start file; None where there is no Node.js with npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    digest = hashlib.sha256((LOCKED / "package-lock.json").read_bytes()).hexdigest()[:8]
    name = f"tests-node-red-{digest}"
    with cache.new(name) as scratch:
        if scratch:
            for file in LOCKED.iterdir():
                shutil.copy(file, scratch)
            npm = ["npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts", "--omit=optional"]
            subprocess.run(npm, cwd=scratch, check=True, capture_output=True)
    return cache.directory() / name / "node_modules/node-red/red.js"
