"""What drivers find by themselves, without asking on a line: sensors that the kernel shows, devices on a bus or at a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput
from telegraf_inputs.source import Source
from telegraf_inputs.url import Url

from ..words import counted
from .finding import FoundPlace


def all(driver: type[Source], servers: Sequence[Url] = ()) -> Iterator[FoundPlace | str]:
    """List what one driver finds, on this machine or at ``servers``, with the stanzas that it writes."""
    try:
        found = list(driver.find_at(servers) if servers else driver.find())
    except (BadInput, ImportError, OSError) as error:
        yield f"{driver.title}: not looked at: {getattr(error, 'message', error)}"
        return
    for text in found:
        stanza = stanzas.check(yaml.safe_load(text))
        channels = counted("channel", len(stanza.channels))
        what = driver.title if stanza.label == stanza.name else f"{stanza.label} ({driver.title})"
        yield FoundPlace(str(stanza.connection) or stanza.name, f"{what}, {channels}", text)
