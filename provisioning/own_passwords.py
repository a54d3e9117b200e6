"""The names of labline's own passwords: of InfluxDB's users, and of Grafana. Each is a file of that name in the folder of passwords."""

from __future__ import annotations

ADMIN, WRITER, READER = "labadmin", "writer", "reader"
GRAFANA = ("grafana_admin", "grafana_secret_key")
ALL = (ADMIN, WRITER, READER, *GRAFANA)
