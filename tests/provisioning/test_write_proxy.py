"""Nodes that write through a proxy: with a token of their own, and without any password of the database."""

from __future__ import annotations

import base64
import gzip
import http.server
import queue
import ssl
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from labline.stack import telegraf
from provisioning import files, telegraf_check, telegraf_config
from provisioning.telegraf_config import TelegrafPaths
from telegraf_inputs.errors import BadInput

TOKEN = "a-token_of+this=node1"
SECONDS = 60


class Proxy(http.server.BaseHTTPRequestHandler):
    """Takes all, and notes (path, user and password, lines) in ``taken``."""

    protocol_version = "HTTP/1.1"
    taken: queue.Queue

    def do_POST(self):
        body = b""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        user = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        self.taken.put((self.path, user, body.decode()))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy(lab, tmp_path: Path) -> Iterator[queue.Queue]:
    """A proxy with TLS, which the lab's site file names."""
    authority = trustme.CA()
    certificate, ca = tmp_path / "proxy.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(ca)
    handler = type("Handler", (Proxy,), {"taken": queue.Queue()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"https://127.0.0.1:{server.server_port}"
    lab.change("  database:", f"  write: {{url: '{url}', ca: {ca}}}\n  database:")
    yield handler.taken
    server.shutdown()
    server.server_close()


def test_telegraf_writes_as_the_node_with_its_token_and_knows_no_password(
    lab, proxy, telegraf_path: Path, tmp_path: Path
):
    for folder in ("journal", "node"):
        (tmp_path / folder).mkdir()
    (tmp_path / "node" / "write_token").write_text(TOKEN)
    paths = TelegrafPaths(
        python=sys.executable,
        config=str(tmp_path),
        secrets=str(tmp_path / "node"),
        journal=str(tmp_path / "journal"),
    )
    made = telegraf_config.render(lab.site, lab.site.server, paths)
    assert TOKEN not in "".join(made.values()) and "labline:writer" not in made[telegraf_config.CONF]
    assert telegraf_config.secrets(lab.site, lab.site.server) == ["write_token"]
    files.write(tmp_path, made)
    with telegraf.Telegraf(telegraf_path, tmp_path / telegraf_config.CONF, tmp_path / "log"):
        lines = ""
        while "lakeshore_372," not in lines:
            path, user, lines = proxy.get(timeout=SECONDS)
            assert user == f"{lab.site.server.name}:{TOKEN}"
            assert urlsplit(path).path == "/write"
            assert parse_qs(urlsplit(path).query) == {"db": [lab.site.influxdb.database], "rp": ["raw"]}


def test_telegraf_takes_the_configuration_where_the_proxy_is_elsewhere(lab, telegraf_path: Path):
    lab.change("  database:", "  write: {url: 'https://server.lab:8443', ca: /nowhere/ca.pem}\n  database:")
    assert telegraf_check.check(lab.site, telegraf_path) == ""


def test_each_node_looks_when_the_certificate_of_its_proxy_ends(lab):
    def inputs() -> list[dict]:
        made = telegraf_config.render(lab.site, lab.site.server)[telegraf_config.CONF]
        return tomllib.loads(made)["inputs"].get("x509_cert", [])

    assert inputs() == []
    lab.change("  database:", "  write: {url: 'https://server.lab:8443', ca: /ca.pem}\n  database:")
    (looked,) = inputs()
    assert (looked["sources"], looked["tls_ca"]) == (["https://server.lab:8443"], "/ca.pem")
    assert looked["fieldinclude"] == ["expiry"], "which is stored"


def test_nodes_reach_the_proxy_and_the_database_may_be_the_servers_alone(lab):
    lab.change("  database:", "  write: {url: 'https://server.lab:8443'}\n  database:")
    lab.change("[{name: daq}]", "[{name: daq}, {name: hall}]")
    with pytest.raises(BadInput, match=r"influxdb.write.url: .* is each machine itself, .* such as https://daq:8443"):
        lab.change("https://server.lab", "https://localhost")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("url: 'http://server.lab:8443'", "influxdb.write.url: found 'http://server.lab:8443', expected https://"),
        ("url: 'https://server.lab:8443', token_file: ../x", r"write.token_file: found '../x', expected letters"),
        ("url: 'https://server.lab:8443', ca: ca.pem", "influxdb.write.ca: found 'ca.pem', expected a path"),
        ("token_file: x", "influxdb.write.url: is missing"),
    ],
)
def test_mistakes_are_told(lab, wrong, told):
    with pytest.raises(BadInput, match=told):
        lab.change("  database:", f"  write: {{{wrong}}}\n  database:")
