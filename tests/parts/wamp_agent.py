"""An agent on a router's bus that says one number: ``python -m tests.parts.wamp_agent URL REALM TOPIC NUMBER``.

It says so five times a second, as an agent of OCS does in a feed, until its input ends; prints ``joined`` when it is there.
"""

from __future__ import annotations

import itertools
import json
import select
import sys
import time

import websocket

HELLO, WELCOME, PUBLISH = 1, 2, 16
PAUSE = 0.2  # seconds


def main(url: str, realm: str, topic: str, number: str) -> None:
    """Join, and say it again and again."""
    address, _, feed = topic.partition(".feeds.")
    about = {
        "agent_address": address,
        "feed_name": feed,
        "address": topic,
        "record": True,
        "session_id": "1",
        "agent_class": "Test",
    }
    link = websocket.create_connection(url, subprotocols=["wamp.2.json"], timeout=30)
    link.send(json.dumps([HELLO, realm, {"roles": {"publisher": {}}}]))
    welcome = json.loads(link.recv())
    if welcome[0] != WELCOME:
        sys.exit(f"not let in: {welcome}")
    print("joined", flush=True)
    for request in itertools.count(1):
        block = {"block_name": "one", "data": {"number": [float(number)]}, "timestamps": [time.time()]}
        link.send(json.dumps([PUBLISH, request, {}, topic, [[{"one": block}, about]]]))
        if select.select([sys.stdin], [], [], PAUSE)[0]:
            break
    link.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
