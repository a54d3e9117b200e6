"""Grafana from the vendor, and how it is started. Its archive holds a stand-in: few test machines reach the vendor."""

from __future__ import annotations

import os
import sys

import pytest
import requests

from labline.stack import grafana, ports
from labline.stack.errors import NotFound, StartFailed

# It listens where it is told to, once the password's file can be read, and shows its environment.
STAND_IN = f"""\
#!{sys.executable}
import http.server, json, os, re, sys
if sys.argv[1:] == ["--version"]:
    sys.exit(print("grafana version {{version}}"))
assert sys.argv[1:3] == ["server", "--homepath"], sys.argv
file = re.fullmatch(r"\\$__file{{{{(.*)}}}}", os.environ["GF_SECURITY_ADMIN_PASSWORD"])[1]
environment = {{{{**os.environ, "password": open(file).read()}}}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(environment).encode())
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""


def contents(version: str = grafana.VERSION) -> dict[str, str]:
    top = f"grafana-{version}"
    return {f"{top}/bin/grafana": STAND_IN.format(version=version), f"{top}/conf/defaults.ini": ""}


@pytest.fixture
def archive(vendor, bare_machine, here, monkeypatch):
    """The name of the vendor's archive, whose checksum is the one that the vendor publishes."""
    monkeypatch.setenv("LABLINE_GRAFANA_URL", vendor.url)
    monkeypatch.setattr(grafana, "_PACKAGED", bare_machine / "nowhere")
    return grafana.archive(here)


def test_the_vendors_release_is_taken_then_kept(archive, vendor):
    vendor.publish(archive, contents())
    assert (grafana.get().way, grafana.get().way) == ("the vendor's release", "kept")
    assert grafana.get().version == grafana.VERSION


def test_the_pinned_checksum_goes_before_the_published_one(archive, vendor, pin):
    pin(archive, vendor.publish(archive, contents(), "0" * 64))
    assert grafana.get().way == "the vendor's release"


def test_a_wrong_checksum_a_torn_download_and_no_server_are_told(archive, vendor, pin, monkeypatch):
    vendor.publish(archive, contents())
    pin(archive, "1" * 64)
    with pytest.raises(NotFound, match="wrong checksum") as failure:
        grafana.get()
    assert "All but the dashboards runs without it" in str(failure.value)
    pin("another", "1" * 64)
    vendor.torn.add(archive)
    with pytest.raises(NotFound, match="torn"):
        grafana.get()
    monkeypatch.setenv("LABLINE_GRAFANA_URL", f"http://127.0.0.1:{ports.free(1)[0]}")
    with pytest.raises(NotFound, match="can't be reached"):
        grafana.get()


def test_one_on_path_is_taken_with_its_home_and_not_when_too_old(archive, vendor, bare_machine):
    home = bare_machine.parent / "own"
    for path, text in contents("12.1.9").items():
        file = home / path.partition("/")[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (home / "bin" / "grafana").chmod(0o755)
    (bare_machine.parent.parent / "bin" / "grafana").symlink_to(home / "bin" / "grafana")
    with pytest.raises(NotFound, match="version 12.1.9; 12.2 or newer is needed"):
        grafana.get()
    (home / "bin" / "grafana").write_text(STAND_IN.format(version="14.0.1"))
    part = grafana.get()
    assert (part.way, part.version, part.path) == ("on PATH", "14.0.1", home)


def test_it_starts_on_loopback_from_the_provisioned_files_with_nobody_let_in(archive, vendor, tmp_path):
    vendor.publish(archive, contents())
    port = ports.free(1)[0]
    home, provisioning = grafana.get().path, tmp_path / "provisioning"
    theme = {"GF_USERS_DEFAULT_THEME": "light"}
    with grafana.GrafanaServer(home, tmp_path / "g", tmp_path / "s", provisioning, port, theme) as it:
        seen = requests.get(f"{it.url}/api/health", timeout=5).json()
        assert seen["GF_PATHS_PROVISIONING"] == str(provisioning)
        assert seen["GF_PATHS_DATA"] == str(tmp_path / "g" / "data")
        assert (seen["GF_SERVER_HTTP_ADDR"], seen["GF_AUTH_ANONYMOUS_ENABLED"]) == ("127.0.0.1", "false")
        assert seen["GF_METRICS_ENABLED"] == "false"
        assert (seen["GF_ANALYTICS_REPORTING_ENABLED"], seen["GF_USERS_DEFAULT_THEME"]) == ("false", "light")
        assert seen["password"] == it.password
        # The password itself is in no environment, where `ps` could show it.
        assert it.password not in "".join(value for name, value in seen.items() if name != "password")
        pid = it.process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_one_that_ends_at_once_says_its_last_words(archive, vendor, tmp_path):
    broken = contents()
    script = "#!/bin/sh\n[ $1 = --version ] && echo 13.1.3 && exit\necho bad file; exit 3"
    broken[f"grafana-{grafana.VERSION}/bin/grafana"] = script
    vendor.publish(archive, broken)
    with pytest.raises(StartFailed, match=r"(?s)exit status 3.*bad file.*grafana\.log"):
        grafana.GrafanaServer(grafana.get().path, tmp_path / "g", tmp_path / "s", tmp_path, ports.free(1)[0])
