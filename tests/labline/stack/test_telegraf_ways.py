"""Every way that leads to Telegraf, in its order, with the reason why the ways before failed."""

from __future__ import annotations

import subprocess

import pytest

from labline.stack import download, grafana, ports, telegraf, telegraf_build
from labline.stack.errors import NotFound, Unavailable
from tools import lock

SAYS_VERSION = "#!/bin/sh\necho Telegraf {}\n"


@pytest.fixture
def archive(vendor, bare_machine, here, monkeypatch):
    """The name of the vendor's archive; nothing can be built here."""

    def build():
        raise Unavailable("no Go in this test")

    monkeypatch.setenv("LABLINE_TELEGRAF_URL", vendor.url)
    monkeypatch.setattr(telegraf_build, "build", build)
    return f"telegraf-{telegraf.VERSION}_linux_{here}.tar.gz"


def contents(version: str = telegraf.VERSION) -> dict[str, str]:
    return {f"./telegraf-{version}/usr/bin/telegraf": SAYS_VERSION.format(version)}


def put_on_path(directory, version):
    program = directory.parent.parent / "bin" / "telegraf"
    program.write_text(SAYS_VERSION.format(version))
    program.chmod(0o755)


def reason(way: str) -> str:
    with pytest.raises(NotFound) as failure:
        telegraf.get()
    assert telegraf.ADVICE in str(failure.value)
    return dict(failure.value.tried)[way]


@pytest.mark.parametrize(
    ("beside", "suffix"), [("{sum}\n", ".sha256"), ("{sum}  {name}\n", ".sha256"), ("{sum}  ./{name}\n", ".DIGESTS")]
)
def test_the_vendors_release_is_taken_then_kept(archive, vendor, bare_machine, beside, suffix):
    vendor.publish(archive, contents(), beside, suffix)
    part = telegraf.get()
    assert (part.version, part.way) == (telegraf.VERSION, "the vendor's release")
    assert part.path.is_relative_to(bare_machine) and part.path.stat().st_mode & 0o111
    assert "no telegraf on PATH" in part.why()
    vendor.close()
    assert telegraf.get().way == "kept"


@pytest.mark.parametrize("beside", ["0" * 64 + "\n", "0" * 64 + "  {name}\n"])
def test_a_wrong_checksum_is_refused_and_nothing_kept(archive, vendor, bare_machine, beside):
    vendor.publish(archive, contents(), beside)
    assert "wrong checksum" in reason("the vendor's release")
    assert not [path for path in bare_machine.iterdir() if not path.name.endswith(".lock")]


def test_the_pinned_checksum_goes_before_the_published_one(archive, vendor, pin):
    right = vendor.publish(archive, contents(), "0" * 64)
    pin(archive, "1" * 64)
    assert f"wrong checksum: {right}, expected {'1' * 64}" in reason("the vendor's release")
    pin(archive, right)
    assert telegraf.get().way == "the vendor's release"


def test_what_is_not_pinned_is_not_fetched_without_somebodys_word(archive, vendor, pin, bare_machine, monkeypatch):
    monkeypatch.delenv(download.UNPINNED)
    right = vendor.publish(archive, contents())
    assert (
        f"has no checksum of {archive} of its own, so it was not fetched; LABLINE_TAKE_UNPINNED=1 takes it"
        in reason("the vendor's release")
    )
    assert not [path for path in bare_machine.iterdir() if not path.name.endswith(".lock")]
    pin(archive, right)
    assert telegraf.get().way == "the vendor's release"


@pytest.mark.parametrize("beside", ["", "<html>not found</html>", "{sum}  another-file.tar.gz\n"])
def test_an_archive_without_its_checksum_is_not_taken(archive, vendor, beside):
    vendor.publish(archive, contents(), beside)
    assert "no checksum beside it" in reason("the vendor's release")


