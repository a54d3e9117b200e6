"""A machine that hangs: what looks after it in hardware finds it, and would restart it. The last of these tests: nothing runs after it."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.parts.kernel_node import Node

ROLE = Path(__file__).parents[2] / "ansible" / "roles" / "base" / "tasks" / "watchdog.yml"


def test_a_kernel_that_hangs_is_found_by_the_watchdog(node: Node):
    task = next(
        task["ansible.builtin.copy"] for task in yaml.safe_load(ROLE.read_text()) if "ansible.builtin.copy" in task
    )
    node.run("mkdir", "-p", str(Path(task["dest"]).parent))
    node.write(task["dest"], task["content"].replace("{{ base_watchdog }}", "14s"))
    node.run("modprobe", "i6300esb")  # on a board of its own the kernel has it
    node.run("systemctl", "daemon-reexec")
    node.eventually(lambda: "14s" in node.run("systemctl", "show", "--property=RuntimeWatchdogUSec"))
    state = Path("/sys/class/watchdog/watchdog0/state")
    node.eventually(lambda: node.read(str(state)).strip() == "active")
    node.run("sh", "-c", "echo 0 > /proc/sys/kernel/panic; echo 1 > /proc/sys/kernel/sysrq")
    node.hang()
    assert node.event("WATCHDOG")["data"]["action"] == "none"  # of the emulator, which is told to go on
