"""Cameras that give a picture for a URL, as their makers call it a snapshot: ``http://192.168.1.60/snapshot.jpg``."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
from typing import Any

from ..errors import BadAnswer, BadInput, Disconnected
from ..line import Wire
from ..snapshot import LARGEST, Snapshots
from ..stop import Stop
from ..transport import Transport
from ..url import HERE, Url

PORTS = {"http": 80, "https": 443}


class HttpSnapshots(Snapshots):
    """Fetches pictures over HTTP. ``user`` and ``password`` are sent with each request (Basic), where there is a user."""

    user, password = "", b""

    def __init__(self, url: Url, timeout: float, stop: Stop):
        super().__init__(url.text, timeout, stop)
        self._url = url
        self._way: socket.socket | None = None

    def _get(self) -> bytes:
        host, port, path = split(self._url)
        query = self._url.text.partition("?")[2]
        headers = {"Accept": "image/*", "Connection": "close"}
        if self.user:
            told = base64.b64encode(self.user.encode() + b":" + self.password).decode("ascii")
            headers["Authorization"] = f"Basic {told}"
        connection = self._open(host, port)
        try:
            connection.connect()
            self._way = connection.sock  # which the connection forgets once an answer begins
            connection.request("GET", f"{path}?{query}" if query else path, headers=headers)
            answer = connection.getresponse()
            with answer:
                self._check(answer)
                return answer.read(LARGEST + 1)
        except TimeoutError:
            raise self._late() from None
        except http.client.IncompleteRead as error:
            raise BadAnswer(f"{self.place}: the picture ends after {len(error.partial)} bytes") from None
        except http.client.RemoteDisconnected:
            raise Disconnected(f"{self.place}: the connection was closed without an answer") from None
        except http.client.HTTPException as error:
            raise BadAnswer(f"{self.place}: what answers does not speak HTTP ({type(error).__name__})") from None
        except OSError as error:
            raise Disconnected(f"{self.place}: {error.strerror or error}") from None
        finally:
            self._way = None
            connection.close()

    def _check(self, answer: http.client.HTTPResponse) -> None:
        wanted = (answer.getheader("WWW-Authenticate") or "").partition(" ")[0]
        if answer.status == 401 and self.user and wanted and wanted.lower() != "basic":
            raise Disconnected(
                f"{self.place} asks for {wanted} authentication; let it take Basic, too (over https), or none"
            )
        if answer.status in (401, 403):
            raise Disconnected(f"{self.place} refuses: HTTP status {answer.status}; are user and password_file right?")
        if answer.status in (301, 302, 303, 307, 308):
            raise BadAnswer(f"{self.place} is elsewhere: {answer.getheader('Location')!r}; write that as connection")
        if answer.status != 200:
            raise BadAnswer(f"{self.place}: HTTP status {answer.status} {answer.reason}; is the path right?")

    def _open(self, host: str, port: int) -> http.client.HTTPConnection:
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self.timeout)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)

    def _cancel(self) -> None:
        if (way := self._way) is not None:
            with contextlib.suppress(OSError):
                way.shutdown(socket.SHUT_RDWR)


def split(url: Url) -> tuple[str, int, str]:
    """Take host, port and path of a URL. Raises BadInput."""
    place, _, path = url.rest.partition("/")
    host, port = Url(f"{url.scheme}://{place}").host_port(PORTS[url.scheme])
    return host, port, f"/{path}"


class Http(Transport):
    """Reaches what gives a picture for a URL."""

    scheme = "http"
    example = "http://192.168.1.60/snapshot.jpg"
    network = True

    def check(self, url: Url, wire: Wire) -> None:
        if "@" in url.text:
            raise BadInput("a URL holds no password here; expected user: and password_file: beside it")
        split(url)
        if not url.text.isascii() or " " in url.text:
            raise BadInput(
                f"found {url.text[:80]!r}, expected a URL without spaces and other signs than ASCII's (write them as %20)"
            )

    def place(self, url: Url) -> str:
        host, port, path = split(url)
        return f"{host.lower()}:{port}{path}"

    def shared(self, url: Url) -> bool:
        return split(url)[0] not in HERE

    def open(self, url: Url, wire: Wire, timeout: float, stop: Stop) -> Any:
        return HttpSnapshots(url, timeout, stop)

    def page(self, wire: Wire) -> str:
        return f"`{self.scheme}://HOST[:PORT]/PATH[?QUERY]`: the URL for which the camera gives one picture (its snapshot URL)"


TRANSPORT = Http()
