"""A lab on a memory card writes less often, unless its site file says otherwise."""

from __future__ import annotations

import os

import pytest

from labline.local import memory_card
from provisioning import site as sites

SITE = """\
site: trial
nodes: [{{name: a}}, {{name: b, storage: disk}}, {{name: c, storage: sd_card}}, {{name: d, flush: 2s}}]
influxdb: {{url: "http://a:8086"}}
instruments:
  - {{name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}}
"""


@pytest.mark.parametrize(("disk", "usual"), [("mmc0:0001/block/mmcblk0/mmcblk0p2", 10), ("ata1/block/sda/sda1", 1)])
def test_where_it_lies_decides_what_the_site_file_leaves_open(tmp_path, disk, usual):
    (tmp_path / "trial.yml").write_text(SITE.format())
    device = os.stat(tmp_path).st_dev
    (tmp_path / "devices" / disk).mkdir(parents=True)
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / f"{os.major(device)}:{os.minor(device)}").symlink_to(tmp_path / "devices" / disk)
    site = memory_card.gentle(sites.load(tmp_path / "trial.yml"), tmp_path, tmp_path / "blocks")
    assert [node.flush_seconds for node in site.nodes] == [usual, 1, 10, 2]
    assert "auto" not in {node.storage for node in site.nodes}
