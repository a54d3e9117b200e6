"""How a site's nodes are: what the database has of each, and what each says by ssh."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from provisioning import ssh_config
from provisioning.host_metrics import ALIVE, ALIVE_SECONDS
from provisioning.influxdb_server import Server
from provisioning.influxql import identifier, text
from provisioning.levels import RAW
from provisioning.site import Node, Site
from telegraf_inputs import clock

from .. import ssh_ways

DATABASE = "database"  # Telegraf's output that writes to it (provisioning/telegraf_config.py)
TIMES_ASKED = 3  # the quickest answer tells the time best
PATIENCE = 20.0  # seconds for all that a node says
LAST_HOP = (
    12  # seconds until it is reached; more than each jump has (ssh_config.ALONE), so that the jump can say why not
)
CLOCK_OFF = clock.AHEAD_NS / 1e9  # seconds; more than that ahead, and readings are marked
# Each line that it is sent it answers with its time; at the end, which version of labline it has. Its shell may say more.
TIME, VERSION = "labline-time:", "labline-"
ASK = (
    f"while read -r _; do date +{TIME}%s%N; done; "
    "basename /opt/labline/lib/python3*/site-packages/labline-*.dist-info .dist-info"
)
FAILED = 255  # the status of ssh itself; any other is that of the command
# What ssh says where it got to the node's sshd, which did not let it in. (A jump host may say it, too: a server is asked before its tunnels.)
REFUSED = (
    "Permission denied",
    "Host key verification failed",
    "HOST IDENTIFICATION HAS CHANGED",
    "Too many authentication",
)
# What ssh says last where its jump failed, which said before why.
AFTER_A_JUMP = ("kex_exchange_identification:", "stdio forwarding failed", "Connection closed by UNKNOWN")


@dataclass(frozen=True)
class NodeAnswer:
    """What a node said by ssh: how far its clock is ``ahead`` (s) of here, as exactly as ``within`` (s), its ``version``.

    ``problem``: why it said nothing; ``reached``: its sshd was there (None: nobody got as far as where its tunnel ends);
    ``let_in``: one could log in.
    """

    ahead: float | None = None
    within: float = 0.0
    version: str = ""
    problem: str = ""
    reached: bool | None = None
    let_in: bool = False


@dataclass(frozen=True)
class NodeState:
    """A node, as far as is known: how long it is since it was heard of (s; None: in a week never), how many points ``wait`` there."""

    node: Node
    server: bool
    way: str
    age: float | None
    waiting: int | None
    answer: NodeAnswer | None = None

    @property
    def heard(self) -> bool:
        """Tell whether its Telegraf tells of itself just now."""
        return self.age is not None and self.age <= ALIVE_SECONDS

    @property
    def clock(self) -> float | None:
        """Tell how far its clock is ahead (s): as it says itself, or else as its points show; None: that is not known."""
        if self.answer and self.answer.ahead is not None:
            return self.answer.ahead
        return -self.age if self.age is not None and self.age < -CLOCK_OFF else None

    @property
    def tunnel(self) -> str:
        """Tell whether its tunnel is ``open`` or ``shut``; "" where it has none, or nobody could look."""
        if not self.node.ssh.tunnel_port or self.answer is None or self.answer.reached is None:
            return ""
        return "open" if self.answer.reached else "shut"

    @property
    def well(self) -> bool:
        """Tell whether nothing is wrong with it."""
        right = self.clock is None or abs(self.clock) <= CLOCK_OFF or self.node.clock == "unchecked"
        return self.heard and right and not (self.answer and self.answer.problem)

    def described(self) -> dict[str, Any]:
        """Describe it for programs; times in s, None for what is not known."""
        return {
            "well": self.well,
            "last_seen_seconds": self.age,
            "points_waiting": self.waiting,
            "clock_ahead_seconds": self.clock,
            "tunnel": self.tunnel,
            "version": self.answer.version if self.answer else "",
            "problem": self.answer.problem if self.answer else "",
        }


def looked_at(site: Site, server: Server, *, by_ssh: bool) -> list[NodeState]:
    """Ask the database for all nodes and, ``by_ssh``, each node that there is a way to, all at once. Raises DatabaseError, StackError."""
    seen, waiting = _from_database(site, server)
    answers = asked(site) if by_ssh else {}
    return [
        NodeState(
            node,
            node is site.server,
            ssh_config.way(site, node),
            seen.get(node.name),
            waiting.get(node.name),
            answers.get(node.name),
        )
        for node in site.nodes
    ]


def asked(site: Site) -> dict[str, NodeAnswer]:
    """Ask each node that there is a way to, all at once; of a tunnel something is known where the server let in. Raises StackError."""
    server, tunnels = site.server, any(node.ssh.tunnel_port for node in site.nodes)
    nodes = [node for node in site.nodes if ssh_config.reached(site, node) or (tunnels and node is server)]
    if not nodes:
        return {}
    command = [ssh_ways.program(), "-F", str(ssh_ways.config_file(site, alone=True))]

    def by_tunnel(node: Node) -> NodeAnswer:
        if not answers[server.name].result().let_in:
            return NodeAnswer(problem=f"its tunnel ends on {server.name}, where ssh did not get in")
        return ask(command, node.name)

    with ThreadPoolExecutor(len(nodes)) as pool:
        answers = {node.name: pool.submit(ask, command, node.name) for node in nodes if not node.ssh.tunnel_port}
        answers |= {node.name: pool.submit(by_tunnel, node) for node in nodes if node.ssh.tunnel_port}
    return {name: answer.result() for name, answer in answers.items()}


def _from_database(site: Site, server: Server) -> tuple[Mapping[str, float], Mapping[str, int]]:
    """Give the age (s) of each node's newest sign of life, and how many points waited there then."""
    ours = f'"site" = {text(site.name)} AND time > now() - 7d'
    measurement, name = ALIVE
    statements = [
        f'SELECT last({identifier(name)}) FROM {identifier(RAW, measurement)} WHERE {ours} GROUP BY "host"',
        f'SELECT last("buffer_size") AS "waiting" FROM {identifier(RAW, "internal_write")} '
        f'WHERE {ours} AND "alias" = {text(DATABASE)} GROUP BY "host"',
    ]
    seen, waiting = {}, {}
    for series in server.query(";\n".join(statements), site.influxdb.database):
        row, host = series.rows[0], series.tags["host"]
        if series.name == measurement:
            seen[host] = (time.time_ns() - row["time"]) / 1e9
        else:
            waiting[host] = int(row["waiting"])
    return seen, waiting


