"""Ports that are chosen stay free until the part is started that they are for."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labline.stack import ports

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not RANGE.exists(), reason="no Linux")
def test_none_is_one_that_a_connection_could_have_meanwhile():
    chosen = ports.free(50)
    assert len(set(chosen)) == 50 and all(map(ports.is_free, chosen))
    assert max(chosen) < int(RANGE.read_text().split()[0])


def test_one_that_is_taken_is_not_chosen(monkeypatch):
    with socket.create_server((ports.LOOPBACK, 0)) as other:
        given = iter([other.getsockname()[1], *ports.free(1)])
        monkeypatch.setattr(ports.random, "randint", lambda *_: next(given))
        assert ports.free(1) != [other.getsockname()[1]]


def test_where_the_system_gives_all_of_them_it_is_asked(monkeypatch):
    monkeypatch.setattr(ports, "_first_given", lambda: 1024)
    assert len(set(ports.free(3))) == 3
