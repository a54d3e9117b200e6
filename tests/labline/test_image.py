"""`labline image`: what lies on a card's boot partition afterwards, read back by another program; and what it refuses."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from labline import cli
from labline.stack.errors import StackError
from tests.parts import pi_card

PASSWORD, PHRASE = "p4ss'\"word of\\ the bench", "the lab's own network"
# `wpa_passphrase "lab 'two'"` says so of PHRASE.
PSK = hashlib.pbkdf2_hmac("sha1", PHRASE.encode(), b"lab 'two'", 4096, 32).hex()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "key"
    if not shutil.which("ssh-keygen"):
        pytest.skip("there is no ssh-keygen here (Debian: openssh-client)")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@laptop", "-f", file], check=True)
    return file.with_suffix(".pub")


@pytest.fixture
def words(key: Path, tmp_path: Path) -> list[str]:
    """Arguments that say all there is to say."""
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "phrase").write_text(f"{PHRASE}\n")
    said = f"--host rack --user lab --key {key} --timezone Europe/Berlin --keyboard de --country DE".split()
    said += ["--password-file", str(tmp_path / "password")]
    return [*said, "--wifi", "lab 'two'", "--wifi-password-file", str(tmp_path / "phrase")]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Images as they come from the Raspberry Pi's makers."""
    folder = tmp_path_factory.mktemp("images")
    try:
        return {
            "12": pi_card.image(folder / "12.img", pi_card.DEBIAN_12),
            "13": pi_card.image(folder / "13.img", pi_card.DEBIAN_13),
            "part": pi_card.image(folder / "part.img", pi_card.DEBIAN_13, table=False),
        }
    except StackError as error:
        pytest.skip(f"no image can be made here: {error}")


@pytest.fixture
def copy(fresh: dict[str, Path], tmp_path: Path):
    return lambda name: Path(shutil.copy(fresh[name], tmp_path / f"card-{name}.img"))


def labline(*words: object) -> int:
    return cli.main(["image", *map(str, words)])


