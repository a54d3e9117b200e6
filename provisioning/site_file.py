"""The keys of a site file, as they are written; an instrument's keys are declared by the ground floor (stanza.py).

What keys of one struct have to do with each other, it tells by ``mistakes``, once each of them is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from telegraf_inputs import duration, names
from telegraf_inputs.errors import BadInput

from .contact_point import ContactPoint, Severity
from .key_patterns import PATH_PATTERN, pattern

# As JSON schema, and editors, write them.
DURATION_PATTERN, LEVEL_PATTERN, NAME_PATTERN = (
    f"^{p.pattern}".replace(r"\Z", "$") for p in (duration.PATTERN, duration.EXACT, names.NAME)
)
ADDRESS_PATTERN = r"^[A-Za-z0-9_.-]+$|^[0-9A-Fa-f:.]+$"
USER_PATTERN = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
JUMP_PATTERN = r"^([A-Za-z_][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9_.-]*(:[0-9]{1,5})?$"
PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
OWN_KEYS = "x-"  # keys at the top that begin so are the user's, for texts that are used twice (YAML's & and *)
LONGEST = 100 * duration.SECONDS["y"]  # InfluxDB and Grafana count nanoseconds in 64 bits


class Seconds(float):
    """A duration, written with its unit (``30s``, ``1h``)."""


class Keep(float):
    """How long data are kept: a duration in seconds, 0 for ever (written ``forever``)."""


LEAST_FLUSH, USUAL_FLUSH, GENTLE_FLUSH = 0.1, 1.0, 10.0  # seconds between two writes of a node's Telegraf


def default(value: Any, name: str | None = None) -> Any:
    """Give a key a default of our own types; through a factory: msgspec can't write such a value into a schema."""
    return field(name=name, default_factory=lambda: value)


# Values that are checked further in limits.py, with the channel's quantities at hand.
Value = str | int | float


