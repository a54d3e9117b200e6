"""Questions to a running InfluxDB, as the user that may only read."""

from __future__ import annotations

from typing import Any

import requests

from ..stack.errors import StackError

TIMEOUT = 20  # seconds


class NoDatabase(StackError):
    """The database does not answer, or refuses: what to do is in the message."""


class Database:
    """One database of an InfluxDB server, read as ``user``."""

    def __init__(self, url: str, name: str, user: str, password: str):
        self.url, self.name, self._user = url, name, user
        self._session = requests.Session()
        self._session.auth = (user, password)

    def query(self, statements: list[str]) -> list[list[dict[str, Any]]]:
        """Run InfluxQL statements at once; gives the series of each (``name``, ``tags``, ``columns``, ``values``; times in ns).

        Raises NoDatabase.
        """
        try:
            answer = self._session.post(
                f"{self.url}/query",
                params={"db": self.name, "epoch": "ns"},
                data={"q": ";\n".join(statements)},
                timeout=TIMEOUT,
            )
            body = answer.json()
        except requests.ConnectionError:
            raise NoDatabase(f"no InfluxDB answers at {self.url}; does it run?") from None
        except requests.Timeout:
            raise NoDatabase(f"InfluxDB at {self.url} did not answer within {TIMEOUT} s; is the machine overloaded?") from None
        except ValueError:
            raise NoDatabase(f"what answers at {self.url} is no InfluxDB 1.x (status {answer.status_code})") from None
        if answer.status_code == 401:
            raise NoDatabase(f"InfluxDB at {self.url} refuses the password of user {self._user!r}; `labline apply` sets it anew")
        errors = [body["error"]] if "error" in body else [r["error"] for r in body["results"] if "error" in r]
        if errors:
            raise NoDatabase(f"InfluxDB at {self.url}: {errors[0]}")
        return [result.get("series", []) for result in body["results"]]


def quoted(name: str) -> str:
    """Quote an identifier of InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text(value: str) -> str:
    """Quote a text of InfluxQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
