"""Where a lab keeps its things, and how `labline status` finds them."""

from __future__ import annotations

import argparse
import types

import pytest

from labline import status
from labline.lab import Lab
from labline.places import Places
from labline.stack.process import Process
from provisioning import site as sites
from provisioning.influxdb_server import DatabaseError

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


def test_a_lab_that_is_being_started_is_not_said_not_to_run(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    arguments = argparse.Namespace(site=str(file), state=tmp_path / "state", secrets=tmp_path)
    lab = Lab(sites.load(file), arguments.state, print)
    with pytest.raises(DatabaseError, match="trial is still starting"):
        status._watch(arguments)
    lab.close()
    with pytest.raises(DatabaseError, match="trial does not run here"):
        status._watch(arguments)


def test_a_grafana_that_ended_is_not_shown_as_if_it_lived(tmp_path):
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    said = []
    lab = Lab(sites.load(file), tmp_path / "state", said.append)
    part = Process("Grafana", ["sleep", "60"], lab.places.grafana / "grafana.log")
    lab.dashboards.grafana = types.SimpleNamespace(process=part, stop=part.stop)
    lab.dashboards.overview = "http://127.0.0.1:3210/d/overview"
    lab.look_after()
    assert lab.dashboards.notice == "Dashboards: http://127.0.0.1:3210/d/overview" and not said
    part.kill()
    part.wait()
    for _ in range(2):
        lab.look_after()
    assert lab.dashboards.notice == f"Grafana ended: no dashboards. Its log: {part.log}" and len(said) == 1
    lab.close()


def test_a_relative_folder_is_the_same_from_everywhere(tmp_path, monkeypatch):
    """Telegraf refuses secrets in a path with .. in it, and runs elsewhere."""
    file = tmp_path / "trial.yml"
    file.write_text(SITE)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert Places(status.Path("../x"), sites.load(file)).secrets == tmp_path.resolve() / "x" / "trial" / "secrets"
