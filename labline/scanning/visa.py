"""VISA resources: USB and network instruments that pyvisa-py finds."""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from collections.abc import Iterator

from telegraf_inputs.errors import Disconnected

from . import probes
from .finding import Finding

SECONDS = 8.0  # discovery on the network has no end of its own


def all(probe: bool) -> Iterator[Finding | str]:
    """List VISA resources but serial ports, and ask who is there."""
    try:
        import pyvisa
    except ImportError:
        yield "VISA resources were not looked at: pip install 'labline[visa]'"
        return
    found: list[str] = []
    failed: list[str] = []

    def look() -> None:
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):  # it gives hints
                found.extend(pyvisa.ResourceManager("@py").list_resources("?*"))
        except Exception as error:  # its backends fail in many ways, and none may end the scan
            failed.append(str(error) or type(error).__name__)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(SECONDS)
    resources = sorted(r for r in found if "ASRL" not in r.upper() and r.upper().endswith(("::INSTR", "::SOCKET")))
    if thread.is_alive():
        yield f"VISA: discovery did not end within {SECONDS:.0f} s; name a resource yourself: --port visa://TCPIP0::192.168.1.20::INSTR"
    elif failed:
        yield f"VISA: {failed[0]}"
    else:
        yield f"VISA resources: {len(resources)}"
    for resource in resources:
        url = f"visa://{resource}"
        if not probe:
            yield Finding(url, "not asked (--no-probe)")
            continue
        try:
            yield from probes.probe(url)
        except Disconnected as error:
            yield Finding(url, f"can't be opened: {error}")
