"""What became of the last backup: a small file, which whoever raises an alarm reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "last.json"
MADE, FAILED, NONE_YET = range(3)


@dataclass(frozen=True)
class BackupRecord:
    """``made``: when (Unix s) the newest good backup began; ``failed``: why the last one failed; ``size`` in bytes, ``seconds`` it took."""

    made: float | None = None
    failed: str = ""
    size: int = 0
    seconds: float = 0.0

    @property
    def result(self) -> int:
        if self.failed:
            return FAILED
        return NONE_YET if self.made is None else MADE

    def line(self, now: Callable[[], float] = time.time) -> str:
        """Tell it as line protocol, for Telegraf; ``age`` in hours, of the newest good one."""
        fields = [f"result={self.result}i"]
        if self.made is not None:
            fields += [
                f"age={(now() - self.made) / 3600:.4f}",
                f"size={self.size / 1e6:.3f}",
                f"took={self.seconds:.1f}",
            ]
        return f"backup {','.join(fields)}"


def read(state: Path) -> BackupRecord:
    """Read what the last backup left in ``state``."""
    try:
        return BackupRecord(**json.loads((state / FILE).read_text()))
    except FileNotFoundError:
        return BackupRecord()
    except (ValueError, TypeError):
        return BackupRecord(failed=f"{state / FILE} is spoilt")


def write(state: Path, record: BackupRecord) -> None:
    """Leave it for all to read."""
    new = state / f"{FILE}.new"
    new.write_text(json.dumps(asdict(record)))
    new.chmod(0o644)
    new.replace(state / FILE)
