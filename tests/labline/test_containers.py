"""A lab in containers: its files are taken by what reads them, and hold what they promise."""

from __future__ import annotations

import base64
import grp
import os
import re
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from labline import cli
from labline.containing import broker, devices
from labline.stack import telegraf_build
from tests.parts import compose, kubernetes, packages
from tests.parts.mqtt import CONTAINED

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "containers/Containerfile"
SITE = """\
site: my-lab
nodes: [{name: lab-pc}]
instruments:
  - {name: store, driver: lakeshore_372, connection: sim, interval: 1s}
  - {name: gauge, driver: pfeiffer_tpg, model: tpg262, connection: "serial:///dev/serial/by-id/usb-FTDI-port0"}
  - name: bath
    driver: scpi
    connection: visa://ASRL/dev/ttyUSB3::INSTR
    channels: {"1": {read: {voltage: {query: "V?", unit: V}}}}
  - {name: fridge, driver: ds18b20, connection: "file:///mnt/w1", channels: {28-000000000001: {}}}
"""
SITE += CONTAINED
SITE += """\
notifications:
  contact_points: [{name: chat, type: webhook, url_file: chat_url}]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A site file that has every kind of thing that a container must be given."""
    file = tmp_path / "my-lab.yml"
    file.write_text(SITE)
    return file


@pytest.fixture
def folder(lab: Path, tmp_path: Path) -> Path:
    """The folder of its containers."""
    made = tmp_path / "containers"
    assert cli.main(["containers", str(lab), "--to", str(made)]) == 0
    return made


def services(folder: Path) -> dict:
    found: dict = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    return found


def test_compose_takes_it(folder: Path):
    read = compose.read(folder / "compose.yaml")
    assert read.returncode == 0, read.stderr
    meant = yaml.safe_load(read.stdout)
    assert meant["name"] == "labline-my-lab"
    assert set(meant["services"]) == {"influxdb", "apply", "telegraf", "grafana", "caddy", "mosquitto"}
    # A text of Grafana's with a $ comes out as it was meant.
    password = services(folder)["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert password.replace("$$", "$") == "$__file{/run/secrets/grafana_admin}"


def test_compose_would_refuse_a_slip(folder: Path):
    file = folder / "compose.yaml"
    file.write_text(file.read_text().replace("    ports:", "    portz:", 1))
    assert "portz" in compose.read(file).stderr


def test_kubernetes_takes_it(folder: Path):
    said = kubernetes.validate(folder / "kube.yaml")
    assert said.returncode == 0, said.stdout + said.stderr
    file = folder / "kube.yaml"
    file.write_text(file.read_text().replace("mountPath", "mountpath", 1))
    assert kubernetes.validate(file).returncode != 0


def test_no_container_may_do_more_than_it_must(folder: Path):
    for name, service in services(folder).items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else []), name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
        assert re.search(r":\d+\.\d+\.\d+$", service["image"]), name  # of one version, never the latest
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert ("healthcheck" in service) == (name != "apply"), name
    pod = yaml.safe_load((folder / "kube.yaml").read_text())["spec"]
    for container in pod["containers"]:
        secured = container["securityContext"]
        assert secured["runAsUser"] and secured["readOnlyRootFilesystem"], container["name"]
        assert secured["allowPrivilegeEscalation"] is False and secured["capabilities"]["drop"] == ["ALL"]
        assert all(port["hostIP"] == "127.0.0.1" for port in container.get("ports", []))


def test_each_container_gets_its_own_passwords_alone(folder: Path):
    given = {name: service.get("secrets", []) for name, service in services(folder).items()}
    assert given == {
        "influxdb": [],
        "apply": ["labadmin", "writer", "reader"],
        "telegraf": ["writer", "mqtt_lab"],
        "grafana": ["reader", "grafana_admin", "grafana_secret_key", "chat_url"],
        "caddy": [],
        "mosquitto": ["mosquitto_passwords"],
    }
    pod = yaml.safe_load((folder / "kube.yaml").read_text())["spec"]
    mounted = {
        container["name"]: [
            mount["mountPath"].removeprefix("/run/secrets/")
            for mount in container["volumeMounts"]
            if mount["mountPath"].startswith("/run/secrets/")
        ]
        for container in pod["containers"]
    }
    assert mounted == given


