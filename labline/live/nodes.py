"""How a site's nodes are: what the database has of each, and what each says by ssh."""

from __future__ import annotations

import contextlib
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
CLOCK_OFF = clock.AHEAD_NS / 1e9  # seconds; more than that ahead, and readings are marked
# Each line that it is sent it answers with its time; at the end, which version of labline it has.
ASK = (
    "while read -r _; do date +%s%N; done; "
    "basename /opt/labline/lib/python3*/site-packages/labline-*.dist-info .dist-info"
)
# What ssh says where it got to the node's sshd, which did not let it in.
REFUSED = (
    "Permission denied",
    "Host key verification failed",
    "HOST IDENTIFICATION HAS CHANGED",
    "Too many authentication",
)


@dataclass(frozen=True)
class NodeAnswer:
    """What a node said by ssh: how far its clock is ``ahead`` (s) of here, as exactly as ``within`` (s), its ``version``.

    ``problem``: why it said nothing; ``reached``: its sshd was there.
    """

    ahead: float | None = None
    within: float = 0.0
    version: str = ""
    problem: str = ""
    reached: bool = False


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
        """Tell whether its tunnel is ``open`` or ``shut``; "" where it has none, or nobody looked."""
        if not self.node.ssh.tunnel_port or self.answer is None:
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
    asked = [node for node in site.nodes if by_ssh and ssh_config.reached(site, node)]
    command = [ssh_ways.program(), "-F", str(ssh_ways.config_file(site))] if asked else []
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        answers = dict(
            zip((node.name for node in asked), pool.map(lambda node: ask(command, node.name), asked), strict=True)
        )
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
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=8", "-o", "LogLevel=ERROR", "-T"]
    process = subprocess.Popen(
        [*ssh, *options, name, ASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    with contextlib.ExitStack() as undo:
        undo.enter_context(process)
        undo.callback(late.cancel)
        assert process.stdin and process.stdout and process.stderr
        times = []
        for _ in range(TIMES_ASKED):
            before = time.time()
            try:
                process.stdin.write("\n")
                process.stdin.flush()
            except BrokenPipeError:
                break
            line = process.stdout.readline().strip()
            after = time.time()
            if not line.isdecimal():
                break
            times.append(((after - before) / 2, int(line) / 1e9 - (before + after) / 2))
        rest, errors = process.communicate()
    if not times:
        said = errors.strip().splitlines()
        problem = said[-1] if said else f"it said nothing within {PATIENCE:g} s"
        return NodeAnswer(problem=problem, reached=any(words in errors for words in REFUSED))
    within, ahead = min(times)
    version = rest.strip().removeprefix("labline-")
    return NodeAnswer(ahead, within, "" if "*" in version else version, reached=True)
