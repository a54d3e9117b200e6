"""A small disk: a file with an ext4 file system on it, which can fail as a memory card does, and be mended."""

from __future__ import annotations

import subprocess
from pathlib import Path


class DiskImage:
    """``place`` is where it is mounted. Raises OSError where this machine mounts no file."""

    def __init__(self, folder: Path, megabytes: int):
        self._image, self.place = folder / "disk.img", folder / "disk"
        self.place.mkdir(parents=True)
        with open(self._image, "wb") as image:
            image.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", str(self._image))
        self._mount()

    def fail(self) -> None:
        """Let the kernel take it for broken: from now on it can be read alone, as a worn memory card can."""
        _run("mount", "-o", "remount,abort", str(self.place))

    def mend(self) -> None:
        """Check it as a start does, and mount it anew; nothing may hold it any more."""
        _run("umount", str(self.place))
        _run("fsck.ext4", "-y", "-f", str(self._image), well=(0, 1))  # 1: mended
        self._mount()

    def close(self) -> None:
        """Take it away."""
        _run("umount", "--lazy", str(self.place))
        self._image.unlink()

    def _mount(self) -> None:
        # By a device of its own each time: other hosts may have that of the time before in their namespaces, failed as it is.
        device = _run("losetup", "--find", "--show", str(self._image)).strip()
        try:
            _run("mount", "-o", "noatime", device, str(self.place))
        finally:
            _run("losetup", "--detach", device)  # once nobody has it mounted any more


def _run(*command: str, well: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode not in well:
        raise OSError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout
