"""Where the files lie that Grafana provisions: those of several sites fit into one provisioning folder."""

from __future__ import annotations

from .check_alerting import DATASOURCES

DASHBOARDS, PROVIDER = "dashboards", "dashboards/provider.yaml"


def placed(path: str, site: str) -> str:
    """Say where a file lies: ``alerting/demo-rules.json``, ``dashboards/demo/host.json``, ``dashboards/demo.yaml``."""
    kind, _, name = path.partition("/")
    if path in (PROVIDER, DATASOURCES):
        return f"{kind}/{site}.yaml"
    return f"{kind}/{site}/{name}" if kind == DASHBOARDS else f"{kind}/{site}-{name}"
