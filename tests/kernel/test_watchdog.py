"""A machine whose kernel hangs: what looks after it in hardware finds it and restarts it, and it reads again."""

from __future__ import annotations

from tests.parts.kernel_node import WAITING, WATCHDOG, Node, Reader

TOLD = "/sys/class/watchdog/watchdog0/{}"


def test_a_kernel_that_hangs_is_restarted_by_the_watchdog_and_the_node_reads_again(node: Node) -> None:
    node.time_server()
    node.run("modprobe", "i6300esb")  # udev does, of what it finds; here it looks at nothing that was there before it
    node.eventually(lambda: node.read(TOLD.format("state")).strip() == "active", "systemd takes the watchdog")
    assert f"{node.read(TOLD.format('timeout')).strip()}s" == WATCHDOG
    assert "/dev/watchdog0" in node.run("systemctl", "show", "--property=WatchdogDevice")
    waiting = Reader(node, WAITING)
    before = node.run("cat", "/proc/sys/kernel/random/boot_id")
    node.hang()
    assert node.event("WATCHDOG")["data"]["action"] == "reset"
    node.restarts()
    assert node.run("cat", "/proc/sys/kernel/random/boot_id") != before
    read = len(waiting.readings)
    node.eventually(lambda: len(waiting.readings) > read, "the reader that starts with the machine")
    assert "clock" not in waiting.readings[-1].fields
