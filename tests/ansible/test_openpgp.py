"""A repository's key is known by its fingerprint, as gpg tells it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.parts import packages

FILTERS = Path(__file__).parents[2] / "ansible" / "filter_plugins"
ASK = "import json, sys; sys.path.insert(0, sys.argv[1]); import openpgp; print(json.dumps(openpgp.fingerprints(sys.stdin.read())))"


def _told(text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK, FILTERS]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=packages.environment("ansible-test"))


@pytest.mark.parametrize("kind", ["rsa2048", "ed25519"])
@pytest.mark.skipif(not shutil.which("gpg"), reason="needs gpg (Debian: gpg)")
def test_every_key_of_a_file_is_told_as_gpg_tells_it(kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:  # a short path: its sockets lie there
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""]
        try:
            for name in ("first", "second"):
                subprocess.run([*gpg, "--quick-generate-key", name, kind, "sign", "never"], check=True)
            keys, text = (
                subprocess.run([*gpg, *words], check=True, capture_output=True, text=True).stdout
                for words in (("--with-colons", "--list-keys"), ("--armor", "--export"))
            )
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    known = [line.split(":")[9] for line in keys.splitlines() if line.startswith("fpr:")]
    assert len(known) == 2 and json.loads(_told(text).stdout) == known


@pytest.mark.parametrize("text", ["", "<html>404</html>", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAA\n-----END"])
def test_what_is_no_key_is_told(text: str) -> None:
    done = _told(text)
    assert done.returncode != 0 and ("expected a key as text" in done.stderr or "this is no key" in done.stderr)
