"""The same as http.py with TLS: ``https://camera.lab/snapshot.jpg``."""

from __future__ import annotations

from .http import Http


class Https(Http):
    """Reaches what gives a picture for a URL, with a certificate that this machine trusts."""

    scheme = "https"
    example = "https://camera.lab/snapshot.jpg"


TRANSPORT = Https()
