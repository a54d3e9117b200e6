"""A connection as it is written: one URL says how an instrument is reached."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import BadInput, shown

HOST = re.compile(r"[\w.-]+\Z|\[[\w.:%]+\]\Z", re.ASCII)
WHOLE = re.compile(r"\d{1,9}\Z", re.ASCII)
HERE = ("127.0.0.1", "localhost", "::1")  # hosts that are each machine itself


@dataclass(frozen=True)
class Url:
    """A connection taken apart: ``scheme``, ``rest`` (what is between it and the options) and ``options`` (texts)."""

    text: str
    scheme: str = field(init=False)
    rest: str = field(init=False)
    options: dict[str, str] = field(init=False, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise BadInput(f"found {shown(self.text)}, expected a URL such as tcp://192.168.1.5:7777")
        if not self.text.isprintable():
            raise BadInput(f"found {shown(without_user(self.text))}, expected a URL without control characters")
        # A bare sim: would need quotes in YAML, where a colon at the end begins a mapping.
        scheme, colon, rest = self.text.partition(":")
        rest, _, query = rest.partition("?")
        options: dict[str, str] = {}
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            if name in options:
                raise BadInput(f"{without_user(self.text)!r} has the option {name!r} twice; leave one out")
            options[name] = value
        object.__setattr__(self, "scheme", scheme if colon or scheme == "sim" else "")
        object.__setattr__(self, "rest", rest.removeprefix("//"))
        object.__setattr__(self, "options", options)

    def __str__(self) -> str:
        return self.text

    def host_port(self, default_port: int | None = None) -> tuple[str, int]:
        """Take host and port from ``tcp://host:port`` (IPv6 in brackets)."""
        host, _, port = self.rest.rstrip("/").rpartition(":")
        if not host or "]" in port:  # no port at all
            host, port = self.rest.rstrip("/"), str(default_port or "")
        if not (HOST.match(host) and WHOLE.match(port)) or not 0 < int(port) < 65536:
            raise BadInput(
                f"{self.text[:80]!r} must name a host and a port from 1 to 65535, as in {self.scheme}://192.168.1.5:7777"
            )
        return host.strip("[]"), int(port)

    def place(self) -> str:
        """Name host and port however they are written."""
        host, port = self.host_port()
        return f"{host.lower()}:{port}"


def without_user(text: str) -> str:
    """Leave out what stands before ``@``: it may hold a password, which is not said again."""
    return text.rpartition("@")[2]