def test_no_password_stands_in_a_file_that_is_made(folder: Path):
    words = [file.read_text() for file in (folder / "secrets").iterdir()]
    assert len(words) == 8
    for file in folder.rglob("*"):
        if file.is_file() and file.parent.name != "secrets":
            assert not [word for word in words if word in file.read_text()], file
    assert not [file for file in (folder / "secrets").iterdir() if file.stat().st_mode & 0o007]
    assert "secrets/" in (folder / ".gitignore").read_text().split()


def test_what_is_read_of_the_machine_is_handed_in(folder: Path):
    telegraf = services(folder)["telegraf"]
    assert [device["source"] for device in telegraf["devices"]] == [
        "/dev/serial/by-id/usb-FTDI-port0",
        "/dev/ttyUSB3",
    ]
    assert telegraf["group_add"] == [str(grp.getgrnam("dialout").gr_gid)]
    assert "/mnt/w1" in [volume["source"] for volume in telegraf["volumes"]]


BUSES = """\
site: my-lab
nodes: [{{name: lab-pc}}]
instruments:
  - {{name: there, driver: pfeiffer_tpg, model: tpg262, connection: "serial://{there}"}}
  - {{name: pulled, driver: pfeiffer_tpg, model: tpg262, connection: "serial:///dev/ttyUSB97"}}
  - {{name: bus, driver: thermistor_adcpi, connection: "i2c:///dev/i2c-97", channels: {{"1": {{}}}}}}
"""


def test_the_groups_of_devices_are_numbers_of_this_machine(tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]):
    there, none = tmp_path / "port", {"dialout": 4711}
    there.touch(mode=0o660)
    owner = {str(there): 4713}
    stat = os.stat

    def owned(path, **how):
        found = list(stat(path, **how))
        found[5] = owner.get(str(path), found[5])
        return os.stat_result(found)

    monkeypatch.setattr(devices.os, "stat", owned)
    monkeypatch.setattr(devices.grp, "getgrnam", lambda name: SimpleNamespace(gr_gid=none[name]))
    (tmp_path / "lab.yml").write_text(BUSES.format(there=there))
    made = tmp_path / "made"

    def given(*notes: str) -> None:
        assert cli.main(["containers", str(tmp_path / "lab.yml"), "--to", str(made)]) == 0
        said = [line.split(";")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("note: /")]
        assert said == list(notes)

    given("note: /dev/i2c-97: is not here, nor is the group i2c")
    assert services(made)["telegraf"]["group_add"] == ["4711", "4713"]
    none["i2c"], owner[str(there)] = 4712, 0
    given(f"note: {there}: belongs to root's group")
    assert services(made)["telegraf"]["group_add"] == ["4711", "4712"]
    there.chmod(0o666)
    given()
    pod = yaml.safe_load((made / "kube.yaml").read_text())["spec"]
    assert pod["securityContext"]["supplementalGroups"] == [4711, 4712]
    assert compose.read(made / "compose.yaml").returncode == 0
    assert kubernetes.validate(made / "kube.yaml").returncode == 0


def test_doing_it_again_changes_nothing(lab: Path, folder: Path, capsys: pytest.CaptureFixture[str]):
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.rglob("*") if file.is_file()}
    capsys.readouterr()
    assert cli.main(["containers", str(lab), "--to", str(folder), "--check"]) == 0
    assert cli.main(["containers", str(lab), "--to", str(folder)]) == 0
    assert "new:" not in (said := capsys.readouterr().out) and "changed:" not in said
    # The password of the chat is somebody's to give; it is told which, and where.
    assert f"missing: {folder / 'secrets/chat_url'}" in said
    assert not [file for file, was in before.items() if (file.read_bytes(), file.stat().st_mtime_ns) != was]
    lab.write_text(lab.read_text().replace("interval: 1s", "interval: 2s"))
    assert cli.main(["containers", str(lab), "--to", str(folder), "--check"]) == 1
    assert "changed:" in capsys.readouterr().out


