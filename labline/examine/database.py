"""The database: whether it answers, is as the site file says, and what each user may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from provisioning import influxdb_apply, influxdb_fields, influxdb_schema
from provisioning.host_metrics import DELIVERY
from provisioning.influxdb_schema import ADMIN
from provisioning.influxdb_server import DatabaseError, Server, secret
from provisioning.influxql import identifier
from provisioning.levels import RAW
from telegraf_inputs.url import HERE

from ..stack import told
from ..words import called_bytes, counted, size_of
from .finding import Examined, Finding

WAYS_OUT = "docs/site-file.md, what the database has already, has the ways out"


def findings(lab: Examined) -> Iterator[Finding]:
    """Look at the database of a lab that runs here, else at that of the site file."""
    url = lab.urls.get("influxdb") or lab.site.influxdb.url
    ca = "" if lab.here else lab.site.influxdb.ca
    before = (lambda: lab.places.check_listener(url)) if lab.here else None
    wanted, apply = influxdb_schema.schema(lab.site), f"{told.command()} apply {lab.site.file}"
    if not lab.here and not (lab.passwords / ADMIN).exists() and urlsplit(url).hostname in HERE:
        # A lab of `labline run` has a database of its own while it runs.
        yield Finding(
            "database",
            f"no lab of this file runs here, and {lab.passwords} has no passwords of another",
            note=True,
            cure=f"{told.command()} run {lab.site.file} starts one",
        )
        return
    try:
        Server(url, ca=ca, seconds=8).refusal()
    except DatabaseError as error:
        yield Finding("database", str(error).partition(";")[0], "is InfluxDB on, is influxdb.url right?")
        return
    try:
        for user, right in wanted.rights:
            server = Server(url, user, secret(lab.passwords, user), ca=ca, before=before)
            wrong = server.refusal() or _wrong_right(server, right, wanted.database)
            may_not = "read" if right == "WRITE" else "write"
            yield Finding(
                f"user {user}",
                wrong or f"tried with its password: may {right.lower()}, may not {may_not}",
                f"{apply} sets it right" if wrong else "",
            )
        if (lab.passwords / ADMIN).exists():
            plan = influxdb_apply.plan(url, wanted, lab.passwords, ca=ca, before=before)
            for refusal in plan.refused:
                yield Finding("database", refusal, WAYS_OUT)
            for difference in plan.differences:
                yield Finding("database", f"is not as the site file says: to {difference.text}", apply)
            if not plan.refused and not plan.differences:
                yield Finding(
                    "database", f"{url}: {wanted.database!r} is as the site file says, users and their rights included"
                )
        else:
            password = secret(lab.passwords, influxdb_schema.READER)
            server = Server(url, influxdb_schema.READER, password, ca=ca, before=before)
            stored = influxdb_fields.read(server, wanted.database, wanted.kept_in)
            refusals = influxdb_fields.refusals(stored, wanted.fields, wanted.database)
            for refusal in refusals:
                yield Finding("database", refusal, WAYS_OUT)
            if not refusals:
                yield Finding("database", f"{url}: {counted('field', len(wanted.fields))} have their types and units")
    except DatabaseError as error:
        yield Finding("database", str(error), f"{apply} makes it as it should be")
    if lab.places.influxdb.is_dir():
        yield Finding(
            "database", f"its data take {called_bytes(size_of(lab.places.influxdb))} below {lab.places.influxdb}"
        )


def _wrong_right(server: Server, right: str, database: str) -> str:
    """Try as a user to read and to write; tells what it may, and should not, or may not, and should. Changes nothing."""
    tried: dict[str, Callable[[], object]] = {
        "READ": lambda: server.query(f"SELECT * FROM {identifier(RAW, DELIVERY)} LIMIT 1", database),
        # InfluxDB looks at the right before it looks at the points, of which there are none.
        "WRITE": lambda: server.write("", database, RAW),
    }
    for what, attempt in tried.items():
        try:
            attempt()
        except DatabaseError as error:
            if what == right:
                return f"may not {what.lower()}: {error}"
        else:
            if what != right:
                return f"may {what.lower()} in {database!r}, and should not"
    return ""
