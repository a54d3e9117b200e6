"""upgrade.yml and back.yml: from another release and back, with a backup first; data, alarms, users and passwords stay, no reading is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ansible.conftest import all_is_stored
from tests.parts import debian_host
from tests.parts.other_clones import earlier_clone, earlier_is_there, newer_clone
from tests.parts.site_machine import ROOT, Machine, went_well
from tests.parts.site_machine import machine as bare_machine

# What a clone can try whose history is cut short, is said by the test's name.
EARLIER = earlier_is_there()
WAY = "from a release before" if EARLIER else "to a release to come, as the history has none before"
DATA_DRIVE = "/etc/systemd/system/influxdb.service.d/60-labline-data-drive.conf"
ALARMS = "/var/lib/grafana/alarms.json"
UNITS = "telegraf.service catch-up.service catch-up.timer backup.service backup.timer"
MADE = " ".join(
    ["etc/labline/telegraf", "etc/labline/site.yml", "etc/grafana/labline", "usr/local/sbin/labline-restore"]
    + [f"etc/systemd/system/labline-{unit}" for unit in UNITS.split()]
)


@dataclass(frozen=True)
class Clones:
    """One of the release before, one of a release that comes to nothing, and one of the release that comes then."""

    before: Path
    failing: Path
    after: Path


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A bare machine of its own: nothing of this release was ever on it."""
    with ExitStack() as undo:
        with debian_host.or_skip():
            made = undo.enter_context(bare_machine(tmp_path_factory.mktemp("upgraded-machine")))
        yield made


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Clones:
    archives = Path(str(machine.variables["labline_archives"]))
    failing = newer_clone(tmp_path_factory.mktemp("failing"), archives, "99.0")
    if EARLIER:
        return Clones(earlier_clone(tmp_path_factory.mktemp("earlier"), archives), failing, ROOT)
    return Clones(ROOT, failing, newer_clone(tmp_path_factory.mktemp("newer"), archives))


def _users(machine: Machine) -> str:
    return machine.query("SHOW USERS", user="labadmin") + machine.host.run("cat", "/var/lib/grafana/admin")


def _links(machine: Machine) -> list[str]:
    return machine.host.run(
        "sh", "-c", "readlink /opt/labline /opt/labline-before || true; ls -d /opt/labline-go* 2>/dev/null || true"
    ).split()


def _spoilt(machine: Machine) -> None:
    """What was kept is not whole: nothing is changed."""
    before = _links(machine)
    machine.host.run("sh", "-c", "cd /opt/labline-before && cp kept.tar good.tar && truncate -s 700 kept.tar")
    refused = machine.play(book="back.yml")
    assert refused.returncode != 0 and "daq has no version from before, or not whole" in refused.stdout
    assert _links(machine) == before
    machine.host.run("mv", "/opt/labline-before/good.tar", "/opt/labline-before/kept.tar")


def _broken_off(machine: Machine) -> None:
    """The way back ends in its middle: it goes on with the next run."""
    newer, older = _links(machine)
    machine.host.run("systemctl", "stop", "influxdb.service")
    refused = machine.play(book="back.yml")
    assert refused.returncode != 0 and _links(machine) == [older, newer, "/opt/labline-going"]
    machine.host.run("systemctl", "start", "influxdb.service")


def _all_there(machine: Machine) -> None:
    """The way back ends where it is looked whether all deliver: the next run leaves all as it is, and does not turn round."""
    show = ["systemctl", "show", "--property=InvocationID", "labline-telegraf.service"]
    before, started = _links(machine), machine.host.run(*show)
    machine.host.run("ln", "--symbolic", before[0], "/opt/labline-gone")
    said = " ".join(went_well(machine.play(book="back.yml")).split())
    assert "was broken off, or not all machines delivered" in said
    assert _links(machine) == before and machine.host.run(*show) == started


def _comes_to_nothing(machine: Machine, clone: Path) -> None:
    """Another version is installed, and what it was to run was never started: the one before stays that one, whatever comes then."""
    (runs,) = _links(machine)
    went_well(machine.play("--tags", "labline", labline_clone=str(clone)))
    assert _links(machine)[0] != runs and _links(machine)[1:] == [runs]


def _rules(machine: Machine) -> set[str]:
    said = json.loads(machine.host.run("sh", "-c", "cat /etc/grafana/labline/alerting/*-rules.json"))
    return {rule["uid"] for group in said["groups"] for rule in group["rules"]}


def _alarms(machine: Machine) -> dict[str, str]:
    return dict(json.loads(machine.host.run("cat", ALARMS)))


def _settings(machine: Machine) -> str:
    return machine.host.run("sh", "-c", f"cd / && find {MADE} -type f | sort | xargs sha256sum")


@pytest.mark.parametrize("way", [WAY])
def test_it_goes_over_and_back_and_nothing_is_lost(machine: Machine, clones: Clones, way: str) -> None:
    def went(book: str, of: Path = ROOT, **variables: object) -> None:
        went_well(machine.play(book=book, of=of, **wanted, **variables))

    wanted: dict[str, object] = {"backup_repository": "/srv/backup", "backup_password": "canary-of-restic"}
    went("site.yml", clones.before)
    refused = machine.play(book="upgrade.yml", labline_clone=str(clones.after))
    assert refused.returncode != 0 and "upgrade_without_backup=true" in refused.stdout
    rules, alarms = _rules(machine), _alarms(machine) | {"bench-database": "Alerting"}
    assert rules == set(alarms)
    machine.host.path(ALARMS).write_text(json.dumps(alarms))
    users, known, first = _users(machine), all_is_stored(machine), _settings(machine)
    made = json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"]
    (before,) = _links(machine)
    _comes_to_nothing(machine, clones.failing)
    forgotten = ["/opt/labline-0123456789ab-3.9-x86_64", "/opt/labline-123456789abc-3.9-x86_64.tar"]
    machine.host.run("mkdir", *forgotten)
    went("upgrade.yml", labline_clone=str(clones.after))
    after, *others = _links(machine)
    assert others == [before], "it goes back to what has worked"
    installed = machine.host.run("sh", "-c", "ls -d /opt/labline-????????????*").split()
    assert set(installed) == {before, after}, "what neither runs nor ran before takes room"
    assert _users(machine) == users and rules <= _rules(machine) and alarms.items() <= _alarms(machine).items()
    assert json.loads(machine.host.run("cat", "/var/lib/labline-backup/last.json"))["made"] > made
    running = machine.host.run("sh", "-c", "cat /proc/[0-9]*/maps | grep -o '/opt/labline-[^/]*' | sort -u").split()
    assert running == [after]  # no program of the former one runs on
    known |= all_is_stored(machine)
    _spoilt(machine)
    machine.host.path(DATA_DRIVE).write_text("# put there since\n")
    _broken_off(machine)
    went("back.yml")
    machine.host.run("sh", "-c", f"rm {DATA_DRIVE} && systemctl daemon-reload")
    assert _links(machine) == [before, after] and _settings(machine) == first
    assert _users(machine) == users and alarms.items() <= _alarms(machine).items()
    known |= all_is_stored(machine)
    _all_there(machine)
    went("back.yml")
    assert _links(machine) == [after, before] and known <= all_is_stored(machine)