def crypted(plain: str, kept: str) -> str:
    """Hash as `openssl passwd` does, which shares nothing with libcrypt."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl here")
    salt = kept.split("$")[2]
    command = ["openssl", "passwd", "-6", "-stdin", "-salt", salt]
    return subprocess.run(command, input=plain, capture_output=True, text=True, check=True).stdout.strip()


def test_debian_12_gets_a_custom_toml(copy, words, key):
    card = copy("12")
    assert labline(card, *words) == 0
    files = pi_card.read(card)
    made = tomllib.loads(files.pop("custom.toml"))
    hashed = made["user"].pop("password")
    assert hashed == crypted(PASSWORD, hashed)
    assert made == {
        "config_version": 1,
        "system": {"hostname": "rack"},
        "user": {"name": "lab", "password_encrypted": True},
        "ssh": {"enabled": True, "password_authentication": False, "authorized_keys": [key.read_text().strip()]},
        "wlan": {"ssid": "lab 'two'", "password": PSK, "password_encrypted": True, "hidden": False, "country": "DE"},
        "locale": {"keymap": "de", "timezone": "Europe/Berlin"},
    }
    assert files == {name: text for name, text in pi_card.DEBIAN_12.items() if "/" not in name}


@pytest.mark.parametrize("kind", ["13", "part"])
def test_debian_13_gets_files_for_cloud_init(copy, words, key, kind):
    card = copy(kind)
    assert labline(card, *words, "--locale", "de_DE.UTF-8") == 0
    files = pi_card.read(card, table=kind == "13")
    assert files["user-data"].startswith("#cloud-config\n")
    told = yaml.safe_load(files["user-data"])
    hashed = told["user"].pop("passwd")
    assert hashed == crypted(PASSWORD, hashed)
    assert told["hostname"] == "rack" and told["timezone"] == "Europe/Berlin" and told["locale"] == "de_DE.UTF-8"
    assert told["user"]["name"] == "lab" and told["user"]["ssh_authorized_keys"] == [key.read_text().strip()]
    (wireless,) = yaml.safe_load(files["network-config"])["network"]["wifis"].values()
    assert wireless["access-points"] == {"lab 'two'": {"password": PSK}} and wireless["regulatory-domain"] == "DE"
    assert yaml.safe_load(files["meta-data"])["instance-id"].startswith("labline-")
    assert files["cmdline.txt"] == pi_card.DEBIAN_13["cmdline.txt"]


@pytest.mark.parametrize("kind", ["12", "13"])
def test_a_second_time_changes_nothing_and_no_secret_is_plain(copy, words, kind, capsys):
    card = copy(kind)
    assert labline(card, *words, "--check") == 1
    assert labline(card, *words) == 0
    before = card.read_bytes()
    assert labline(card, *words) == 0 and labline(card, *words, "--check") == 0
    assert card.read_bytes() == before
    shown = capsys.readouterr()
    for secret in (PASSWORD, PHRASE):
        assert secret.encode() not in before and secret not in shown.out + shown.err


def test_check_writes_nothing(copy, words):
    card = copy("13")
    before = card.read_bytes()
    assert labline(card, *words, "--check") == 1
    assert card.read_bytes() == before


def test_other_settings_are_another_instance_also_where_the_command_line_names_it(words, tmp_path, key):
    of_imager = {**pi_card.DEBIAN_13, "cmdline.txt": f"{pi_card.CMDLINE} ds=nocloud;i=rpi-imager-1790623015181 quiet\n"}
    card = pi_card.folder(tmp_path / "bootfs", of_imager)
    names = []
    for host in ("rack", "cellar"):
        assert labline(card, "--host", host, "--key", key) == 0
        names.append(yaml.safe_load((card / "meta-data").read_text())["instance-id"])
        assert (card / "cmdline.txt").read_text() == f"{pi_card.CMDLINE} ds=nocloud;i={names[-1]} quiet\n"
    assert len(set(names)) == 2
    assert {file.name for file in card.iterdir()} == {name.partition("/")[0] for name in of_imager}


def test_the_site_file_says_who_logs_in(tmp_path, key, capsys):
    card = pi_card.folder(tmp_path / "bootfs", pi_card.DEBIAN_13)
    site = tmp_path / "lab.yml"
    site.write_text(
        "site: lab\nnodes: [{name: rack, ssh: {user: lab}}]\n"
        "instruments: [{name: g, driver: pfeiffer_tpg, model: tpg366, connection: sim, channels: {'1': }}]\n"
    )
    assert labline(card, "--host", "rack", "--site", site, "--key", key) == 0
    assert yaml.safe_load((card / "user-data").read_text())["user"]["name"] == "lab"
    assert labline(card, "--host", "rakc", "--site", site, "--key", key) == 2
    assert "did you mean 'rack'?" in capsys.readouterr().err


@pytest.mark.parametrize("node", ["Rack_1.lab", "Rack-1-lab", "Rack_1.lab_"])
def test_a_node_whose_name_no_host_can_have_gets_one_made_from_it(node, tmp_path, key, capsys):
    card = pi_card.folder(tmp_path / "bootfs", pi_card.DEBIAN_13)
    site = tmp_path / "lab.yml"
    site.write_text(
        f"site: lab\nnodes: [{{name: {node}}}]\n"
        "instruments: [{name: g, driver: pfeiffer_tpg, model: tpg366, connection: sim, channels: {'1': }}]\n"
    )
    assert labline(card, "--host", node, "--site", site, "--key", key) == 0
    assert yaml.safe_load((card / "user-data").read_text())["hostname"] == "Rack-1-lab"
    assert "first boot of Rack-1-lab, as pi" in capsys.readouterr().out


def bent(files: dict[str, str], **changed: str | None) -> dict[str, str]:
    """Change files of a card by their names, with _ for what a keyword can't have; None takes one away."""
    named = {name.replace("_", "."): text for name, text in changed.items()}
    return {name: text for name, text in {**files, **named}.items() if text is not None}


