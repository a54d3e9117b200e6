"""EPICS channel access: ``ca://host``, ``ca://host:5064``, or ``ca://`` as EPICS' own programs find their IOCs."""

from __future__ import annotations

from ..errors import BadInput
from ..line import Wire
from ..transport import Transport
from ..url import HERE, Url

PORT = 5064  # of a channel access server


def target(url: Url) -> tuple[str, int] | None:
    """Take host and port of a URL; None where the environment says where IOCs are looked for."""
    return url.host_port(PORT) if url.rest.strip("/") else None


class Ca(Transport):
    """Reaches what serves process variables; their driver looks for them by name."""

    scheme = "ca"
    extra = "epics"
    example = "ca://192.168.1.20"

    def check(self, url: Url, wire: Wire) -> None:
        if url.options:
            raise BadInput(f"{url.text!r} has options; channel access has none")
        place = target(url)
        if place is not None and ":" in place[0]:
            raise BadInput(f"found {place[0]!r}; channel access looks for its servers by IPv4, such as {self.example}")

    def shared(self, url: Url) -> bool:
        place = target(url)
        return place is not None and place[0].lower() not in HERE

    def page(self, wire: Wire) -> str:
        return (
            "`ca://HOST` or `ca://HOST:PORT`: an IOC or a gateway, or the broadcast address of their network; "
            "`ca://`: where EPICS_CA_ADDR_LIST and EPICS_CA_AUTO_ADDR_LIST say, else on the networks of this machine"
        )


TRANSPORT = Ca()
