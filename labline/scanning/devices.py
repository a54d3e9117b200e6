"""What drivers find by themselves, without asking anybody: sensors that the kernel shows, devices on a bus."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from telegraf_inputs import stanza as stanzas
from telegraf_inputs.source import Source

from ..words import counted
from .finding import Finding


def all(driver: type[Source]) -> Iterator[Finding | str]:
    """List what one driver finds, with the stanzas that it writes."""
    for text in driver.find():
        stanza = stanzas.check(yaml.safe_load(text))
        channels = counted("channel", len(stanza.channels))
        yield Finding(str(stanza.connection) or stanza.name, f"{driver.title}, {channels}", text)