REFUSED = {
    "a folder that is no boot partition": (bent(pi_card.DEBIAN_13, config_txt=None), "is no boot partition"),
    "a card that has booted": (
        bent(pi_card.DEBIAN_12, cmdline_txt=f"{pi_card.CMDLINE}\n"),
        "Where the card has booted once already",
    ),
    "a card with Imager's settings": (
        bent(pi_card.DEBIAN_12, cmdline_txt=f"{pi_card.CMDLINE} systemd.run=/boot/firstrun.sh\n"),
        "Raspberry Pi Imager's",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_fresh_card_is_refused(what, words, tmp_path, capsys):
    files, said = REFUSED[what]
    card = pi_card.folder(tmp_path / "bootfs", files)
    assert labline(card, *words) == 2
    told = capsys.readouterr().err
    assert said in told and str(card) in told
    assert not (card / "custom.toml").exists() and (card / "cmdline.txt").read_text() == files["cmdline.txt"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xfd7zXZ\0" + b"\0" * 600, "unpack it first: xz --decompress"),
        (b"\0" * 1024, "neither a partition table nor a FAT"),
        (b"", "neither a partition table nor a FAT"),
        (b"\0" * 450 + b"\xee" + b"\0" * 59 + b"\x55\xaa", "has no FAT partition"),
        (
            b"\0" * 450 + b"\x0c" + b"\0" * 3 + b"\1\0\0\0\1\0\0\0" + b"\0" * 48 + b"\x55\xaa" + b"\0" * 512,
            "is the image whole?",
        ),
    ],
)
def test_what_is_no_image_is_refused(content, said, words, tmp_path, capsys):
    file = tmp_path / "card.img"
    file.write_bytes(content)
    assert labline(file, *words) == 2
    assert said in capsys.readouterr().err and file.read_bytes() == content


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--host", "my rack"], "--host: found 'my rack'"),
        (["--user", "root"], "--user: found 'root'"),
        (["--user", "nobody"], "--user: found 'nobody'"),
        (["--user", "daemon"], "not one that the system has itself"),
        (["--user", ""], "--user: found ''"),
        (["--timezone", "Europe/Berln"], "did you mean 'Europe/Berlin'?"),
        (["--timezone", "here"], "--timezone: found 'here', expected a time zone; such as Europe/Berlin"),
        (["--country", "XX"], "--country: found 'XX'"),
        (["--wifi", "n" * 33], "--wifi: found"),
        (["--keyboard", "German"], "--keyboard: found 'German'"),
        (["--locale", "de"], "--locale: found 'de'"),
        (["--locale", "de_DE.UTF-8"], "can't be given a locale"),
        (["--wifi-open"], "--wifi-open: goes with no password"),
        (["--key", "/nowhere.pub"], "/nowhere.pub: can't be read"),
    ],
)
def test_settings_that_can_not_be_are_told(more, said, words, tmp_path, capsys):
    card = pi_card.folder(tmp_path / "bootfs", pi_card.DEBIAN_12)
    assert labline(card, *words, *more) == 2
    told = capsys.readouterr().err
    assert said in told and PASSWORD not in told and PHRASE not in told
    assert not (card / "custom.toml").exists()


def test_a_folder_that_is_mounted_read_only_is_told(words, tmp_path, capsys):
    card = pi_card.folder(tmp_path / "bootfs", pi_card.DEBIAN_13)
    if subprocess.run(["mount", "--bind", "-o", "ro", card, card], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert labline(card, *words) == 2
    finally:
        subprocess.run(["umount", card], check=True)
    told = capsys.readouterr().err
    assert f"{card}: can't be written: Read-only file system; is the card's lock on?" in told and "--state" not in told


def test_keys_and_passwords_that_are_none_are_told(words, key, tmp_path, capsys):
    card = pi_card.folder(tmp_path / "bootfs", pi_card.DEBIAN_12)
    (tmp_path / "bad.pub").write_text(f"# mine\n{key.read_text()}ssh-ed25519 AAAAnonsense me\n")
    (tmp_path / "short").write_text("1234567")
    for more, said in {
        ("--key", str(key.with_suffix(""))): "is a private key, which never leaves your machine",
        ("--key", str(tmp_path / "bad.pub")): "bad.pub:3: is no public key of ssh",
        ("--wifi-password-file", str(tmp_path / "short")): "has 7 characters, expected 8 to 63",
        ("--password-file", os.devnull): "/dev/null: is empty",
    }.items():
        assert labline(card, *words, *more) == 2
        assert said in capsys.readouterr().err
    assert not (card / "custom.toml").exists()


def test_a_card_that_is_full_is_told(fresh, words, capsys, tmp_path):
    small = 32768
    card = pi_card.image(tmp_path / "small.img", pi_card.DEBIAN_12, sectors=small)
    mtools = pi_card.debian_program.found("mtools", ())[0] / "usr/bin"
    filler = tmp_path / "filler"
    for size in (1 << power for power in range(24, 8, -1)):
        filler.write_bytes(b"\0" * size)
        command = [mtools / "mcopy", "-i", f"{card}@@{pi_card.START * 512}", filler, f"::/{size}"]
        subprocess.run(command, capture_output=True)
    subprocess.run([*command[:-1], "::/rest"], capture_output=True)
    assert labline(card, *words) == 1
    assert "mcopy: " in capsys.readouterr().err and "custom.toml" not in pi_card.read(card, sectors=small)


def test_an_image_that_is_attached_or_mounted_is_refused(copy, words, capsys):
    card = copy("13")
    attached = subprocess.run(["losetup", "--find", "--show", card], capture_output=True, text=True)
    if attached.returncode:
        pytest.skip(f"no loop device can be had here: {attached.stderr.strip()}")
    device = attached.stdout.strip()
    try:
        assert labline(card, *words) == 2
        assert f"is attached to {device}" in capsys.readouterr().err
        assert labline(device, *words) == 0  # as a card in its reader is, that nothing has mounted
        held = os.open(device, os.O_RDWR | os.O_EXCL)  # as a mount holds it
        try:
            assert labline(device, *words) == 2
            assert "a partition of it is mounted" in capsys.readouterr().err
        finally:
            os.close(held)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    assert "user-data" in pi_card.read(card)
