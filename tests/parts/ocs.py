"""A real WAMP router, crossbar, with TLS and tickets; and OCS' own FakeDataAgent, which publishes to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trustme
import yaml

from labline.stack import ports
from labline.stack.process import Process

from . import packages

HOST, REALM, AGENT = "127.0.0.1", "test_realm", "fake-data1"
USER, TICKET = "labline", "bus-secret"
PATIENCE = 120.0  # seconds until one answers; never reached where all is well
# The folder's packages have no programs of their own that could find them.
CROSSBAR = "import sys; from crossbar import run; sys.argv[0] = 'crossbar'; run()"
OCS_AGENT = "import sys; from ocs.agent_cli import main; sys.argv[0] = 'ocs-agent-cli'; main()"
MAY: list[dict[str, Any]] = [
    {"uri": "", "match": "prefix", "allow": dict.fromkeys(("call", "register", "publish", "subscribe"), True)}
]
MAY_HEAR: list[dict[str, Any]] = [{"uri": "observatory.", "match": "prefix", "allow": {"subscribe": True}}]


class Router:
    """Listens at ``port`` without a password, and at ``tls_port`` for whoever has a certificate to check and a ticket."""

    def __init__(self, folder: Path):
        self.port, self.tls_port, self._call = ports.free(3)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST, "localhost")
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        (folder / "config.json").write_text(json.dumps(self._configuration()))
        self.start()

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self.port}/ws"

    @property
    def tls_url(self) -> str:
        return f"wss://{HOST}:{self.tls_port}/ws?ca={self.ca}"

    def start(self) -> None:
        """Start it; returns when both ports answer."""
        command = [packages.BASE, "-c", CROSSBAR, "start", "--cbdir", self._folder, "--loglevel", "info"]
        environment = packages.environment("ocs", CROSSBAR_LOGDIR=str(self._folder), HOME=str(self._folder))
        self._process = Process("crossbar", command, self._folder / "crossbar.log", environment)
        self._process.wait_ready(lambda: all(map(_listens, (self.port, self.tls_port))), PATIENCE)

    def stop(self) -> None:
        """Kill it, with its workers: all connections are closed."""
        self._process.kill()
        self._process.stop()

    def _configuration(self) -> dict[str, Any]:
        place = {"type": "tcp", "interface": HOST}
        tls = {"key": str(self._folder / "key.pem"), "certificate": str(self._folder / "cert.pem")}
        ticket = {"type": "static", "principals": {USER: {"ticket": TICKET, "role": "reader"}}}
        plain = {
            "type": "web",
            "endpoint": {**place, "port": self.port},
            "paths": {
                "/": {"type": "static", "directory": str(self._folder)},
                "ws": {"type": "websocket", "auth": {"anonymous": {"type": "static", "role": "iocs_agent"}}},
                "call": {"type": "caller", "realm": REALM, "role": "iocs_agent"},
            },
        }
        secure = {
            "type": "web",
            "endpoint": {**place, "port": self.tls_port, "tls": tls},
            "paths": {
                "/": {"type": "static", "directory": str(self._folder)},
                "ws": {"type": "websocket", "auth": {"ticket": ticket}},
            },
        }
        roles = [{"name": "iocs_agent", "permissions": MAY}, {"name": "reader", "permissions": MAY_HEAR}]
        worker = {"type": "router", "realms": [{"name": REALM, "roles": roles}], "transports": [plain, secure]}
        return {"version": 2, "controller": {}, "workers": [worker]}


class FakeDataAgent:
    """OCS' agent that makes up two temperatures, ten times a second."""

    def __init__(self, folder: Path, router: Router):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        site = {
            "hub": {
                "wamp_server": router.url,
                "wamp_http": f"http://{HOST}:{router.port}/call",
                "wamp_realm": REALM,
                "address_root": "observatory",
            },
            "hosts": {
                "localhost": {
                    "agent-instances": [
                        {
                            "agent-class": "FakeDataAgent",
                            "instance-id": AGENT,
                            "arguments": ["--mode", "acq", "--num-channels", "2", "--sample-rate", "10"],
                        }
                    ]
                }
            },
        }
        (folder / "default.yaml").write_text(yaml.safe_dump(site))
        self.start()

    def start(self) -> None:
        """Start it; returns when it has registered its feed."""
        command = [packages.BASE, "-c", OCS_AGENT, "--instance-id", AGENT, "--site-host", "localhost"]
        environment = packages.environment("ocs", OCS_CONFIG_DIR=str(self._folder), HOME=str(self._folder))
        self._process = Process("agent", command, self._folder / "agent.log", environment)
        self._process.wait_ready(lambda: "start called for acq" in self._process.output(), PATIENCE)

    def stop(self) -> None:
        """Kill it, as a crash does."""
        self._process.kill()
        self._process.stop()


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0
