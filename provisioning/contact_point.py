"""The keys of a contact point: somebody who is told of alarms, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from telegraf_inputs.errors import BadInput

from .key_patterns import secret_file

Severity = Literal["warning", "critical"]
Kind = Literal["email", "webhook", "slack", "teams", "mattermost", "telegram", "ntfy", "pushover"]

# Kind -> (keys that it needs, keys that it may have); where it needs one of several, they stand together.
KEYS: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {
    "email": ((("addresses",),), ()),
    "webhook": ((("url", "url_file"),), ("username", "password_file", "token_file")),
    "slack": ((("url_file", "token_file"),), ("channel",)),
    "teams": ((("url_file",),), ()),
    "mattermost": ((("url_file",),), ("channel",)),
    "telegram": ((("token_file",), ("chat",)), ()),
    "ntfy": ((("url", "url_file"),), ("token_file",)),
    "pushover": ((("token_file",), ("user_file",)), ()),
}
SECRET_FILES = ("url_file", "password_file", "token_file", "user_file")


class ContactPoint(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Somebody who is told. Secrets are files on Grafana's machine, named here, never their content."""

    name: Annotated[str, Meta(description="a name for this contact point", min_length=1)]
    type: Annotated[Kind, Meta(description="how the message goes out")]
    addresses: Annotated[tuple[str, ...], Meta(description="email: to whom")] = ()
    url: Annotated[str, Meta(description="webhook, ntfy: where the message is posted")] = ""
    url_file: Annotated[
        str,
        secret_file(
            "a file that holds the URL: that of slack, teams or mattermost is a secret, others where it is one"
        ),
    ] = ""
    username: Annotated[str, Meta(description="webhook: user for basic authentication")] = ""
    password_file: Annotated[str, secret_file("webhook: a file that holds the password")] = ""
    token_file: Annotated[
        str,
        secret_file("a file that holds the token: of webhook, ntfy, a slack or telegram bot, a pushover application"),
    ] = ""
    user_file: Annotated[str, secret_file("pushover: a file that holds the user's or the group's key")] = ""
    channel: Annotated[str, Meta(description="slack, mattermost: which channel; slack with a token needs it")] = ""
    chat: Annotated[str, Meta(description="telegram: the number of the chat, in quotes")] = ""
    severities: Annotated[tuple[Severity, ...], Meta(description="which alarms it gets", min_length=1)] = (
        "warning",
        "critical",
    )

    def mistakes(self) -> Iterator[BadInput]:
        needed, may = KEYS[self.type]
        known = [key for group in needed for key in group] + list(may)
        for key in self._written():
            if key not in known:
                others = ", ".join(kind for kind in KEYS if key in _keys(kind))
                hint = (
                    "; its URL is a secret: write it into a file, and name that with url_file" if key == "url" else ""
                )
                yield BadInput(f"belongs to {others}, this contact point is of type {self.type}{hint}", (key,))
        for group in needed:
            given = [key for key in group if getattr(self, key)]
            if not given:
                yield BadInput(f"is missing; expected {_needed(group)}", (group[0],))
            elif len(given) > 1:
                yield BadInput(f"stands beside {given[1]}; keep one", (given[0],))
        for index, address in enumerate(self.addresses):
            user, _, host = address.partition("@")
            if not user or not host or "@" in host or any(c in address for c in " ;,"):
                yield BadInput(
                    f"found {address!r}, expected one e-mail address, such as lab@example.org", ("addresses", index)
                )
        if self.url and not self.url.startswith(("http://", "https://")):
            yield BadInput(f"found {self.url!r}, expected a URL that begins with https://", ("url",))
        if bool(self.username) != bool(self.password_file):
            key = "username" if self.username else "password_file"
            yield BadInput("username and password_file go together", (key,))
        if self.username and self.token_file:
            yield BadInput("stands beside username; keep one way to authenticate", ("token_file",))
        if self.type == "slack" and self.token_file and not self.channel:
            yield BadInput("is needed beside token_file: the bot may be in several channels", ("channel",))

    def _written(self) -> list[str]:
        keys = dict.fromkeys(key for kind in KEYS for key in _keys(kind))
        return [key for key in keys if getattr(self, key)]


def _keys(kind: str) -> list[str]:
    needed, may = KEYS[kind]
    return [*(key for group in needed for key in group), *may]


def _needed(group: tuple[str, ...]) -> str:
    words = {
        "addresses": "a list of e-mail addresses",
        "url": "where the message is posted",
        "url_file": "the name of a file that holds the URL",
        "token_file": "the name of a file that holds the token",
        "user_file": "the name of a file that holds the user's key",
        "chat": "the number of the chat, in quotes",
    }
    first, *others = group
    return "; or ".join([words[first], *(f"{key}: {words[key]}" for key in others)])
