"""Where a lab keeps its things, and how `labline status` finds them."""

from __future__ import annotations

import argparse

from labline import status
from labline.lab import Lab
from provisioning import site as sites

SITE = """\
site: trial
title: A trial lab
nodes: [{name: here}]
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}
"""


def test_a_simulated_run_is_shown_as_such_and_never_before_the_real_one(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    arguments = argparse.Namespace(site=str(file), state=tmp_path / "state", secrets=tmp_path)
    simulated = Lab(sites.load(file), arguments.state, print, simulate=True)
    simulated.lock.tell(influxdb="http://127.0.0.1:1")
    assert status._watch(arguments).site.title == "A trial lab (simulated)"
    real = Lab(sites.load(file), arguments.state, print)
    real.lock.tell(influxdb="http://127.0.0.1:2")
    assert status._watch(arguments).site.title == "A trial lab"
    real.close()
    simulated.close()
