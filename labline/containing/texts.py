"""How InfluxDB and Caddy are told what to do in their containers: an environment, and a Caddyfile."""

from __future__ import annotations

from urllib.parse import urlsplit

from provisioning.site import Site

HTTPS = 8443
INFLUXDB_DATA = "/var/lib/influxdb"

# As `labline run` starts it: with passwords, without what nobody needs. Its backup port asks for no password; on a
# broadcast address nobody reaches it.
INFLUXDB = {
    "INFLUXDB_REPORTING_DISABLED": "true",
    "INFLUXDB_BIND_ADDRESS": "127.255.255.255:0",
    "INFLUXDB_META_DIR": f"{INFLUXDB_DATA}/meta",
    "INFLUXDB_DATA_DIR": f"{INFLUXDB_DATA}/data",
    "INFLUXDB_DATA_WAL_DIR": f"{INFLUXDB_DATA}/wal",
    "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
    "INFLUXDB_HTTP_BIND_ADDRESS": ":8086",
    "INFLUXDB_HTTP_AUTH_ENABLED": "true",
    "INFLUXDB_HTTP_PPROF_ENABLED": "false",
    "INFLUXDB_HTTP_LOG_ENABLED": "false",
    "INFLUXDB_MONITOR_STORE_ENABLED": "false",
    "INFLUXDB_CONTINUOUS_QUERIES_LOG_ENABLED": "false",
}

_CADDYFILE = """\
{{
	admin off
	skip_install_trust
	auto_https disable_redirects
	default_sni {first}
}}

{names} {{
	tls internal
	reverse_proxy grafana:3000
}}
"""


def caddyfile(site: Site) -> str:
    """Write Caddy's file: Grafana by TLS, with a certificate of an authority of Caddy's own."""
    names = [*_host(site), "localhost", "127.0.0.1"]
    listed = ", ".join(f"https://{name}:{HTTPS}" for name in dict.fromkeys(names))
    return _CADDYFILE.format(first=names[0], names=listed)


def address(site: Site) -> str:
    """Tell how people reach Grafana: what the site file says, else Caddy's port on the machine itself."""
    return site.grafana.url.rstrip("/") or f"https://localhost:{HTTPS}"


def _host(site: Site) -> list[str]:
    host = urlsplit(site.grafana.url).hostname
    return [host] if host else []
