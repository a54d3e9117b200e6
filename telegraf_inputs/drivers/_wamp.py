"""The few messages of WAMP that a subscriber needs: join a realm, subscribe, take events.

Source: The Web Application Messaging Protocol, WAMP v2 (wamp-proto.org), basic profile; ticket-based authentication.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import BadAnswer, Disconnected, InstrumentError, NoAnswer
from ..line import Line

HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE = range(1, 7)
ERROR, SUBSCRIBE, SUBSCRIBED, EVENT = 8, 32, 33, 36
FEATURES = {"pattern_based_subscription": True}
MOST_EARLY = 10_000  # events that come before a subscription is confirmed
NAMES = {3: "ABORT", 4: "CHALLENGE", 6: "GOODBYE", 8: "ERROR"}


class Refused(InstrumentError):
    """The router is there, and does not let us in, or not hear this."""

    state = "refused"


def join(link: Line, realm: str, user: str, ticket: bytes) -> None:
    """Join a realm, with a ticket where there is a user. Raises Refused, NoAnswer, BadAnswer, Disconnected."""
    details: dict[str, Any] = {"roles": {"subscriber": {"features": FEATURES}}}
    if user:
        details |= {"authmethods": ["ticket"], "authid": user}
    link.send(json.dumps([HELLO, realm, details]))
    message = _next(link)
    if message[0] == CHALLENGE:
        if not ticket or message[1:2] != ["ticket"]:
            raise Refused(f"the router asks for {_word(message, 1)!r}; expected a ticket: user and password_file")
        _secretly(link, json.dumps([AUTHENTICATE, ticket.decode(errors="replace"), {}]))
        message = _next(link)
    if message[0] != WELCOME:
        who = f"user {user!r}" if user else "whoever has no user and password_file"
        raise Refused(f"realm {realm!r} is refused to {who}: {_reason(message)}")


def subscribe(link: Line, topic: str, prefix: bool = False) -> list[str]:
    """Subscribe to a topic, or all that begin with it; returns the events that came before it was confirmed, as they came.

    Raises Refused, NoAnswer, BadAnswer, Disconnected.
    """
    link.send(json.dumps([SUBSCRIBE, 1, {"match": "prefix"} if prefix else {}, topic]))
    early: list[str] = []
    while True:
        text = link.receive()
        message = read(text)
        if message[0] == SUBSCRIBED:
            return early
        if message[0] in (ERROR, ABORT, GOODBYE):
            raise Refused(f"{topic} may not be subscribed to: {_reason(message)}")
        early.append(text)
        if len(early) > MOST_EARLY:
            raise NoAnswer(f"asked to hear {topic}, {len(early)} other messages came, and none that says so")


def event(text: str) -> tuple[str, list[Any]] | None:
    """Read what came: the topic of an event ("" where its subscription is for one alone), and its arguments; None for none.

    Raises BadAnswer where it is no message, Disconnected where the router says goodbye.
    """
    message = read(text)
    if message[0] in (GOODBYE, ABORT):
        raise Disconnected(f"the router says goodbye: {_reason(message)}")
    if message[0] != EVENT:
        return None
    if len(message) < 5 or not isinstance(message[3], dict) or not isinstance(message[4], list):
        raise BadAnswer(f"found {text[:60]!r}, expected an event with its arguments")
    return str(message[3].get("topic", "")), message[4]


def read(text: str) -> list[Any]:
    """Read a message: a list that begins with its kind. Raises BadAnswer."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, list) or not message or type(message[0]) is not int:
        raise BadAnswer(f"found {text[:60]!r}, expected a message of WAMP")
    return message


def _next(link: Line) -> list[Any]:
    return read(link.receive())


def _secretly(link: Line, text: str) -> None:
    """Send what nobody may see: neither a trace nor a message."""
    tap, link.tap = link.tap, None
    try:
        link.send_bytes(text.encode() + link.wire.send, "the ticket")
    finally:
        link.tap = tap


def _reason(message: list[Any]) -> str:
    """Tell why, as the router says it."""
    kind = NAMES.get(message[0], str(message[0]))
    details = next((each for each in message if isinstance(each, dict)), {})
    uri = next((each for each in reversed(message) if isinstance(each, str)), kind)
    said = details.get("message")
    return f"{uri} ({said})" if said else uri


def _word(message: list[Any], at: int) -> str:
    return str(message[at]) if len(message) > at else ""
