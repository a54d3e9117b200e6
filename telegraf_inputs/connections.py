"""What a connection that is no URL was meant to be: people write it as their other programs want it."""

from __future__ import annotations

import re

PORT = re.compile(r"/dev/\S+\Z")
WINDOWS = re.compile(r"COM\d+:?\Z", re.I)
VISA = re.compile(r"(TCPIP|GPIB|USB|ASRL|VXI|PXI)\d*::\S+\Z", re.I)
HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,5})/?\Z", re.ASCII)
HOST = re.compile(r"\d{1,3}(\.\d{1,3}){3}\Z|[A-Za-z][\w-]*(\.[\w-]+)+\Z", re.ASCII)
HTTP = re.compile(r"(?:https?|telnet|socket|tcpip)://([^/]+)/?\Z", re.I)


def meant(text: str, network: str = "tcp") -> str:
    """Say which URL a text may stand for: ``did you mean 'tcp://192.168.1.5:7777'?``; "" if unknown.

    ``network`` is the scheme for which a host and a port are taken.
    """
    text = text.strip()
    if PORT.match(text):
        return f"did you mean {f'serial://{text}'!r}?"
    if WINDOWS.match(text):
        return "that is a port's name in Windows; here it is serial:///dev/serial/by-id/…, which `labline scan` lists"
    if VISA.match(text):
        return f"did you mean {f'visa://{text}'!r}?"
    if match := HTTP.match(text):
        text = match[1]
    if HOST_PORT.match(text):
        return f"did you mean {f'{network}://{text}'.rstrip('/')!r}?"
    if HOST.match(text):
        return f"did you mean {f'{network}://{text}:PORT'!r}, with the port that its manual names?"
    return ""