def marks(folder: Path) -> dict[str, str]:
    """Give what stands for each container's files, as Compose reads it; the pod has the same."""
    read = compose.read(folder / "compose.yaml")
    assert read.returncode == 0, read.stderr
    meant = yaml.safe_load(read.stdout)["services"]
    found = {name: service["labels"]["labline.files"] for name, service in meant.items() if "labels" in service}
    pod = yaml.safe_load((folder / "kube.yaml").read_text())["metadata"]
    assert pod["annotations"] == {f"labline.files/{name}": mark for name, mark in found.items()}
    return found


@pytest.mark.parametrize(
    ("before", "after", "anew"),
    [
        ("interval: 1s", "interval: 2s", {"apply", "telegraf", "grafana"}),
        ("site: my-lab", "site: my-lab  # mine", {"apply"}),
        ("nodes:", "grafana: {url: 'https://lab.example.org:8443'}\nnodes:", {"apply", "caddy", "grafana"}),
    ],
)
def test_a_container_is_made_anew_where_its_files_changed(before, after, anew, lab: Path, folder: Path):
    was = marks(folder)
    assert was.keys() == {"apply", "telegraf", "grafana", "caddy", "mosquitto"}
    lab.write_text(lab.read_text().replace(before, after))
    assert cli.main(["containers", str(lab), "--to", str(folder)]) == 0
    now = marks(folder)
    assert {name for name in now if now[name] != was[name]} == anew


def test_nothing_stands_for_a_password(lab: Path, folder: Path):
    was = marks(folder)
    for name in ("chat_url", "grafana_admin", "mqtt_lab"):
        (folder / "secrets" / name).write_text("another")
    assert cli.main(["containers", str(lab), "--to", str(folder)]) == 0
    assert marks(folder) == was


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_root_makes_for_himself_the_containers_can_read(lab: Path, capsys: pytest.CaptureFixture[str]):
    before = os.umask(0o077)
    try:
        with tempfile.TemporaryDirectory(prefix="labline-containers-", dir="/var/tmp") as name:
            folder = Path(name) / "made"
            words = ["containers", str(lab), "--to", str(folder)]
            assert cli.main(words) == 0
            (folder / "secrets/chat_url").write_text("http://127.0.0.1/")  # as somebody puts it there afterwards
            capsys.readouterr()
            assert cli.main([*words, "--check"]) == 1
            assert f"closed to the containers: {folder}/secrets/chat_url" in capsys.readouterr().out
            assert cli.main(words) == 0
            assert cli.main([*words, "--check"]) == 0
            assert refused(folder) == set()
            for place in ("telegraf", "grafana", "site.yml"):
                (folder / place).chmod(0o700)
            capsys.readouterr()
            assert cli.main([*words, "--check"]) == 1
            assert f"closed to the containers: {folder}/telegraf" in capsys.readouterr().out.splitlines()
            assert cli.main(words) == 0
            assert refused(folder) == set()
            assert not [file for file in (folder / "telegraf").rglob("*") if file.stat().st_mode & 0o007]
    finally:
        os.umask(before)


def refused(folder: Path) -> set[str]:
    """List what the containers' user is not let read of what is mounted."""
    mounted = [volume for service in services(folder).values() for volume in service["volumes"]]
    places = [folder / v["source"] for v in mounted if v.get("read_only") and v["source"].startswith(".")]
    given = [folder / "secrets" / name for service in services(folder).values() for name in service.get("secrets", [])]
    for above in (folder.parent, folder, folder / "secrets", folder / "caddy"):  # which no container sees
        above.chmod(0o711)
    said = subprocess.run(
        ["/usr/bin/find", *places, *given, "!", "-readable", "-o", "-type", "d", "!", "-executable"],
        capture_output=True,
        text=True,
        user=10001,
        group=10001,
        extra_groups=[],
    )
    return {*said.stdout.splitlines(), *said.stderr.splitlines()}


