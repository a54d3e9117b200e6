"""What a transport is: a way to reach instruments, one file each in transports/, found by its scheme."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .errors import BadInput
from .url import Url

if TYPE_CHECKING:
    from .line import Line, Wire
    from .simulators.ends import End
    from .stop import Stop


@dataclass(frozen=True)
class Library:
    """A library of the system: its ``file``, Debian's ``package`` that holds it.

    ``variable`` of the environment tells a program its folder, where the system does not know it.
    """

    file: str
    package: str
    variable: str


@dataclass(frozen=True)
class Place:
    """Somewhere that an instrument may be: its ``url``, and what is known of it."""

    url: str
    about: str = ""


class Link(Protocol):
    """An open way to an instrument."""

    def close(self) -> None:
        """Let go of it."""

    def discard(self, quiet: float = 0.0) -> int:
        """Throw away what has arrived, until nothing comes for ``quiet`` seconds; returns how many bytes that were."""


class Transport:
    """Reaches instruments by URLs of one scheme. A subclass in ``transports/<scheme>.py`` declares and opens."""

    scheme = ""  # also the file's name
    extra = ""  # the extra of the distribution that it needs; "" for none
    example = ""  # a URL, for messages
    network = False  # its URL is a host and a port
    may_have_at = False  # an "@" in its URL is no user and password
    carries_text = False  # an instrument on it may be asked who it is (``labline scan --port``)
    tells_dialogue = False  # it carries no text, but its Link's tap is told a dialogue in lines, as a case has it
    libraries: tuple[Library, ...] = ()  # of the system that it needs

    def check(self, url: Url, wire: Wire) -> None:
        """Refuse (BadInput) what can't be reached this way."""

    def hint(self, url: Url) -> tuple[str, str] | None:
        """Tell what may become of a URL that works now, and what to write instead; None for nothing."""
        return None

    found = ""  # what it finds, one of it: "serial port"; "" where there is nothing to look for

    def find(self) -> Iterable[Place | str]:
        """List where this machine may have an instrument, opening nothing; a text is advice, where it can't be known."""
        return ()

    def place(self, url: Url) -> str:
        """Name the port, socket or resource however it is written: whoever shares it gets the other's answers. "": none."""
        return ""

    def device(self, url: Url) -> str:
        """Name the device file of this machine that is opened, as the URL has it; "": none."""
        return ""

    def shared(self, url: Url) -> bool:
        """Tell whether every machine reaches the same place by this URL: a network's address, and not its own."""
        return False

    def line(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Line:
        """Make the Line over which text goes this way; it is opened by ``open()``."""
        raise BadInput(f"{url} carries no text", ("connection",))

    def open(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Any:
        """Open the way to an instrument: a Link; of one that carries text, a Line. Raises InstrumentError, Stopped."""
        line = self.line(url, wire, timeout, stop)
        line.open()
        return line

    def page(self, wire: Wire) -> str:
        """Say for a driver's page how a URL is written, and what it means."""
        raise NotImplementedError

    def end(self) -> End:
        """Make the instrument's end of such a way, for a simulator."""
        raise BadInput(f"no simulator speaks over {self.scheme}", ("connection",))