def test_a_torn_download_is_refused_and_nothing_kept(archive, vendor, bare_machine):
    vendor.publish(archive, contents())
    vendor.torn.add(archive)
    assert "torn" in reason("the vendor's release")
    assert not [path for path in bare_machine.iterdir() if not path.name.endswith(".lock")]
    vendor.torn.clear()
    assert telegraf.get().way == "the vendor's release"


def test_an_archive_that_the_vendor_does_not_have(archive):
    assert "no checksum beside it" in reason("the vendor's release")


def test_a_server_that_can_not_be_reached(archive, monkeypatch):
    monkeypatch.setenv("LABLINE_TELEGRAF_URL", f"http://127.0.0.1:{ports.free(1)[0]}")
    assert "can't be reached" in reason("the vendor's release")
    assert reason("built here with go install") == "no Go in this test"


def test_one_on_path_goes_first_where_it_is_new_enough(archive, vendor, bare_machine):
    vendor.publish(archive, contents())
    put_on_path(bare_machine, "1.37.9")
    part = telegraf.get()
    assert part.way == "the vendor's release"
    assert "1.37.9; 1.38 or newer is needed" in part.why()
    put_on_path(bare_machine, "1.100.0")
    assert (telegraf.get().way, telegraf.get().version) == ("on PATH", "1.100.0")


def test_the_plugins_that_the_rendered_configuration_needs_are_built_in():
    tags = set(telegraf_build.TAGS)
    assert {"custom", "inputs.execd", "inputs.internal", "outputs.influxdb", "parsers.influx"} <= tags
    assert len(tags) == len(telegraf_build.TAGS)


def test_each_plugin_of_the_list_is_in_the_program_that_was_built():
    # Go takes a tag that nothing is built for without a word: a misspelt plugin would be missed by the first who names it.
    try:
        program = telegraf_build.kept()
    except Unavailable:
        pytest.skip("this machine has a Telegraf that was not built here")
    built = subprocess.run([program, "plugins"], capture_output=True, text=True, check=True).stdout.split()
    assert {*telegraf_build.TAGS} - {*built} == {"custom", "parsers.xpath"}
    assert {"parsers.xml", "parsers.xpath_json"} <= {*built}  # the names by which inputs ask for parsers.xpath


def test_go_that_is_too_old_or_a_disk_that_is_full_is_told(bare_machine, monkeypatch):
    monkeypatch.setattr(telegraf_build, "GIGABYTES_NEEDED", 10**9)
    with pytest.raises(Unavailable, match="needs 1000000000 GB"):
        telegraf_build.build()
    go = bare_machine.parent.parent / "bin" / "go"
    go.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    go.chmod(0o755)
    assert telegraf_build._go_version(str(go)) == (1, 19)


def test_other_sources_than_the_pinned_ones_are_not_built(bare_machine, tmp_path):
    """A module proxy that gives something else under the release's name."""
    go = bare_machine.parent.parent / "bin" / "go"
    go.write_text(
        "#!/bin/sh\n"
        "[ $1 = version ] && exec echo go version go1.99.0 linux/amd64\n"
        f"[ $1 = mod ] || exec touch {tmp_path}/built\n"
        f'echo go: downloading; echo \'{{\'; echo \'"Dir": "{tmp_path}", "Sum": "h1:other" }}\'\n'
    )
    go.chmod(0o755)
    with pytest.raises(Unavailable, match="wrong checksum: h1:other, expected h1:"):
        telegraf_build.build()
    assert not (tmp_path / "built").exists()
    assert not list(bare_machine.glob("telegraf*"))


def test_make_lock_pins_what_the_vendors_publish_and_keeps_what_it_can_not_read(vendor, here, pin, monkeypatch):
    pin(grafana.archive(here), "2" * 64)
    digest = vendor.publish(telegraf.archive(here), contents())
    monkeypatch.setattr(telegraf, "VENDOR", vendor.url)
    monkeypatch.setattr(grafana, "VENDOR", f"http://127.0.0.1:{ports.free(1)[0]}")
    lock.pin_archives()
    assert download.pinned() == {grafana.archive(here): "2" * 64, telegraf.archive(here): digest}
