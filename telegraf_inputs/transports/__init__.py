"""The transports: one module each, named as its scheme; a new one is a new file here."""

from __future__ import annotations

from importlib import import_module

from .. import connections, plugins
from ..errors import BadInput, suggestion
from ..transport import Transport
from ..url import Url, without_user

__path__ = plugins.extended(__path__, "transports")


def names() -> tuple[str, ...]:
    """List the schemes that there are; the module of ``opc.tcp`` is opc_tcp."""
    return tuple(name.replace("_", ".") for name in plugins.modules(__path__))


def load(scheme: str) -> Transport:
    """Get a transport by its scheme; loads no other."""
    transport: Transport = import_module(f"{__name__}.{scheme.replace('.', '_')}").TRANSPORT
    return transport


def of(url: Url) -> Transport:
    """Find the transport of a URL. Raises BadInput where there is none, or where a user stands in it."""
    known = url.scheme in names()
    if "@" in url.text and not (known and load(url.scheme).may_have_at):
        # What stands before it may be a password: it is not said again.
        raise BadInput(
            f"found a user or password before '@' and {without_user(url.text)!r}; expected no more than the place, "
            "such as tcp://192.168.1.5:7777"
        )
    if not known:
        if hint := connections.meant(url.text):
            raise BadInput(f"{url.text!r} is no connection; {hint}")
        schemes = [name for name in names() if name != "sim"]
        raise BadInput(
            f"{url.text!r} is no connection; expected sim, or a URL that begins with "
            f"{', '.join(f'{s}://' for s in schemes)}{_misspelt(url.scheme)}"
        )
    return load(url.scheme)


def _misspelt(scheme: str) -> str:
    hint = suggestion(scheme, names())
    return f"; {hint}" if hint.startswith("did you mean") else ""
