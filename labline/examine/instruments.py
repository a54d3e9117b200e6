"""The instruments: whether they can be reached, who answers, or how they are where a running lab reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from provisioning import native_config
from provisioning.influxdb_server import DatabaseError
from provisioning.site import SiteInstrument
from telegraf_inputs import opening, transports
from telegraf_inputs.errors import BadInput, Disconnected, InstrumentError, Stopped
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.stop import Stop

from ..live.advice import MEANINGS, explained
from ..scanning import ports
from .finding import Examined, Finding

SHOWS = "labline status shows it, its log tells more"


def findings(lab: Examined) -> Iterator[Finding]:
    """Ask each instrument who it is; those that a running lab reads are as that says."""
    if lab.here:
        yield from _as_the_lab_says(lab)
        return
    for instrument in lab.site.instruments:
        if not instrument.enabled:
            yield Finding(instrument.name, "is not read: enabled: false")
        elif instrument.stanza.simulated:
            yield Finding(instrument.name, "is simulated")
        else:
            yield from _asked(instrument, lab)


def _as_the_lab_says(lab: Examined) -> Iterator[Finding]:
    try:
        snapshot = lab.snapshot
    except DatabaseError as error:
        yield Finding("instruments", f"the lab that runs can't be asked for them: {error}", SHOWS)
        return
    if snapshot is None:
        yield Finding("instruments", "the lab is still starting", "ask again in a moment", note=True)
        return
    for name, state in snapshot.states.items():
        bad = state not in ("ok", "off", "paused", "starting")
        said = snapshot.notes.get(name) or f"{state}, says the lab that runs"
        yield Finding(name, said.removeprefix(f"{name} ").removeprefix(f"{name}: "), SHOWS if bad else "")


def _asked(instrument: SiteInstrument, lab: Examined) -> Iterator[Finding]:
    stanza, name = instrument.stanza, instrument.name
    url = stanza.connection
    transport = transports.of(url) if url.text else None
    if len(lab.site.nodes) > 1 and not (transport and transport.shared(url)):
        yield Finding(name, f"is at node {instrument.node}", "labline doctor, there, tells of it", note=True)
        return
    place = transport.place(url) if transport else ""
    if place.startswith("/"):
        if taken := ports.taken(place):
            yield Finding(name, f"can't be asked: {taken}", "end that program, or ask while it does not run")
            return
        if hint := transports.of(url).hint(url):
            yield Finding(name, *hint, note=True)
    if native_config.computes(stanza):
        yield Finding(name, "is computed of other instruments: nothing to ask", note=True)
        return
    if native_config.is_native(stanza):
        yield _native(instrument, lab.passwords)
        return
    stop, inbox = Stop(), Inbox()
    try:
        source, identity = opening.opened(stanza, url, stop, inbox, lambda *_: None)
    except (InstrumentError, Stopped, BadInput) as error:
        state = getattr(error, "state", "failed")
        said, _, cure = explained("", state, str(error), scheme=url.scheme).strip().partition(". ")
        yield Finding(name, said.rstrip("."), cure or MEANINGS["silent"][1])
        if isinstance(error, Disconnected) and "ermission denied" in str(error):
            yield Finding(name, "this user may not open its port", ports.FORBIDDEN)
    else:
        opening.close(source)
        yield Finding(name, f"answers: {identity!r}" if identity else "is there; it does not say what it is")
    finally:
        inbox.close()


def _native(instrument: SiteInstrument, secrets: Path) -> Finding:
    from .. import native_read
    from ..stack.errors import NotFound

    try:
        points, why = native_read.read(instrument.stanza, secrets)
    except (BadInput, NotFound) as error:
        return Finding(instrument.name, "was not read", str(error).splitlines()[0])
    faulty = sorted({str(p.values["status"]) for p in points if p.values.get("status") not in ("ok", None)})
    if why or not points or faulty:
        return Finding(
            instrument.name,
            f"does not bring all: {why or ', '.join(faulty) or 'nothing came'}",
            "address, user and password? Its page in docs/drivers says what each of them is",
        )
    return Finding(instrument.name, f"answers Telegraf: {len(points)} channels")
