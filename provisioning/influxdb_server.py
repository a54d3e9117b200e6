"""Talks to an InfluxDB 1.x server: InfluxQL in, rows by column name out, errors in words for a person."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import requests
from msgspec import Struct
from requests.auth import HTTPBasicAuth

from . import ownership
from .database_error import DatabaseError as DatabaseError

# How long (seconds) to wait for an answer.
SECONDS_PER_QUERY = 600  # a downsampling of months takes its time on a small machine
SECONDS_PER_LOOK = 8  # somebody watches, and waits
# What to do, by what the server says.
ADVICE = {
    "retention policy not found": "a new labline run, or labline apply, makes it",
    "no space left on device": "free some space on the disk of its data",
    "authorization failed": "it knows no such user, or another password; labline apply makes users, and tells what it finds",
}


class PointsRefused(DatabaseError):
    """Points were refused for what they are, such as a field of another type; the others of the request were taken."""


class Series(Struct, frozen=True):
    """One series of an answer: its name, its tags, its rows by column name."""

    name: str
    tags: dict[str, str]
    rows: list[dict[str, Any]]


class Server:
    """An InfluxDB server as one user sees it; without a user, as anybody does.

    ``ca`` is the file with the authority that signed its certificate, where the system does not know that one;
    A ``password`` that may change is called for each time; ``seconds`` is how long to wait for answers; ``before`` is called before anything is sent, and may raise.
    """

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str | Callable[[], str] = "",
        *,
        ca: str = "",
        seconds: float = SECONDS_PER_QUERY,
        before: Callable[[], None] | None = None,
    ):
        self.url, self.user, self._ca, self._seconds, self._before = url.rstrip("/"), user, ca, seconds, before
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy, or somebody's ~/.netrc, has no business between us and the database
        if self.url.startswith("https:"):
            system = ssl.get_default_verify_paths()  # those that Telegraf and Grafana trust too
            self._session.verify = _readable(ca) or system.cafile or system.capath or True
        self._password = password

    def as_user(self, user: str, password: str | Callable[[], str]) -> Server:
        """See the same server as another user."""
        return Server(self.url, user, password, ca=self._ca, seconds=self._seconds, before=self._before)

    def query(self, statement: str, database: str = "", *, hidden: str = "") -> list[Series]:
        """Run InfluxQL; ``hidden``, a password, is kept out of messages. Raises DatabaseError."""
        answer = self._post("query", {"q": statement} | ({"db": database} if database else {}), params={"epoch": "ns"})
        try:
            body = answer.json()
        except ValueError:
            raise DatabaseError(
                f"{self.url} does not answer as InfluxDB 1.x does (status {answer.status_code}); is the URL right?"
            ) from None
        results = body.get("results", [])
        errors = [body["error"]] if "error" in body else [result["error"] for result in results if "error" in result]
        if errors:
            text = str(errors[0])
            if text == "not executed" and ";\n" in statement:  # which of several failed, and why, it does not say
                for one in statement.split(";\n"):
                    self.query(one, database, hidden=hidden)
            # The rights in a database go with it; what a user has no rights in is not shown to him.
            if database and "requires READ on" in text and {"name": database} not in self.rows("SHOW DATABASES"):
                raise DatabaseError(
                    f"InfluxDB at {self.url}: there is no database {database!r} that user {self.user!r} may read; "
                    "a new labline run, or labline apply, makes it"
                )
            advice = next((f"; {words}" for said, words in ADVICE.items() if said in text), "")
            raise DatabaseError(f"InfluxDB at {self.url}: {text.replace(hidden, '***') if hidden else text}{advice}")
        return [
            Series(
                series.get("name", ""),
                series.get("tags", {}),
                [dict(zip(series["columns"], values, strict=True)) for values in series.get("values", [])],
            )
            for result in results
            for series in result.get("series", [])
        ]

    def rows(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """Run InfluxQL; returns the rows of all series."""
        return [row for series in self.query(statement, database) for row in series.rows]

    def write(self, lines: str | bytes, database: str, policy: str) -> None:
        """Write line protocol, UTF-8. Raises DatabaseError, Refused."""
        data = lines.encode() if isinstance(lines, str) else lines
        answer = self._post("write", data, params={"db": database, "rp": policy})
        if answer.status_code != 204:
            raise (PointsRefused if answer.status_code == 400 else DatabaseError)(
                f"InfluxDB at {self.url} does not take what is written: {_said(answer)}"
            )

    def refusal(self) -> str:
        """Tell why this user may not ask anything; empty where it may."""
        answer = self._post("query", {"q": "SHOW DATABASES"})
        return _said(answer) if answer.status_code in (401, 403) else ""

    def _post(self, what: str, data: Any, params: dict[str, str] | None = None) -> requests.Response:
        if self._before:
            self._before()
        if self.user:  # as bytes: as text, requests would send Latin-1
            password = self._password if isinstance(self._password, str) else self._password()
            self._session.auth = HTTPBasicAuth(self.user.encode(), password.encode())
        try:
            return self._session.post(f"{self.url}/{what}", params=params, data=data, timeout=(5, self._seconds))
        except requests.exceptions.SSLError as error:
            raise DatabaseError(_untrusted(self.url, error)) from None
        except requests.ConnectionError:
            raise DatabaseError(
                f"nothing answers at {self.url}; is InfluxDB running, and is influxdb.url right?"
            ) from None
        except requests.Timeout:
            raise DatabaseError(
                f"{self.url} does not answer within {self._seconds:g} s; is InfluxDB very busy, or does it hang?"
            ) from None
        except requests.RequestException as error:
            raise DatabaseError(f"{self.url}: {error}") from None


def _said(answer: requests.Response) -> str:
    """Read why a request was refused."""
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:300] or f"status {answer.status_code}"


def _readable(ca: str) -> str:
    """Refuse a file without certificates. Raises DatabaseError."""
    try:
        if ca:
            ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise DatabaseError(f"influxdb.ca: {ca} is no certificate; expected one, or several, as PEM text") from None
    except OSError as error:
        raise DatabaseError(f"influxdb.ca: {ca}: {error.strerror}; expected a file with a certificate") from None
    return ca


def _untrusted(url: str, error: BaseException) -> str:
    """Word why there is no secure connection."""
    reason: BaseException | None = error
    while reason and not isinstance(reason, ssl.SSLError):
        reason = reason.__context__
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {url} is not trusted: {reason.verify_message}; where it is your own, "
            "name the file with its authority's certificate, or with itself: influxdb.ca"
        )
    why = (reason.reason or "").replace("_", " ").lower() if isinstance(reason, ssl.SSLError) else str(error)
    return f"no secure connection to {url} ({why}): does InfluxDB speak TLS there (https-enabled = true under [http])?"


def exposed(folder: Path, names: Iterable[str]) -> list[Path]:
    """List the passwords' files that anybody on this machine may read."""
    return [folder / name for name in names if (folder / name).stat().st_mode & stat.S_IROTH]


def secret(folder: Path, name: str) -> str:
    """Read a password from its file. Raises DatabaseError where there is none, or Telegraf would read another."""
    path = folder / name
    try:
        why = ownership.fault(folder, root=True) or ownership.fault(path, root=True)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatabaseError(
            f"{path}: {error.strerror}; expected the password of database user {name!r} in it, mode 0600"
        ) from None
    except UnicodeDecodeError:
        raise DatabaseError(f"{path} is not UTF-8 text") from None
    if why:
        raise DatabaseError(why)
    if not text.strip():
        raise DatabaseError(f"{path} is empty; expected the password of database user {name!r}")
    if text != text.strip():
        raise DatabaseError(
            f"{path} has spaces or a line's end around the password, which Telegraf takes for a part of it; "
            f"write it without: printf %s PASSWORD > {path}"
        )
    if not text.isprintable():
        at, code = next((i, ord(c)) for i, c in enumerate(text, 1) if not c.isprintable())
        raise DatabaseError(
            f"{path}: character {at} is invisible (U+{code:04X}); expected those that can be seen alone"
        )
    return text
