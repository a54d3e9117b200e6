"""Whether a lab's things are on a memory card, as a Raspberry Pi's are: there they are written less often."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from provisioning.site import Site

BLOCKS = Path("/sys/dev/block")
CARD = "mmcblk"  # as the kernel names cards, and soldered ones (eMMC)


def gentle(site: Site, folder: Path, blocks: Path = BLOCKS) -> Site:
    """Settle ``storage: auto`` of the nodes, all of which run here, below ``folder``."""
    device = os.stat(folder).st_dev
    here = (blocks / f"{os.major(device)}:{os.minor(device)}").resolve()
    storage = "sd_card" if any(part.startswith(CARD) for part in here.parts) else "disk"
    nodes = tuple(structs.replace(n, storage=storage) if n.storage == "auto" else n for n in site.nodes)
    return structs.replace(site, nodes=nodes)
