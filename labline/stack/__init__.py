"""Gets and starts the parts that a lab runs on: InfluxDB, Telegraf, Grafana, and any other process; for `run` and tests alike."""
