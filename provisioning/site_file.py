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

# As JSON schema, and editors, write them.
DURATION_PATTERN, LEVEL_PATTERN, NAME_PATTERN = (
    f"^{p.pattern}".replace(r"\Z", "$") for p in (duration.PATTERN, duration.EXACT, names.NAME)
)
ADDRESS_PATTERN = r"^[A-Za-z0-9_.-]+$|^[0-9A-Fa-f:.]+$"
# Of files: what neither Telegraf nor Grafana takes for anything else.
PLAIN_FILE = r"[A-Za-z0-9_.+@:-]+(/[A-Za-z0-9_.+@:-]+)*"
PATH_PATTERN, FILE_PATTERN = f"^/{PLAIN_FILE}$", f"^/?{PLAIN_FILE}$"
PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
OWN_KEYS = "x-"  # keys at the top that begin so are the user's, for texts that are used twice (YAML's & and *)
LONGEST = 100 * duration.SECONDS["y"]  # InfluxDB and Grafana count nanoseconds in 64 bits


class Seconds(float):
    """A duration, written with its unit (``30s``, ``1h``)."""


class Keep(float):
    """How long data are kept: a duration in seconds, 0 for ever (written ``forever``)."""


Severity = Literal["warning", "critical"]


def default(value: Any, name: str | None = None) -> Any:
    """Give a key a default of our own types; through a factory: msgspec can't write such a value into a schema."""
    return field(name=name, default_factory=lambda: value)


def pattern(description: str, regex: str, words: str) -> Meta:
    """Describe a text that follows a pattern; ``words`` say the same for people, here and in their editors.

    ``regex`` is written as editors read it: for them a ``$`` is the end, for Python a line break may stand behind it.
    """
    return Meta(
        description=description,
        pattern=regex.replace("$", r"\Z"),
        extra_json_schema={"pattern": regex, "patternErrorMessage": f"expected {words}"},
    )


def secret_file(description: str) -> Meta:
    """Describe the name of a file in the folder of secrets, or its path."""
    return pattern(description, FILE_PATTERN, "a file's name or path, with letters, digits and '_ . - + @ : /'")


# Values that are checked further in limits.py, with the channel's quantities at hand.
Value = str | int | float


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


class ContactPoint(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Somebody who is told. Secrets are files on Grafana's machine, named here, never their content."""

    name: Annotated[str, Meta(description="a name for this contact point", min_length=1)]
    type: Annotated[Literal["email", "webhook"], Meta(description="how the message goes out")]
    addresses: Annotated[tuple[str, ...], Meta(description="email: to whom")] = ()
    url: Annotated[str, Meta(description="webhook: where the message is posted")] = ""
    url_file: Annotated[str, secret_file("webhook: a file that holds the URL, where that is a secret")] = ""
    username: Annotated[str, Meta(description="webhook: user for basic authentication")] = ""
    password_file: Annotated[str, secret_file("webhook: a file that holds the password")] = ""
    token_file: Annotated[str, secret_file("webhook: a file that holds a bearer token")] = ""
    severities: Annotated[tuple[Severity, ...], Meta(description="which alarms it gets", min_length=1)] = (
        "warning",
        "critical",
    )

    def mistakes(self) -> Iterator[BadInput]:
        yield from self._email_mistakes() if self.type == "email" else self._webhook_mistakes()

    def _email_mistakes(self) -> Iterator[BadInput]:
        if not self.addresses:
            yield BadInput("is missing; expected a list of e-mail addresses", ("addresses",))
        for index, address in enumerate(self.addresses):
            user, _, host = address.partition("@")
            if not user or not host or "@" in host or any(c in address for c in " ;,"):
                yield BadInput(
                    f"found {address!r}, expected one e-mail address, such as lab@example.org", ("addresses", index)
                )
        for key in ("url", "url_file", "username", "password_file", "token_file"):
            if getattr(self, key):
                yield BadInput("belongs to a webhook, this contact point is an email", (key,))

    def _webhook_mistakes(self) -> Iterator[BadInput]:
        if self.addresses:
            yield BadInput("belongs to an email, this contact point is a webhook", ("addresses",))
        if not self.url and not self.url_file:
            yield BadInput("is needed: either url, or url_file where the URL is a secret", ("url",))
        if self.url and self.url_file:
            yield BadInput("stands beside url_file; keep one", ("url",))
        if self.url and not self.url.startswith(("http://", "https://")):
            yield BadInput(f"found {self.url!r}, expected a URL that begins with https://", ("url",))
        if bool(self.username) != bool(self.password_file):
            key = "username" if self.username else "password_file"
            yield BadInput("username and password_file go together", (key,))
        if self.username and self.token_file:
            yield BadInput("stands beside username; keep one way to authenticate", ("token_file",))


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