def ask(ssh: Sequence[str], name: str) -> NodeAnswer:
    """Log in to a node and ask it for its time and version; it must let you in without a question."""
    # Not in the file: a jump that says errors alone does not say why it leads no further.
    options = ["-o", f"ConnectTimeout={LAST_HOP}", "-o", "LogLevel=ERROR", "-T"]
    process = subprocess.Popen(
        [*ssh, *options, name, ASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    with contextlib.ExitStack() as undo:
        undo.enter_context(process)
        undo.callback(late.cancel)
        assert process.stdin and process.stdout and process.stderr
        times, heard = [], ""
        for _ in range(TIMES_ASKED):
            before = time.time()
            try:
                process.stdin.write("\n")
                process.stdin.flush()
            except BrokenPipeError:
                break
            digits = ""
            while not digits and (line := process.stdout.readline()):
                said, _, digits = line.strip().partition(TIME)
                heard = said or heard
            after = time.time()
            if not digits.isdecimal():
                break
            times.append(((after - before) / 2, int(digits) / 1e9 - (before + after) / 2))
        rest, errors = process.communicate()
    let_in = bool(times or heard) or process.returncode not in (FAILED, -signal.SIGKILL)
    if not times:
        reached = process.returncode != FAILED or any(words in errors for words in REFUSED)
        return NodeAnswer(
            problem=_why(errors, heard, process.returncode == -signal.SIGKILL), reached=reached, let_in=let_in
        )
    within, ahead = min(times)
    versions = [line.removeprefix(VERSION) for line in rest.splitlines() if line.startswith(VERSION)]
    version = versions[-1] if versions and "*" not in versions[-1] else ""
    return NodeAnswer(ahead, within, version, reached=True, let_in=True)


def _why(errors: str, heard: str, late: bool) -> str:
    """Tell why a node did not say its time: by what ssh or the node's shell said instead."""
    lines = errors.strip().splitlines()
    if lines:
        telling = [line for line in lines if not line.startswith(AFTER_A_JUMP)]
        return f"ssh says: {(telling or lines)[-1]}"
    instead = f"only {heard!r}" if heard else "nothing"
    return f"it said {instead} within {PATIENCE:g} s" if late else f"it said {instead}, and closed"