def test_a_site_of_several_nodes_is_refused(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lab.write_text(
        lab.read_text().replace(
            "nodes: [{name: lab-pc}]", "nodes: [{name: a}, {name: b}]\ninfluxdb: {url: 'http://a:8086'}"
        )
    )
    assert cli.main(["containers", str(lab), "--to", str(tmp_path / "made")]) == 2
    assert "found 2 nodes, expected one" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("instrument", "told"),
    [
        ('{driver: lakeshore_372, connection: "tcp://127.0.0.1:7777"}', "127.0.0.1 is the container itself there"),
        ('{driver: lakeshore_372, connection: "tcp://192.168.1.9:7777"}', ""),
        ('{driver: lakeshore_372, connection: "tcp://[::1]:7777"}', "::1 is the container itself there"),
        ('{driver: lakeshore_372, connection: "visa://USB0::1::2::3::INSTR"}', "USB is not handed in"),
        ('{driver: phidget, connection: "phidget://561234", channels: CHANNELS}', "USB is not handed in"),
        ('{driver: phidget, connection: "phidget://192.168.1.4", channels: CHANNELS}', ""),
        ("{driver: lakeshore_372, connection: sim}", ""),
    ],
)
def test_what_a_container_does_not_reach_is_told(instrument, told, tmp_path, capsys: pytest.CaptureFixture[str]):
    channels = "{a: {class: TemperatureSensor}}"
    text = instrument.replace("{driver", "{name: it, driver").replace("CHANNELS", channels)
    (tmp_path / "lab.yml").write_text(f"site: my-lab\nnodes: [{{name: lab-pc}}]\ninstruments:\n  - {text}\n")
    assert cli.main(["containers", str(tmp_path / "lab.yml"), "--to", str(tmp_path / "made")]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: it: ")]
    assert len(notes) == bool(told) and told in "".join(notes)


def test_without_mqtt_there_is_no_broker(lab: Path, tmp_path: Path):
    lab.write_text(lab.read_text().replace("mqtt://mosquitto:1883", "mqtt://192.168.1.3:1883"))
    assert cli.main(["containers", str(lab), "--to", str(tmp_path / "made")]) == 0
    assert "mosquitto" not in services(tmp_path / "made")
    assert not (tmp_path / "made/secrets/mosquitto_passwords").exists()


def test_a_broker_keeps_its_password_file_as_long_as_it_is_right():
    first = broker.password_file({"lab": "one", "sensors": "two"})
    assert broker.password_file({"lab": "one", "sensors": "two"}, first) == first
    other = broker.password_file({"lab": "other", "sensors": "two"}, first)
    assert other != first and other.splitlines()[1] == first.splitlines()[1]
    torn = first[:40]
    assert broker.password_file({"lab": "one", "sensors": "two"}, torn) != torn
    assert base64.b64encode(b"one").decode() not in first


def test_hadolint_finds_nothing_to_better(tmp_path: Path):
    program = packages.folder("hadolint") / "bin/hadolint"

    def said(file: Path) -> str:
        return subprocess.run([program, "--no-color", file], capture_output=True, text=True, timeout=120).stdout

    assert said(CONTAINERFILE) == ""
    worse = tmp_path / "Containerfile"
    worse.write_text(CONTAINERFILE.read_text().replace("python:${PYTHON} AS built", "python:latest AS built"))
    assert "DL3007" in said(worse)


def test_the_image_has_what_labline_is_tried_with():
    text = CONTAINERFILE.read_text()
    assert f"ARG TELEGRAF={telegraf_build.VERSION}" in text
    assert "--require-hashes --only-binary :all:" in text
    assert re.search(r"^USER 10001:10001$", text, re.M)
    assert ":latest" not in text and not re.search(r"^FROM [^:$]+$", text, re.M)
    taken = {line.lstrip("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for words in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M) for word in words.split()}
    assert copied == taken
    assert all((ROOT / name).exists() for name in copied)
