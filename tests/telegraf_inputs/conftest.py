"""What the tests of drivers need from outside."""

from __future__ import annotations

import os
import pickle

import pytest
from _pytest.runner import runtestprotocol

from labline.stack import libraries
from telegraf_inputs import transports


@pytest.fixture(scope="session", autouse=True)
def libraries_are_found():
    """Let native libraries (Phidgets') find what they need: the system's, or Debian's packages in the cache."""
    needed = [library for name in transports.names() for library in transports.load(name).libraries]
    os.environ.update(libraries.environment(library for library in needed if library.variable not in os.environ))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Run each test of Phidgets in a process of its own.

    The native library is made for one program that lives as long as its Phidgets; one that has been through dozens of
    servers and cut connections no longer attaches, or crashes. A program of ours never asks that of it.
    """
    if "phidget" not in item.nodeid:
        return None
    ends = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(ends[0])
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            kept = [item.config.hook.pytest_report_to_serializable(config=item.config, report=r) for r in reports]
            with open(ends[1], "wb") as pipe:
                pickle.dump(kept, pipe)
            status = 0
        finally:
            os._exit(status)
    os.close(ends[1])
    with open(ends[0], "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    if data:
        for kept in pickle.loads(data):
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=kept)
            item.ihook.pytest_runtest_logreport(report=report)
    else:
        text = f"its process ended with status {os.waitstatus_to_exitcode(status)} and no report"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # What earlier tests set up, and no later one needs, the child took down in itself alone.
    item.session._setupstate.teardown_exact(nextitem)
    return True
