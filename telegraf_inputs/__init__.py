"""Programs that read laboratory instruments and print Influx line protocol for Telegraf's inputs.execd."""
