"""Opens the way to an instrument, and learns who is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .configured import Stanza
from .declare import pin
from .errors import InstrumentError, WrongDevice
from .inbox import Inbox
from .line import Tap
from .pattern import Pattern
from .source import Polled, Pushed
from .stop import Stop
from .transport import Link
from .url import Url


def opened(stanza: Stanza, url: Url, stop: Stop, inbox: Inbox, tap: Tap) -> tuple[Polled | Pushed, str]:
    """Open a stanza's source; returns it, and who is there ("" where that can't be told).

    Raises InstrumentError (WrongDevice: not the one that is pinned), Stopped; then nothing is left open.
    """
    kind = stanza.driver
    if issubclass(kind, Pushed):
        pushed = kind(stanza)
        pushed.tap = tap
        with _closed_on_failure(pushed):
            return pushed, pushed.open(url, stop, inbox)
    link = kind.open_link(url, stanza, stop)
    with _closed_on_failure(link):
        link.tap = tap
        polled = kind(stanza, link)
        identity = _identity(polled)
        wanted = pin(stanza.options, kind.options_known)
        if wanted and not Pattern(wanted, search=True).match(identity):
            raise WrongDevice(f"this is {identity!r}, expected {wanted!r} in what it says of itself (identity)")
        return polled, identity


def close(source: Polled | Pushed) -> None:
    """Let go of a source."""
    (source.link if isinstance(source, Polled) else source).close()


def _identity(source: Polled) -> str:
    for _ in range(source.contacts - 1):
        try:
            return source.identify()
        except InstrumentError as error:
            if error.state == "disconnected":
                raise
            source.link.discard(quiet=0.05)
    return source.identify()


@contextlib.contextmanager
def _closed_on_failure(opened: Pushed | Link) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):  # whatever is wrong with it, it is let go
            opened.close()
        raise