class Ssh(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How people log in to a node: straight, by a jump host, or by the tunnel that it holds open to the server."""

    user: Annotated[str, pattern("whom to log in as, else who you are", USER_PATTERN, "a user's name")] = ""
    port: Annotated[int, Meta(description="where its sshd listens", ge=1, le=65535)] = 22
    jump: Annotated[
        str, pattern("the node by which it is reached, or another host", JUMP_PATTERN, "a node, or user@host:port")
    ] = ""
    tunnel_port: Annotated[
        int,
        Meta(
            description="the port of the server, on its loopback, where the node's tunnel ends; 0: it holds none",
            ge=0,
            le=65535,
        ),
    ] = 0

    def mistakes(self) -> Iterator[BadInput]:
        if self.jump and self.tunnel_port:
            yield BadInput("goes with no jump: a tunnel ends at the server; take one of both away", ("tunnel_port",))


class Node(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A machine that reads instruments; one of them is the server."""

    name: Annotated[str, pattern("its name: tag `host` of all it delivers", NAME_PATTERN, names.NAME_WORDS)]
    address: Annotated[
        str, pattern("how the other machines reach it", ADDRESS_PATTERN, "a host name or an address, without a port")
    ] = ""
    server: Annotated[bool, Meta(description="it has InfluxDB and Grafana; one node does, by default the first")] = (
        False
    )
    clock: Annotated[
        Literal["synchronised", "unchecked"],
        Meta(
            description="unchecked: its clock follows no other, and what it reads is stored without a word about that"
        ),
    ] = "synchronised"
    storage: Annotated[
        Literal["auto", "disk", "sd_card"],
        Meta(
            description="what it writes to: an sd_card each 10 s where flush says nothing, a disk each second; auto: "
            "`labline run` looks, and what is rendered is for a disk"
        ),
    ] = "auto"
    flush: Annotated[
        Seconds | None,
        Meta(
            description="how often its Telegraf writes what it has, 100ms to 10s: a reading is in the database at most this "
            "later, and each time wears a memory card"
        ),
    ] = None
    batch: Annotated[
        int, Meta(description="how many points it writes at once; as many wait no longer", ge=100, le=100_000)
    ] = 5000
    ssh: Annotated[Ssh, Meta(description="how people log in to it")] = default(Ssh())

    @property
    def flush_seconds(self) -> float:
        """How often its Telegraf writes what it has."""
        if self.flush is not None:
            return float(self.flush)
        return GENTLE_FLUSH if self.storage == "sd_card" else USUAL_FLUSH

    def mistakes(self) -> Iterator[BadInput]:
        # Alarms look back no further than two intervals and 15 s.
        if self.flush is not None and not LEAST_FLUSH <= self.flush <= GENTLE_FLUSH:
            yield BadInput(f"is {self.flush:g} s, expected {LEAST_FLUSH * 1000:g}ms to {GENTLE_FLUSH:g}s", ("flush",))


USUAL_LEVELS = {"1m": "1y", "1h": "10y"}


class Retention(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How long data are kept, in full and downsampled."""

    raw: Annotated[Keep, Meta(description="how long every single reading is kept, such as 30d, or forever")] = default(
        Keep(30 * 86400)
    )
    downsampled: Annotated[
        dict[str, Any],
        Meta(
            description="levels of mean, minimum, maximum and count: time per point -> how long they are kept",
            extra_json_schema={
                "additionalProperties": {"type": "string", "pattern": f"{DURATION_PATTERN}|^forever$"},
                "propertyNames": {"pattern": LEVEL_PATTERN},
            },
        ),
    ] = field(default_factory=lambda: USUAL_LEVELS)


class WriteKeys(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A proxy in front of the database, through which nodes write: it takes each node's token, and nothing but readings."""

    url: Annotated[
        str,
        pattern(
            "where the proxy takes what nodes write, as each of them reaches it",
            rf"^https://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):{PORT}$",
            "https://, host and port (1 to 65535), such as https://server.lab:8443",
        ),
    ]
    ca: Annotated[
        str,
        pattern(
            "the file with the certificate of the authority that signed the proxy's, where the system does not know that one",
            PATH_PATTERN,
            "a path from the root, with letters, digits and '_ . - + @ : /', such as /etc/labline/ca.pem",
        ),
    ] = ""
    token_file: Annotated[
        str,
        pattern(
            "the file in each node's folder of passwords that holds its token",
            "^[A-Za-z0-9_]+$",
            "letters, digits or '_'",
        ),
    ] = "write_token"


class InfluxDBKeys(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The database."""

    url: Annotated[
        str,
        pattern(
            "where InfluxDB 1.x listens",
            rf"^https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):{PORT}$",
            "http:// or https://, host and port (1 to 65535), such as http://127.0.0.1:8086",
        ),
    ] = "http://127.0.0.1:8086"
    ca: Annotated[
        str,
        pattern(
            "https: the file with the certificate of the authority that signed InfluxDB's, where the system does not know that one",
            PATH_PATTERN,
            "a path from the root, with letters, digits and '_ . - + @ : /', such as /etc/labline/influxdb-ca.pem",
        ),
    ] = ""
    database: Annotated[
        str,
        pattern(
            "the database's name",
            r"^[A-Za-z][A-Za-z0-9_-]{0,99}$",
            "letters, digits, '_' or '-', a letter first, 100 of them at most",
        ),
    ] = "lab"
    write: Annotated[
        WriteKeys | None,
        Meta(description="a proxy that nodes write to, where the database itself is not to be reached by them"),
    ] = None
    retention: Annotated[Retention, Meta(description="how long data are kept")] = field(default_factory=Retention)


class Alarms(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What holds for every alarm, where a limit or an instrument says nothing else."""

    for_: Annotated[Seconds, Meta(description="how long a value must be beyond its limit")] = default(
        Seconds(60), name="for"
    )
    every: Annotated[Seconds, Meta(description="how often Grafana looks; a multiple of 10s")] = default(Seconds(10))
    stale_factor: Annotated[
        float, Meta(description="an instrument is stale after so many of its intervals without data", ge=2, le=1000)
    ] = 3.0
    stale_minimum: Annotated[Seconds, Meta(description="but never sooner than this")] = default(Seconds(60))
    stale_severity: Annotated[Severity, Meta(description="severity of the stale-data alarm")] = "critical"

    def mistakes(self) -> Iterator[BadInput]:
        if self.every <= 0 or self.every % 10:
            yield BadInput(f"is {self.every:g} s, expected a multiple of 10s: Grafana looks no oftener", ("every",))


class Notifications(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who is told of alarms, and how often at most."""

    contact_points: Annotated[tuple[ContactPoint, ...], Meta(description="who is told")] = ()
    group_wait: Annotated[Seconds, Meta(description="how long the first message waits for others to come with it")] = (
        default(Seconds(30))
    )
    group_interval: Annotated[Seconds, Meta(description="time between messages about one group that changes")] = (
        default(Seconds(300))
    )
    repeat: Annotated[Seconds, Meta(description="time until a lasting warning is told again")] = default(Seconds(86400))
    repeat_critical: Annotated[Seconds, Meta(description="time until a lasting critical alarm is told again")] = (
        default(Seconds(14400))
    )


class Grafana(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The dashboards."""

    url: Annotated[
        str,
        pattern(
            "how people reach Grafana: links in messages begin with it",
            rf"^https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:{PORT})?(/[A-Za-z0-9_.~-]+)*/?$",
            "http:// or https://, host, port where there is one, and path, such as https://grafana.example.org",
        ),
    ] = ""


class SiteFile(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A lab, in one file."""

    site: Annotated[str, pattern("the site's name: tag `site` of all data", NAME_PATTERN, names.NAME_WORDS)]
    title: Annotated[str, Meta(description="its name for people; default: the name")] = ""
    zone: Annotated[
        str, Meta(description="the time zone that dashboards show, such as Europe/Paris; browser: that of the viewer")
    ] = "browser"
    nodes: Annotated[
        tuple[Node, ...],
        Meta(description="the machines that read instruments", min_length=1),
    ]
    influxdb: Annotated[InfluxDBKeys, Meta(description="the database")] = field(default_factory=InfluxDBKeys)
    instruments: Annotated[list[Any], Meta(description="what is read", min_length=1)]
    alarms: Annotated[Alarms, Meta(description="what holds for every alarm")] = field(default_factory=Alarms)
    notifications: Annotated[Notifications, Meta(description="who is told of alarms")] = field(
        default_factory=Notifications
    )
    grafana: Annotated[Grafana, Meta(description="the dashboards")] = field(default_factory=Grafana)


class Threshold(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The values at which a quantity becomes an alarm."""

    above: Annotated[Value | None, Meta(description="alarm above this value, with its unit: 1.2 K")] = None
    below: Annotated[Value | None, Meta(description="alarm below this value, with its unit")] = None
    alarm_when: Annotated[
        tuple[Value | bool, ...],
        Meta(
            description="of what is no number: alarm while it is one of these words; of a code, those of its driver's page"
        ),
    ] = ()


class Limits(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The limits of one quantity of a channel."""

    warning: Annotated[Threshold | None, Meta(description="somebody should look")] = None
    critical: Annotated[Threshold | None, Meta(description="somebody must act")] = None
    hysteresis: Annotated[Value, Meta(description="how far back a value must come until the alarm ends: 0.05 K")] = 0
    for_: Annotated[
        Seconds | None,
        Meta(
            description="how long it must be beyond the limit; default: alarms.for, or its interval if that is longer"
        ),
    ] = field(name="for", default=None)
    help: Annotated[str, Meta(description="what to do; it stands in the message")] = ""


def read_value(kind: type, value: Any) -> Any:
    """Read a value of our own types for msgspec (its ``dec_hook``). Raises ValueError; msgspec adds the place."""
    if kind is Keep and value == "forever":
        return Keep(0)
    if kind not in (Seconds, Keep):
        raise NotImplementedError(kind)
    try:
        seconds = duration.read(value)
        if seconds > LONGEST:
            raise BadInput(f"found {value!r}, expected 100y at most")
        if kind is Keep and not seconds:
            raise BadInput(f"found {value!r}, expected a duration that is longer, such as 30d")
    except BadInput as error:
        raise ValueError(f"{error.message}{', or forever' if kind is Keep else ''}") from None
    return kind(seconds)


def fields(struct: type[Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """List a struct's keys as they are written."""
    return {info.encode_name: info for info in msgspec.structs.fields(struct)}
