"""The script that renews the server's certificate, in a folder of the test's, with a stand-in for systemctl."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts.templates import rendered

SCRIPT = Path(__file__).parents[2] / "ansible" / "roles" / "tls" / "files" / "labline-certificate"
NAMES = {"__tls_hosts": ["daq", "localhost"], "__tls_addresses": ["127.0.0.1"]}
SAID = {
    "authority.cnf": {"__labline_site": {"site": "bench"}},
    "server.cnf": {"__tls_server": {"inventory_hostname": "daq"}},
    "settings": {"tls_units": ["gone.service", "one.service", "two.service"]},
}
# Of gone.service nothing runs; what is started anew is written down; one whose name is in BROKEN does not start.
SYSTEMCTL = """\
#!/bin/sh
case "$1" in
is-active) [ "$3" != gone.service ] ;;
restart)
    echo "$2" >> "$RESTARTED"
    [ "$2" != "$BROKEN" ]
    ;;
esac
"""


def _renew(folder: Path, broken: str = "") -> tuple[int, list[str]]:
    """Run it; gives its status, and what it started anew."""
    (folder / "restarted").write_text("")
    variables = {"RESTARTED": str(folder / "restarted"), "BROKEN": broken}
    path = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", folder / "script"], env={**os.environ, **path, **variables}, capture_output=True)
    return done.returncode, (folder / "restarted").read_text().split()


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    for name, variables in SAID.items():
        (tmp_path / name).write_text(rendered(f"tls/{name}.j2", **NAMES, **variables))
    text = SCRIPT.read_text()
    assert text.count("/etc/labline/tls") == 1
    (tmp_path / "script").write_text(text.replace("/etc/labline/tls", str(tmp_path)))
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    return tmp_path


def test_who_runs_takes_up_a_new_certificate_once(tls: Path) -> None:
    assert _renew(tls) == (0, ["one.service", "two.service"])
    assert _renew(tls) == (0, [])


def test_one_that_does_not_start_keeps_no_other_from_it_and_is_told(tls: Path) -> None:
    assert _renew(tls, broken="one.service") == (1, ["one.service", "two.service"])


def test_an_authority_whose_key_came_back_is_believed_by_those_who_knew_it(tls: Path) -> None:
    _renew(tls)
    known = (tls / "ca.crt").rename(tls / "known.crt")
    (tls / "server.crt").unlink()
    _renew(tls)
    assert (tls / "ca.crt").read_bytes() != known.read_bytes()
    check = ["openssl", "verify", "-CAfile", known, tls / "server.crt"]
    assert subprocess.run(check, capture_output=True).returncode == 0
