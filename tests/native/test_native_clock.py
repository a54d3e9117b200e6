"""What Telegraf reads itself is marked while this machine's clock follows no other, as labline renders it and Telegraf runs it."""

from __future__ import annotations

import shlex
import subprocess
import tomllib

from provisioning import site as sites
from provisioning import telegraf_config

SITE = """\
site: clocks
nodes: [{{name: daq{clock}}}]
instruments:
  - name: load
    driver: telegraf
    interval: 1s
    input: {{mock: {{metric_name: mock, constant: [{{name: load, value: 1.5}}]}}}}
    channels: {{all: {{measurement: mock, read: {{load: {{unit: ""}}}}}}}}
"""


def rendered(tmp_path, clock=""):
    (tmp_path / "clocks.yml").write_text(SITE.format(clock=clock))
    site = sites.load(tmp_path / "clocks.yml")
    report = 'labline_clock,labline=clock clock="unsynchronised"'
    (tmp_path / "python").write_text(f"#!/bin/sh\necho '{report}'\n")
    (tmp_path / "python").chmod(0o755)
    paths = telegraf_config.TelegrafPaths(python=str(tmp_path / "python"), config=str(tmp_path))
    files = telegraf_config.render(site, site.nodes[0], paths)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return files[telegraf_config.CONF]


def test_points_are_marked_and_the_report_is_not_stored(tmp_path, telegraf_path):
    conf = rendered(tmp_path)
    head, _, rest = conf.partition("[[secretstores.docker]]")
    assert 'namedrop = ["labline_clock", "labline_discarded"]' in rest
    inputs = rest[rest.index("\n[[inputs.exec]]") :]
    native = rest[rest.index("# ", rest.index("[[inputs.internal]]")) :]
    assert inputs in native
    outputs = '[[outputs.file]]\nfiles = ["stdout"]\ndata_format = "influx"\nnamedrop = ["labline_clock"]\n'
    (tmp_path / "telegraf.conf").write_text(head + outputs + native.replace('interval = "10s"', 'interval = "1s"'))
    with subprocess.Popen(
        [telegraf_path, "--config", tmp_path / "telegraf.conf", "--quiet"], stdout=subprocess.PIPE, text=True
    ) as telegraf:
        try:
            lines = iter(telegraf.stdout.readline, "")
            marked = next(line for line in lines if 'clock="unsynchronised"' in line)
        finally:
            telegraf.terminate()
        assert not [line for line in (marked, *lines) if line.startswith("labline_clock")]
    assert marked.startswith("mock,channel=all,") and 'load=1.5,status="ok"' in marked


def test_where_the_clock_is_kept_otherwise_nobody_asks(tmp_path):
    conf = rendered(tmp_path, ", clock: unchecked")
    assert "inputs.exec" not in conf and "labline_clock" not in conf


def test_the_command_is_one_word_whatever_the_path(tmp_path):
    (folder := tmp_path / "a lab's").mkdir()
    (clock,) = tomllib.loads(rendered(folder))["inputs"]["exec"]
    assert [shlex.split(command)[0] for command in clock["commands"]] == [f"{folder}/python"]
