"""Where the readings of an instrument belong: its channels, those that are found in the data included, and what is made of each."""

from __future__ import annotations

import time

from .configured import Channel, Stanza
from .made import Made
from .reading import Reading

MOST_CHANNELS = 1000  # of one instrument, where the data say which there are


class ChannelBook:
    """Lists the ``channels`` of an instrument: those of its stanza, and those that were found in the data.

    ``made`` counts what is made of each, by what it is ``called``.
    """

    def __init__(self, stanza: Stanza):
        self._stanza = stanza
        # By what readings call them: their stream, where they name it, and the channel.
        self._places: dict[tuple[str, str], Channel] = {}
        self.channels: list[Channel] = []
        self.made: dict[str, Made] = {}
        self._since_ns = time.time_ns()
        for channel in stanza.channels:
            self._take_up(channel)

    def channel_of(self, reading: Reading) -> Channel | None:
        """Tell the channel that a reading is of; one that is found in the data is taken up. None: the stanza knows none."""
        return self._places.get((reading.stream, reading.channel)) or self._found(reading)

    def called(self, channel: Channel) -> str:
        """Name a channel among all of the instrument: one that is found in the data may be in several streams."""
        return f"{channel.measurement} {channel.id}" if len(self._stanza.others) > 1 else channel.id

    def _found(self, reading: Reading) -> Channel | None:
        if len(self.channels) >= max(MOST_CHANNELS, len(self._stanza.channels)):
            return None
        channel = self._stanza.find(reading.channel, reading.stream)
        return self._take_up(channel) if channel is not None else None

    def _take_up(self, channel: Channel) -> Channel:
        known = self._places.setdefault((channel.measurement, channel.id), channel)
        self._places.setdefault(("", channel.id), known)
        if known is channel:
            self.channels.append(channel)
            self.made[self.called(channel)] = Made(channel.measurement, channel.id, since_ns=self._since_ns)
        return known
