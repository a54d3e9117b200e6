"""The client of channel access: caproto's, which here looks for process variables at one place, and dies without noise."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def _without_numpy() -> Iterator[None]:
    """Let it look as if there were no numpy, which caproto loads where it is installed: 13 MB that nothing here uses."""
    if "numpy" in sys.modules:
        yield
        return
    sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["numpy"]


with _without_numpy():
    import caproto
    from caproto.threading.client import Context, SharedBroadcaster

caproto.select_backend("array")
logging.getLogger("caproto").setLevel(logging.CRITICAL + 1)  # what it would log, this driver tells by states
__all__ = ["EPOCH", "EpicsClient", "Searcher", "caproto", "text", "texts"]

EPOCH = 631_152_000  # seconds from 1970 to 1990, when EPICS' time begins: what was never processed has that one
Address = tuple[str, int]


class Searcher(SharedBroadcaster):  # type: ignore[misc]
    """Asks for process variables at ``addresses``; None: where EPICS' environment says.

    ``trouble`` is what kept the last question from going out.
    """

    def __init__(self, addresses: list[Address] | None):
        self.trouble = ""
        self._addresses = addresses
        super().__init__()

    def send(self, *commands: Any) -> None:
        """Send commands to each address. What can't be sent is asked again later: an error would end caproto's thread."""
        data = self.broadcaster.send(*commands)
        for address in caproto.get_client_address_list() if self._addresses is None else self._addresses:
            try:
                self.udp_sock.sendto(data, address)
                self.trouble = ""
            except (OSError, AttributeError) as error:  # AttributeError: it was closed meanwhile
                self.trouble = str(error)


class EpicsClient(Context):  # type: ignore[misc]
    """Holds the connections; ``fault`` tells what ended its search for servers, and nothing else would."""

    def __init__(self, addresses: list[Address] | None):
        self.fault = ""
        self.searcher = Searcher(addresses)
        super().__init__(self.searcher, client_name="labline")

    def get_circuit_manager(self, address: Address, priority: int) -> Any:
        """Connect to a server. One that answers a search and takes no connection would end caproto's thread with a traceback."""
        try:
            return super().get_circuit_manager(address, priority)
        except (OSError, caproto.CaprotoError) as error:
            host, port = address
            self.fault = f"{host}:{port} answers when it is asked for, but takes no connection: {error}"
            raise SystemExit from None


def texts(info: Any) -> list[str]:
    """List what the codes of an enumeration mean, by a PV's control information."""
    return [text(each) for each in getattr(info, "enum_strings", ())[: getattr(info, "no_str", None)]]


def text(data: bytes | str) -> str:
    """Read a text of channel access, which says nothing of its encoding."""
    if isinstance(data, str):
        return data
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
