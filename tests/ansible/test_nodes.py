"""A server and three nodes behind a network that lets nothing in: from bare machines to the last reading, and to what may happen then."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ansible import left_by
from tests.parts import debian_host
from tests.parts.looked_at import looked_at
from tests.parts.other_clones import VERSION, newer_clone
from tests.parts.site_machine import PORT, changed, went_well
from tests.parts.site_network import SERVER, SiteNetwork, network_of_hosts

PATIENCE = 180.0  # seconds until what is awaited is there; never reached where all is well
NODES = {"mast": "laser", "cellar": "dewar", "pump": "vacuum"}
READ = {"laser": "julabo", "dewar": "lakeshore_372", "vacuum": "pfeiffer_tpg"}
# As docs/remote.md has it.
FOLDER = 'install -d -m 700 ~/lab; sudo install -m 600 -o "$USER" /etc/labline/secrets/reader ~/lab/reader'
AS_MYSELF, AS_ROOT = (
    "labline nodes /etc/labline/site.yml --secrets ~/lab",
    "sudo labline nodes /etc/labline/site.yml --no-ssh",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteNetwork]:
    """The example's machines, bare."""
    with ExitStack() as undo:
        with debian_host.or_skip():
            made = undo.enter_context(network_of_hosts(tmp_path_factory.mktemp("site-network")))
        yield made


@pytest.fixture(scope="module")
def told(lab: SiteNetwork) -> dict[str, str]:
    """What the playbook says: of the tunnels with --check; at work on bare machines; then, without a way to packages, by the tunnels, of one node, and of all with --check."""
    said = {"asked": went_well(lab.play("--check", "--diff", "--tags", "tunnel"))}
    alone = lab.play("--limit", "cellar", "--tags", "tunnel")
    assert alone.returncode, alone.stdout
    said["alone"] = " ".join(alone.stdout.split())
    said["made"] = went_well(lab.play("--diff"))
    nothing_but_ssh = "add table inet away; add chain inet away out { type filter hook output priority 0; }; "
    nothing_but_ssh += f"add rule inet away out tcp dport {PORT} reject"
    for node in NODES:  # they get to no packages any more
        lab.hosts[node].run("nft", nothing_but_ssh)
    said["again"] = went_well(lab.play("--limit", "cellar", tunnels=True))
    said["asked again"] = went_well(lab.play("--check", "--diff", "--tags", "tunnel", tunnels=True))
    return said


