"""From the site to the containers of its lab: a Telegraf with labline, InfluxDB, Grafana, Caddy, and a broker if it has one."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from msgspec import structs

from provisioning import own_passwords, telegraf_config
from provisioning.contact_point import SECRET_FILES
from provisioning.influxdb_schema import ADMIN, READER
from provisioning.site import Site
from provisioning.telegraf_config import TelegrafPaths
from telegraf_inputs import transports
from telegraf_inputs.url import HERE, Url

from ..stack import grafana
from . import broker, devices, texts
from .service import Mount, Service

# Tags that say which, never "latest": what runs changes when these lines do.
INFLUXDB = "docker.io/library/influxdb:1.11.8"
GRAFANA = f"docker.io/grafana/grafana:{grafana.VERSION}"
CADDY = "docker.io/library/caddy:2.10.2"
MOSQUITTO = "docker.io/library/eclipse-mosquitto:2.0.22"

DATABASE_URL = "http://influxdb:8086"
SECRETS = "/run/secrets"
PATHS = TelegrafPaths(secrets=SECRETS)
STATE = "/var/lib/labline"  # what PATHS calls journal and memory lies in it
SITE_FILE = "/etc/labline/site.yml"
PROVISIONING = "/etc/grafana/provisioning"
SILENT_MINUTES = 2  # without any reading in the journal, at least


def inside(site: Site) -> Site:
    """Give the site as the containers see it: the database by its name among them."""
    return structs.replace(site, influxdb=structs.replace(site.influxdb, url=DATABASE_URL, ca="", write=None))


def services(site: Site) -> list[Service]:
    """List the containers of a site of one node, in the order in which they can start."""
    found = [_influxdb(), _apply(), _telegraf(site), _grafana(site), _caddy()]
    return [*found, _mosquitto()] if broker.used(site) else found


def generated(site: Site) -> list[str]:
    """List the passwords that nobody has to think of; the others are of instruments and contact points."""
    return [*own_passwords.ALL, *broker.SECRETS.values()] if broker.used(site) else list(own_passwords.ALL)


def out_of_reach(site: Site) -> list[str]:
    """Tell which instruments and devices a container does not reach as the site file and this machine have them."""
    told = []
    for instrument in site.enabled:
        url = instrument.stanza.connection
        if not url.text or instrument.stanza.simulated:
            continue
        host = re.split(r"[:/]", url.rest)[0] if not url.rest.startswith("[::1]") else "::1"
        if host in HERE:
            told.append(
                f"{instrument.name}: {host} is the container itself there; expected this machine's address in the network"
            )
        elif url.scheme == "phidget" and not transports.of(url).shared(url) or url.rest.upper().startswith("USB"):
            told.append(f"{instrument.name}: USB is not handed in to containers; labline run reads it")
    return told + devices.without_group(_devices(site))


def _influxdb() -> Service:
    return Service(
        name="influxdb",
        image=INFLUXDB,
        command=("influxd", "-config", "/dev/null"),  # the environment says all; the image's own file nothing
        health=("curl", "-fsS", "http://127.0.0.1:8086/ping"),
        environment=texts.INFLUXDB,
        mounts=(Mount("data/influxdb", texts.INFLUXDB_DATA, writable=True),),
        ports=(8086,),
    )


def _apply() -> Service:
    return Service(
        name="apply",
        image=labline_image(),
        built_here=True,
        once=True,
        command=("/opt/labline/bin/labline", "apply", SITE_FILE, "--url", DATABASE_URL, "--secrets", SECRETS),
        secrets=(ADMIN, telegraf_config.WRITER, READER),
        mounts=(Mount("site.yml", SITE_FILE, file=True),),
        after=("influxdb",),
    )


def _telegraf(site: Site) -> Service:
    opened = _devices(site)
    fastest = min(instrument.stanza.interval for instrument in site.enabled)
    minutes = max(SILENT_MINUTES, int(3 * fastest / 60) + 1)
    reads = (broker.HOST,) if broker.used(site) else ()
    return Service(
        name="telegraf",
        image=labline_image(),
        built_here=True,
        command=("telegraf", "--config", f"{PATHS.config}/{telegraf_config.CONF}", "--strict-env-handling"),
        # No reading for so long is to be told; starting it anew would not bring one.
        health=("sh", "-c", f"find {PATHS.journal} -type f -mmin -{minutes} | grep -q ."),
        ends_ill=False,
        secrets=tuple(telegraf_config.secrets(inside(site), site.server)),
        mounts=(
            Mount("telegraf", PATHS.config),
            Mount("data/telegraf", STATE, writable=True),
            *(Mount(folder, folder) for folder in _folders(site)),
        ),
        after=("apply", *reads),
        devices=opened,
        groups=devices.groups(opened),
    )


def _grafana(site: Site) -> Service:
    points = site.notifications.contact_points
    files = [getattr(point, key) for point in points for key in SECRET_FILES if getattr(point, key)]
    data = Path("/var/lib/grafana")
    settings = grafana.settings(data, Path(SECRETS), Path(PROVISIONING), 3000)
    settings |= {"GF_SERVER_HTTP_ADDR": "0.0.0.0", "GF_SERVER_ROOT_URL": f"{texts.address(site)}/"}
    return Service(
        name="grafana",
        image=GRAFANA,
        command=("grafana", "server", "--homepath", "/usr/share/grafana"),
        health=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"),
        environment=settings,
        secrets=(READER, *own_passwords.GRAFANA, *dict.fromkeys(files)),
        mounts=(Mount("grafana", PROVISIONING), Mount("data/grafana", str(data), writable=True)),
        after=("influxdb",),
    )


def _caddy() -> Service:
    return Service(
        name="caddy",
        image=CADDY,
        command=("caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"),
        health=("nc", "-z", "127.0.0.1", str(texts.HTTPS)),
        environment={"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/tmp", "HOME": "/data"},
        mounts=(
            Mount("caddy/Caddyfile", "/etc/caddy/Caddyfile", file=True),
            Mount("data/caddy", "/data", writable=True),
        ),
        ports=(texts.HTTPS,),
        after=("grafana",),
        # The image's program is marked as one that needs it: without, the kernel does not start it.
        capabilities=("NET_BIND_SERVICE",),
    )


def _mosquitto() -> Service:
    return Service(
        name=broker.HOST,
        image=MOSQUITTO,
        command=("mosquitto", "-c", "/mosquitto/config/mosquitto.conf"),
        health=("nc", "-z", "127.0.0.1", str(broker.PORT)),
        secrets=(broker.PASSWORDS,),
        mounts=(Mount("mosquitto", "/mosquitto/config"), Mount("data/mosquitto", "/mosquitto/data", writable=True)),
        ports=(broker.PORT,),
    )


def labline_image() -> str:
    """Name the image that has Telegraf and labline; it is built from containers/Containerfile."""
    return f"localhost/labline:{version('labline')}"


def _urls(site: Site) -> list[Url]:
    return [i.stanza.connection for i in site.enabled if i.stanza.connection.text and not i.stanza.simulated]


def _devices(site: Site) -> tuple[str, ...]:
    """List the ports and buses of the machine that are read, by the names that the site file gives them."""
    found = (transports.of(url).device(url) for url in _urls(site))
    return tuple(sorted({device for device in found if device}))


def _folders(site: Site) -> tuple[str, ...]:
    """List the folders of the machine that are read; what is below /sys every container has."""
    found = {url.rest for url in _urls(site) if url.scheme == "file"}
    return tuple(sorted(folder for folder in found if not folder.startswith("/sys/")))
