"""Make `.venv` with what labline needs: `python3 tools/bootstrap.py all|test`; does nothing where that is done already.

Needs Python alone: where Debian's python3-venv is missing, pip itself comes from PyPI. Written so that an old Python
can read it as far as the message that it is too old.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

OLDEST = (3, 11)
PIP = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "labline-installed")
EXTRAS = ("all", "test")  # each holds the ones before it


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in EXTRAS:
        sys.exit("usage: bootstrap.py all|test")
    wanted = sys.argv[1]
    need_python()
    # Two `make` at once: the second waits here, and finds the work done.
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed = read_stamp()
        if installed in EXTRAS and EXTRAS.index(installed) >= EXTRAS.index(wanted):
            return
        if not works(VENV_PYTHON):
            make_venv()
        say("installing what labline needs into .venv (half a minute the first time) ...")
        # The stamp goes first, so that a torn installation is not taken for a whole one.
        with contextlib.suppress(FileNotFoundError):
            os.remove(STAMP)
        pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet"]
        run([*pip, "--require-hashes", *wheels_alone(), "-r", locked(wanted)], "pip failed")
        # "compat": a path in a .pth file, not an import hook, which would cost each of twenty programs 1 MB and 10 ms.
        itself = ["--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat", "--editable", ROOT]
        run([*pip, *itself], "pip failed")
        with open(STAMP, "w") as file:
            file.write("%s %s\n" % (wanted, fingerprint()))


def locked(extra):
    """Name the file that lists all that is installed, each file of it by its SHA-256 (`make lock` renews it)."""
    return os.path.join(ROOT, "requirements", extra + ".txt")


def wheels_alone():
    """Take what is built already: building would need tools that nobody checks. For 32-bit ARM, PyPI lacks some wheels."""
    return ["--only-binary", ":all:"] if sys.maxsize > 2**32 else []


def need_python():
    """Go on with a newer Python of this machine where this one is too old; else say so."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which("python3.%d" % minor)
        if newer:
            os.execv(newer, [newer] + sys.argv)
    sys.exit(
        "labline needs Python %d.%d or newer; %s is %d.%d. Name a newer one: make PYTHON=/path/to/python3"
        % (OLDEST + (sys.executable,) + sys.version_info[:2])
    )


def fingerprint():
    """Tell what the installation was made from: another Python, place, pyproject.toml or lock makes it stale."""
    made_from = hashlib.sha256(repr((ROOT, sys.version_info[:2])).encode())
    for name in [os.path.join(ROOT, "pyproject.toml")] + [locked(extra) for extra in EXTRAS]:
        with open(name, "rb") as file:
            made_from.update(file.read())
    return made_from.hexdigest()


def read_stamp():
    """Give the extra that is installed, or None where there is none, or it is stale."""
    try:
        with open(STAMP) as file:
            extra, _, made_from = file.read().strip().partition(" ")
    except OSError:
        return None
    return extra if made_from == fingerprint() and works(VENV_PYTHON) else None


def works(python):
    """Tell whether this is a Python of this version with pip, at its right place."""
    check = "import os, pip, sys; print(os.path.realpath(sys.prefix), *sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", check], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    except OSError:
        return False
    return said.split() == [os.path.realpath(VENV)] + [str(n) for n in sys.version_info[:2]]


def make_venv():
    """Make an empty .venv with pip in it: Python's own where it has one, else PyPI's."""
    say("making .venv with Python %s ..." % sys.version.split()[0])
    try:
        import ensurepip  # noqa: F401 - Debian keeps it in python3-venv

        without = []
    except ImportError:
        without = ["--without-pip"]
    run([sys.executable, "-m", "venv", "--clear"] + without + [VENV], "the virtual environment can't be made")
    if without:
        with tempfile.TemporaryDirectory() as directory:
            wheel = os.path.join(directory, PIP)
            download_pip(wheel)
            # A wheel of pip can install itself.
            pip = os.path.join(wheel, "pip")
            run([VENV_PYTHON, pip, "install", "--quiet", "--no-index", wheel], "pip can't be installed")


def download_pip(wheel):
    """Get pip's wheel from the package index (PIP_INDEX_URL, else PyPI), and hold it against its checksum."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    say("this Python brings no pip: getting it from %s ..." % urllib.parse.urlsplit(index).hostname)
    try:
        page = read(index).decode()
        link = re.search(r'href="([^"#]*/%s)[#"]' % re.escape(PIP), page)
        if not link:
            fail("the package index has no %s" % PIP)
        content = read(urllib.parse.urljoin(index, link.group(1)))
    except (OSError, ValueError) as error:
        fail("the package index can't be read: %s" % getattr(error, "reason", error))
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        fail("%s came with a wrong checksum" % PIP)
    with open(wheel, "wb") as file:
        file.write(content)


def read(url):
    """Download; a user and password in the URL, and PIP_CERT, count as they do for pip."""
    parts = urllib.parse.urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())
    if at:
        token = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
        request.add_header("Authorization", "Basic " + token)
    trust = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
        return answer.read()


def run(command, problem):
    """Run a command in silence; shows what it said where it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        fail("%s (exit status %d): see above" % (problem, done.returncode))


def fail(problem):
    sys.exit(
        "labline can't be set up: %s.\n"
        "Is there a way to PyPI from here (https_proxy, PIP_INDEX_URL)? On Debian, "
        "`sudo apt-get install python3-venv ca-certificates` may help too, on 32-bit ARM `gcc python3-dev`." % problem
    )


def say(message):
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # a full disk, or a .venv that somebody else made
        sys.exit("labline can't be set up: %s: %s" % (error.filename, error.strerror))
