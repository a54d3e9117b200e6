"""Lock what is installed, each file by its SHA-256: ``python -m tools.lock`` renews requirements/*.txt and the archives' list.

What is to be had from PyPI, in which version, is said in pyproject.toml and requirements/*.in; here all that those need is
added, for every machine and Python that labline runs on. Of the vendors' archives it takes the checksums that they publish,
where they can be reached. Look at the differences before you commit them: from then on all machines trust them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from labline.stack import download, grafana, machine, telegraf
from labline.stack.errors import Unavailable

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "requirements"
OLDEST = "3.11"
BESIDE_TEST = ("all.txt", "ansible.txt", "ansible-test.txt")  # what may lie beside test.txt in one environment
HEADER = "# Made by `make lock`: change pyproject.toml or the .in files, not this.\n"
# What is locked -> from what.
LOCKED: dict[Path, list[str]] = {
    FOLDER / "test.txt": ["pyproject.toml", "requirements/build.in", "--extra", "test"],
    FOLDER / "all.txt": ["pyproject.toml", "requirements/build.in", "--extra", "all"],
    FOLDER / "uv.txt": ["requirements/uv.in"],
    FOLDER / "lakeshore.txt": ["requirements/lakeshore.in"],
    FOLDER / "ioc.txt": ["requirements/ioc.in"],
    FOLDER / "ocs.txt": ["requirements/ocs.in"],
    # bjdata is to be had as source alone, which numpy is needed to build, and is one of six ways to write messages.
    FOLDER / "crossbar.txt": ["requirements/crossbar.in", "--no-emit-package", "bjdata"],
    FOLDER / "kube.txt": ["requirements/kube.in"],
    FOLDER / "hadolint.txt": ["requirements/hadolint.in"],
    FOLDER / "pipx.txt": ["requirements/pipx.in"],
    FOLDER / "ffmpeg.txt": ["requirements/ffmpeg.in"],
    FOLDER / "fat.txt": ["requirements/fat.in"],
    FOLDER / "ansible.txt": ["requirements/ansible.in"],
    FOLDER / "ansible-test.txt": ["requirements/ansible-test.in"],
    FOLDER / "ansible-old.txt": ["requirements/ansible-old.in"],
    ROOT / "labline" / "stack" / "go.txt": ["requirements/go.in"],
}


def main() -> None:
    """Write the locked requirements anew."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([*pip, "-r", FOLDER / "uv.txt"], check=True)
        for file, sources in LOCKED.items():
            _lock(f"{folder}/bin/uv", file, sources)
    pin_archives()


def _lock(uv: str, file: Path, sources: list[str]) -> None:
    """Resolve ``sources`` and write ``file``, with the digests of every file of each package."""
    command = [
        uv,
        "pip",
        "compile",
        *sources,
        "--universal",
        "--python-version",
        OLDEST,
        "--upgrade",
        "--generate-hashes",
    ]
    if file.name in BESIDE_TEST:
        command += ["--constraints", "requirements/test.txt"]
    environment = {**os.environ, "UV_NO_CONFIG": "1"} | _index()
    quiet = ["--no-header", "--no-annotate", "--quiet"]
    made = subprocess.run([*command, *quiet], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    file.write_text(HEADER + made.stdout, encoding="utf-8")
    print(f"{file.relative_to(ROOT)}: {made.stdout.count('==')} packages")


def pin_archives() -> None:
    """Write the checksums of the vendors' archives anew; one that can't be read stays as it was."""
    known, found = download.pinned(), {}
    for part in (telegraf, grafana):
        for architecture in machine.ARCHITECTURES:
            name = part.archive(architecture)
            try:
                found[name] = download.published(f"{part.VENDOR}/{name}")
            except Unavailable as error:
                print(f"{name}: {'kept as it was' if name in known else 'not pinned'}: {error}")
                found |= {name: known[name]} if name in known else {}
    download.PINNED.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(found.items())))
    print(f"{download.PINNED.name}: {len(found)} archives")


def _index() -> dict[str, str]:
    """Hand on to uv what pip is told of the package index."""
    told = {"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "SSL_CERT_FILE": "PIP_CERT"}
    return {theirs: os.environ[ours] for theirs, ours in told.items() if os.environ.get(ours)}


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"nothing was locked: {Path(error.cmd[0]).name} failed (exit status {error.returncode}), see above")
