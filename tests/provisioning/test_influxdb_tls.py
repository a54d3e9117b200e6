"""InfluxDB over TLS, with a certificate of an authority that nobody knows: the real server, and the real Telegraf."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from msgspec import structs

from grafana_dashboards import emit
from labline.stack import influxdb, telegraf
from labline.stack.process import Process
from provisioning import files, influxdb_apply, influxdb_schema, telegraf_check, telegraf_config
from provisioning.influxdb_server import DatabaseError, Server
from provisioning.telegraf_config import TelegrafPaths
from telegraf_inputs.errors import BadInput

ANYWHERE = "/etc/labline/ca.pem"


@pytest.fixture
def secure(lab, tmp_path: Path) -> Iterator:
    """The lab, on a server that speaks TLS; the site file says so, and does not name the certificate yet."""
    server = influxdb.InfluxDB(influxdb.get().path, tmp_path / "data", lab.secrets)
    server.stop()
    config = server.directory / "influxdb.conf"
    authority = trustme.CA()
    certificate = tmp_path / "server.pem"  # with its key
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    lab.ca = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(lab.ca)
    tls = (
        f'auth-enabled = true\n  https-enabled = true\n  https-certificate = "{certificate}"\n'
        f'  https-private-key = "{certificate}"'
    )
    config.write_text(config.read_text().replace("auth-enabled = true", tls))
    process = Process("InfluxDB", server.process.command, server.directory / "second.log")
    url = server.url.replace("http:", "https:")
    try:
        lab.admin = Server(url, server.admin, server.password, ca=lab.ca)
        process.wait_ready(lambda: answers(lab.admin), 30)
        lab.change(lab.url, url)
        lab.url = url
        yield lab
    finally:
        process.stop(30)


def answers(server: Server) -> bool:
    try:
        return not server.refusal()
    except DatabaseError:
        return False


def named(lab, ca: str = ANYWHERE) -> str:
    lab.change("  database:", f"  ca: {ca}\n  database:")
    return lab.site.influxdb.ca


def plan(lab) -> influxdb_apply.Plan:
    influx = lab.site.influxdb
    return influxdb_apply.plan(influx.url, influxdb_schema.schema(lab.site), lab.secrets, ca=influx.ca)


def test_a_certificate_that_is_not_known_is_told_and_with_its_name_all_is_well(secure):
    with pytest.raises(DatabaseError, match=r"certificate of https://.* is not trusted: .* certificate.*: influxdb.ca"):
        plan(secure)
    named(secure, secure.ca)
    influxdb_apply.apply(plan(secure), lambda text: None)
    assert plan(secure).differences == []


def test_telegraf_writes_to_it(secure, telegraf_path: Path, tmp_path: Path):
    named(secure, secure.ca)
    secure.change('channels:\n      "5":', "channels:\n      A:")  # the control input is measured in each cycle
    influxdb_apply.apply(plan(secure), lambda text: None)
    (tmp_path / "journal").mkdir()
    paths = TelegrafPaths(
        python=sys.executable, config=str(tmp_path), secrets=str(secure.secrets), journal=str(tmp_path / "journal")
    )
    files.write(tmp_path, telegraf_config.render(secure.site, secure.site.server, paths))
    database = secure.site.influxdb.database
    with telegraf.Telegraf(telegraf_path, tmp_path / telegraf_config.CONF, tmp_path / "log") as running:
        running.process.wait_ready(lambda: secure.admin.rows('SELECT * FROM "lakeshore_372" LIMIT 1', database), 30)


def test_the_authority_that_the_system_knows_needs_no_name(secure, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", secure.ca)
    influxdb_apply.apply(plan(secure), lambda text: None)
    assert plan(secure).differences == []


def test_a_certificate_of_another_machine_is_told(secure):
    secure.change("https://127.0.0.1", "https://localhost")
    named(secure, secure.ca)
    with pytest.raises(
        DatabaseError, match="is not trusted: Hostname mismatch, certificate is not valid for 'localhost'"
    ):
        plan(secure)


def test_a_server_without_tls_is_told(lab):
    url = lab.url.replace("http:", "https:")
    with pytest.raises(DatabaseError, match=f"no secure connection to {url} .*: does InfluxDB speak TLS there"):
        Server(url).refusal()


def test_where_nothing_listens_it_is_not_the_certificate(lab):
    with pytest.raises(DatabaseError, match="nothing answers at https://127.0.0.1:1;"):
        Server("https://127.0.0.1:1").refusal()


@pytest.mark.parametrize(
    ("content", "told"), [(None, "No such file"), ("no certificate", "is no certificate; expected one")]
)
def test_a_file_that_is_no_certificate_is_told(tmp_path: Path, content: str | None, told: str):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DatabaseError, match=f"^influxdb.ca: {re.escape(str(file))}:? {told}"):
        Server("https://127.0.0.1:1", ca=str(file))


def test_telegraf_takes_the_configuration_where_the_certificate_is_elsewhere(lab, telegraf_path: Path):
    site = structs.replace(
        lab.site, influxdb=structs.replace(lab.site.influxdb, url="https://db:8086", ca="/nowhere/ca.pem")
    )
    assert telegraf_check.check(site, telegraf_path) == ""
    assert 'tls_ca = "/nowhere/ca.pem"' in telegraf_config.render(site, site.server)[telegraf_config.CONF]


def test_grafana_reads_the_file(lab):
    lab.change(lab.url, "https://db:8086")
    source = emit.render(lab.site)[emit.DATASOURCES]
    assert "tls" not in source
    assert f"tlsCACert: $__file{{{named(lab)}}}" in emit.render(lab.site)[emit.DATASOURCES]
    assert "tlsAuthWithCACert: true" in emit.render(lab.site)[emit.DATASOURCES]


def test_a_certificate_without_tls_is_a_mistake(lab):
    with pytest.raises(BadInput, match=r"site.yml:5: influxdb.ca: belongs to a url that begins with https://"):
        named(lab)


def test_a_certificate_has_a_place_that_all_machines_find(lab):
    lab.change(lab.url, "https://db:8086")
    with pytest.raises(BadInput, match="influxdb.ca: found 'ca.pem', expected a path from the root, with letters"):
        lab.change("  database:", "  ca: ca.pem\n  database:")