def _until(lab: SiteNetwork, look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            said = "\n".join(
                f"--- {name}\n{host.run('journalctl', '-n', '30', '--no-pager')}" for name, host in lab.hosts.items()
            )
            raise AssertionError(f"{what}\n{said}")
        time.sleep(0.2)


def _rows(lab: SiteNetwork, statement: str) -> list[list[object]]:
    try:
        answer = json.loads(lab.query(statement))
    except ValueError:  # a database that is starting has no answer yet
        return []
    return [row for result in answer["results"] for series in result.get("series", []) for row in series["values"]]


def _newest(lab: SiteNetwork, instrument: str) -> int:
    """Tell the time (ns) of an instrument's newest reading in the database; 0 where there is none."""
    rows = _rows(
        lab, f"SELECT * FROM raw.{READ[instrument]} WHERE instrument = '{instrument}' ORDER BY time DESC LIMIT 1"
    )
    return int(str(rows[0][0])) if rows else 0


def _arrives(lab: SiteNetwork, instrument: str, after: int) -> None:
    _until(lab, lambda: _newest(lab, instrument) > after, f"nothing new of {instrument}")


def test_the_last_reading_of_every_node_is_in_the_database(lab: SiteNetwork, told: dict[str, str]) -> None:
    for instrument in READ:
        _arrives(lab, instrument, 0)


def test_what_would_be_done_is_told(told: dict[str, str]) -> None:
    assert all(count > 1 for count in changed(told["asked"]).values()), told["asked"]


def test_a_tunnel_before_its_server_is_told_at_once(told: dict[str, str]) -> None:
    assert "the server, which takes none yet. Run site.yml for the server first" in told["alone"], told["alone"]
    assert "changed=0" in told["alone"] and "no sshd answers" not in told["alone"]


def test_a_run_by_the_tunnels_changes_nothing(told: dict[str, str]) -> None:
    assert changed(told["again"]) == {"cellar": 0}, told["again"]
    assert set(changed(told["asked again"]).values()) == {0} and len(changed(told["asked again"])) == 4


def test_what_a_run_that_was_broken_off_brought_sshd_is_taken_up_by_the_next(
    lab: SiteNetwork, told: dict[str, str]
) -> None:
    server = ["--limit", SERVER, "--tags", "tunnel"]
    lab.hosts[SERVER].run("touch", "/etc/ssh/sshd_config.d/50-labline-tunnels.conf")
    said = went_well(lab.play(*server, tunnels=True))
    assert "RUNNING HANDLER [tunnel : Reload sshd]" in said, said
    assert changed(went_well(lab.play(*server, tunnels=True))) == {SERVER: 0}


def test_nothing_but_ssh_gets_in(lab: SiteNetwork, told: dict[str, str]) -> None:
    node, server = lab.hosts["mast"], lab.hosts[SERVER]
    reach = ["timeout", "3", "bash", "-c"]
    assert (
        subprocess.run([*node.enter(), *reach, f": < /dev/tcp/{server.address}/22"], capture_output=True).returncode
        == 0
    )
    for host, address, port in ((node, server.address, 8086), (server, node.address, 22)):
        tried = subprocess.run([*host.enter(), *reach, f": < /dev/tcp/{address}/{port}"], capture_output=True)
        assert tried.returncode, (address, port)


def test_a_tunnel_is_no_shell_and_leads_nowhere_else(lab: SiteNetwork, told: dict[str, str]) -> None:
    known = ["UserKnownHostsFile=/etc/labline/tunnel/known_hosts", f"HostKeyAlias={SERVER}", "BatchMode=yes"]
    options = [word for option in [*known, "ExitOnForwardFailure=yes"] for word in ("-o", option)]
    ssh = ["ssh", "-F", "none", "-i", "/etc/labline/tunnel/key", *options, f"tunnels@{lab.hosts[SERVER].address}"]
    node = lab.hosts["mast"]
    said = node.run(*ssh, "id", check=False)
    assert "open failed" in said and "uid=" not in said, said
    assert "prohibited" in node.run(*ssh, "-W", "127.0.0.1:22", check=False)
    for other in ("127.0.0.1:20002:127.0.0.1:22", "0.0.0.0:20001:127.0.0.1:22"):
        assert "forwarding failed" in node.run("timeout", "60", *ssh, "-N", "-R", other, check=False)


def test_units_are_shut_in(lab: SiteNetwork, told: dict[str, str]) -> None:
    assert lab.hosts["mast"].exposure("labline-tunnel.service") <= 2.0
    for node in NODES:
        assert not left_by.faults(looked_at(lab.hosts[node]), "tunnel", "telegraf")
    assert not left_by.faults(looked_at(lab.hosts[SERVER]), "tunnel at the server")


def test_labline_ssh_gets_to_a_node_by_its_tunnel(lab: SiteNetwork, told: dict[str, str]) -> None:
    said = lab.labline("ssh", "--site", str(lab.site_file), "cellar", *lab.ssh_options("cellar"), "hostname")
    assert said.stdout.strip() == lab.hosts["cellar"].name, said.stderr


def test_a_node_whose_cable_is_pulled_catches_up(lab: SiteNetwork, told: dict[str, str]) -> None:
    mast = lab.hosts["mast"]
    _arrives(lab, "laser", 0)
    began = time.time_ns()
    lab.network.cut(mast.number)
    try:
        _journal_grows(lab, "mast", "laser")
        assert _newest(lab, "laser") < time.time_ns() - 2 * 10**9
    finally:
        lab.network.mend(mast.number)
    _arrives(lab, "laser", time.time_ns())
    _complete(lab, "mast", "laser", began)


def test_a_node_that_is_rebooted_without_its_cable_catches_up(lab: SiteNetwork, told: dict[str, str]) -> None:
    pump = lab.hosts["pump"]
    _arrives(lab, "vacuum", 0)
    began = time.time_ns()
    lab.network.cut(pump.number)
    try:
        _journal_grows(lab, "pump", "vacuum")
        lab.network.mend(pump.number)  # a host that boots is waited for at its sshd
        pump.fall()
        pump.boot()
    finally:
        lab.network.mend(pump.number)
    _arrives(lab, "vacuum", time.time_ns())
    _until(lab, lambda: _missing(lab, "pump", "vacuum", began) == set(), "the journal was not written again")


def test_after_a_reboot_of_the_server_all_go_on(lab: SiteNetwork, told: dict[str, str]) -> None:
    began = time.time_ns()
    lab.hosts[SERVER].reboot()
    for name, instrument in NODES.items():
        _until(
            lab, lambda one=instrument: _newest(lab, one) > time.time_ns() - 10 * 10**9, f"nothing new of {instrument}"
        )
        _complete(lab, name, instrument, began)


def test_labline_nodes_tells_how_they_are(lab: SiteNetwork, told: dict[str, str]) -> None:
    lab.let_server_log_in()
    assert lab.on_server(FOLDER) == ""
    said = json.loads(lab.on_server(f"{AS_MYSELF} --json"))
    assert [node["name"] for node in said["nodes"]] == list(lab.hosts)
    for node in said["nodes"]:
        assert node["well"] and not node["problem"] and node["version"], node
        assert (
            node["last_seen_seconds"] < 60
            and abs(node["clock_ahead_seconds"]) < 2
            and node["points_waiting"] is not None
        )
        assert node["tunnel"] == ("" if node["server"] else "open")
    lab.hosts["cellar"].run("systemctl", "stop", "labline-tunnel.service")
    try:
        table = lab.on_server(AS_MYSELF)
        assert re.search(r"^cellar .* shut ", table, re.MULTILINE) and "cellar: ssh says: " in table, table
        table = lab.on_server(AS_ROOT)
        assert re.search(r"^mast .* ago ", table, re.MULTILINE) and "ssh says" not in table, table
    finally:
        lab.hosts["cellar"].run("systemctl", "start", "labline-tunnel.service")


def _all_since(lab: SiteNetwork, began: int) -> None:
    for name, instrument in NODES.items():
        _arrives(lab, instrument, time.time_ns())
        _complete(lab, name, instrument, began)


def test_new_passwords_are_for_all_of_them_and_a_server_that_refuses_stops_nobody(
    lab: SiteNetwork, told: dict[str, str]
) -> None:
    began, before, server = time.time_ns(), lab.vault.read(), lab.hosts[SERVER]
    refused = lab.play("--limit", "cellar", book="rotate.yml")
    assert refused.returncode != 0 and "rotate.yml is for all machines of a site at once" in refused.stdout
    assert lab.vault.read() == before
    server.run("systemctl", "stop", "influxdb.service")
    try:
        refused = lab.play(book="rotate.yml")
    finally:
        server.run("systemctl", "start", "influxdb.service")
    said = " ".join(refused.stdout.split())
    assert refused.returncode != 0 and "the nodes go on with what they had" in said, refused.stdout
    _all_since(lab, began)
    now = lab.vault.read()
    assert now != before
    went_well(lab.play(book="rotate.yml"))
    assert lab.vault.read() == now  # those that were chosen by the one that was broken off
    lab.passwords.update({name: now[f"vault_{name}"] for name in lab.passwords})
    _all_since(lab, began)
    for name in NODES:
        assert lab.hosts[name].run("cat", "/etc/labline/secrets/writer") == now["vault_writer"]


def test_an_upgrade_that_reached_some_goes_back_with_those(
    lab: SiteNetwork, told: dict[str, str], tmp_path: Path
) -> None:
    def versions() -> dict[str, str]:
        return {name: host.run("/opt/labline/bin/labline", "--version").split()[-1] for name, host in lab.hosts.items()}

    began, before = time.time_ns(), versions()
    clone = ["-e", f"labline_clone={newer_clone(tmp_path, lab.archives)}"]
    refused = lab.play("--limit", "mast", *clone, book="upgrade.yml")
    assert refused.returncode != 0 and "--limit leaves it out" in refused.stdout and versions() == before
    some = ["--limit", f"{SERVER},mast", "-e", "upgrade_without_backup=true"]
    went_well(lab.play(*some, *clone, book="upgrade.yml"))
    assert versions() == before | {SERVER: VERSION, "mast": VERSION}
    _broken_off_behind_the_server(lab)
    went_well(lab.play(book="back.yml"))
    assert versions() == before
    _all_since(lab, began)


def _broken_off_behind_the_server(lab: SiteNetwork) -> None:
    """The way back ends on a node: the next run goes on there, and the server stays where it went."""
    server, node = (lab.hosts[name].run for name in (SERVER, "mast"))
    fails = "/etc/systemd/system/labline-telegraf.service.d/fails.conf"
    where = ["readlink", "/opt/labline-gone"]
    node("sh", "-c", f"mkdir -p {Path(fails).parent}; printf '[Service]\\nExecStartPre=false\\n' > {fails}")
    refused = lab.play(book="back.yml")
    node("sh", "-c", f"rm {fails}; systemctl daemon-reload")
    assert refused.returncode != 0 and server(*where) == server("readlink", "/opt/labline"), refused.stdout
    assert node("readlink", "/opt/labline-going") and not node(*where, check=False)


def _journal(lab: SiteNetwork, node: str, instrument: str) -> set[int]:
    """List the times (ns) of an instrument's readings in its node's journal."""
    text = lab.hosts[node].run("sh", "-c", "cat /var/lib/labline/journal/readings*.lp")
    return {int(time_ns) for time_ns in re.findall(rf"^{READ[instrument]},\S+ .* (\d{{19}})$", text, re.MULTILINE)}


def _journal_grows(lab: SiteNetwork, node: str, instrument: str) -> None:
    before = len(_journal(lab, node, instrument))
    _until(lab, lambda: len(_journal(lab, node, instrument)) > before + 4, f"{node} keeps no journal")


def _missing(lab: SiteNetwork, node: str, instrument: str, since: int) -> set[int]:
    """List what the journal has since then, and the database has not; what may still be on its way left out.

    Nothing that was read then: 0.
    """
    until = _newest(lab, instrument)
    kept = {at for at in _journal(lab, node, instrument) if since <= at <= until}
    if not kept:
        return {0}
    statement = f"SELECT * FROM raw.{READ[instrument]} WHERE instrument = '{instrument}' AND time >= {since}"
    return kept - {int(str(row[0])) for row in _rows(lab, statement)}


def _complete(lab: SiteNetwork, node: str, instrument: str, since: int) -> None:
    _until(lab, lambda: not _missing(lab, node, instrument, since), f"readings of {instrument} are missing")
