"""Gets and starts the parts that a lab runs on (InfluxDB, Telegraf, Grafana), for `labline run` and the tests alike."""
