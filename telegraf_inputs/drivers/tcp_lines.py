"""Lines of text over TCP, such as those of a wavemeter's server: what they are stands in the site file alone.

Source: the server's program, or the manual of whatever speaks.
"""

from __future__ import annotations

import sys

from ..declare import Stream
from ..source import Source
from ._lines import CLOSES, AskedLines, HeardLines, LineSource

EXAMPLE = """\
name: mega
driver: tcp_lines
connection: tcp://192.168.1.31:2000
fence: v
identity: Mega
channels:
  coils:
    label: Field at the coils
    request: b
    columns: [x, y, z]
    read:
      field_x: {from: x, unit: mG, description: Magnetic field along x, low: -2000, high: 2000, decimals: 1}
      field_y: {from: y, unit: mG, description: Magnetic field along y, low: -2000, high: 2000, decimals: 1}
      field_z: {from: z, unit: mG, description: Magnetic field along z, low: -2000, high: 2000, decimals: 1}
  air:
    label: Air
    request: t
    read: {temperature: {unit: °C, description: Temperature of the air, low: -10, high: 60, decimals: 2}}
  moisture:
    label: Moisture
    request: h
    read: {humidity: {unit: "%", description: Relative humidity, low: 0, high: 100, decimals: 2}}
"""


class _TcpLines(LineSource):
    name = "tcp_lines"
    title = "Lines over TCP"
    manual = "the server's program, or the manual, of what speaks"
    known_as = ("ser2net", "socket", "wavemeter", "wlm")
    verified = "against independent programs, socat and a shell, over TCP; not yet on hardware"
    family = "protocol"
    schemes = ("tcp",)
    streams = (Stream("tcp_lines"),)  # its quantities stand in the stanza
    options_known = (*LineSource.options_known, CLOSES)
    example = EXAMPLE

    @classmethod
    def kinds(cls) -> tuple[type[Source], ...]:
        return TcpLines, HeardTcpLines


class TcpLines(_TcpLines, AskedLines):
    """Reads lines over TCP: of what is asked, by a `request`, or, where no channel has one, of what speaks by itself.

    A line is taken apart by a `pattern` with named groups, or into `columns`; without either it is one value. Of what is
    asked each request is sent once an interval, for however many channels its answer is; `columns` must be all that there
    are, so that one that is missing moves no value to another name. Of what speaks by itself each line is stored at once,
    with the time at which it came, by every channel whose form it has; a line that no channel knows is counted as discarded,
    and told. `nan` and `inf` are no readings. Numbers keep all digits that a float has, 15.

    A server that closes the connection after each answer wants `closes: true`: each request then has a connection of its
    own; one that speaks whenever it is called wants no `request`. Where such an answer has no end of line either, `wire: {receive: none}` takes all that comes until it closes; then a
    pattern has to say what a whole one is, such as `\\d{3}\\.\\d{6}`. `wire: {send: none}` sends the request alone.

    What is asked, keeps the connection and can say who it is, should have a `fence` with an `identity`: without them one
    that answers each request with the answer to the one before is found out only where these have different forms.
    """


class HeardTcpLines(_TcpLines, HeardLines):
    """Reads lines over TCP, of what speaks by itself."""


DRIVER = TcpLines

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
