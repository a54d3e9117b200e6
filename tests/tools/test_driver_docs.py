"""The drivers' pages are current, keep the rules of Telegraf's readme_linter, and their sample.conf is one for Telegraf."""

from __future__ import annotations

import re
import subprocess
import textwrap

import pytest
import yaml

from provisioning import site as sites
from provisioning import telegraf_check
from provisioning.files import changes
from telegraf_inputs import drivers, native, stanza
from tools import driver_docs

every_driver = pytest.mark.parametrize("name", drivers.names())
METADATA = re.compile(
    r"⭐ Telegraf v\d+\.\d+\.\d+\n🏷️ ((applications|cloud|containers|datastore|hardware|iot|logging|messaging|network|server|system"
    r"|testing|web)(, |\n))+💻 (all|freebsd|linux|macos|solaris|windows)\Z"
)


@pytest.fixture(scope="module")
def pages():
    return {name: page for folder in driver_docs.folders() for name, page in driver_docs.pages(folder).items()}


def outside_fences(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)


def test_committed_pages_are_current():
    pages = driver_docs.pages(driver_docs.FOLDER)
    assert not changes(driver_docs.FOLDER, pages), "run python -m tools.driver_docs"
    assert {p.relative_to(driver_docs.FOLDER).as_posix() for p in driver_docs.FOLDER.rglob("*") if p.is_file()} == set(
        pages
    )


def test_check_tells_what_is_not_current(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(driver_docs, "ROOT", tmp_path)
    monkeypatch.setattr(driver_docs, "FOLDER", tmp_path / "docs")
    assert driver_docs.main(["--check"]) == 1
    assert "docs/README.md: new" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()
    assert driver_docs.main([]) == 0
    assert driver_docs.main(["--check"]) == 0
    assert driver_docs.main(["--chek"]) == 2


@every_driver
def test_page_keeps_telegrafs_rules(pages, name):
    page = pages[f"{name}/README.md"]
    blocks = page.split("\n\n")
    assert re.fullmatch(r"# .* Plugin", blocks[0])
    assert not re.search(r"^# ", outside_fences(page)[1:], re.M)
    assert len(blocks[1].encode()) >= 30 and not blocks[1].startswith(("#", "-", "`"))
    assert any(METADATA.match(block) for block in blocks)
    headings = re.findall(r"^(#+) (.*)$", outside_fences(page), re.M)
    order = [
        *(["Service Input"] if name in drivers.programs() else []),
        "Global configuration options",
        "Configuration",
        "Metrics",
        "Troubleshooting",
        "Example Output",
    ]
    assert [text for level, text in headings if level == "##"] == order
    assert re.search(r"^## Configuration\n\n```toml @sample\.conf\n", page, re.M)
    assert f"```toml @sample.conf\n{pages[f'{name}/sample.conf'].strip()}\n```" in page
    assert re.search(r"^## Example Output\n\n.*\n\n```text\n\S", page, re.M)
    assert not re.findall(r"<(?!br>)\w", outside_fences(page))


@every_driver
def test_page_is_80_columns_wide(pages, name):
    for line in outside_fences(pages[f"{name}/README.md"]).splitlines():
        if not line.startswith(("|", "[CONFIGURATION.md]:")) and " " in line.strip().removeprefix("- "):
            assert len(line) <= (90 if line.startswith("#") else 80), line


@every_driver
def test_page_names_all_that_is_declared(pages, name):
    driver, page = drivers.load(name), pages[f"{name}/README.md"]
    for stream in driver.streams:
        assert all(f"- {quantity.name} (" in page for quantity in stream.quantities)
    for option in (*driver.options_known, *driver.channel_options):
        assert f"| `{option.name}` |" in page
    for status in driver.statuses:
        assert f"| `{status}` |" in page
    assert stanza.check(yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])).driver is driver


def test_links_lead_somewhere():
    for name, page in driver_docs.pages(driver_docs.FOLDER).items():
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page):
            assert (driver_docs.FOLDER / name).parent.joinpath(target).resolve().exists(), f"{name}: {target}"


def test_telegraf_takes_the_sample_configurations(pages, telegraf_path, tmp_path):
    command = [telegraf_path, "config", "check", "--strict-env-handling"]
    for name in drivers.programs():
        file = tmp_path / f"{name}.conf"
        file.write_text(pages[f"{name}/sample.conf"], encoding="utf-8")
        command += ["--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", native.names())
def test_telegraf_takes_what_becomes_of_an_example_that_it_reads_itself(name, telegraf_path, tmp_path):
    driver = drivers.load(name)
    stanzas = [textwrap.indent(text, "    ").strip() for text in (driver.example, driver.beside) if text]
    listed = "".join(f"  - {each}\n" for each in stanzas)
    (tmp_path / "site.yml").write_text(f"site: lab\nnodes: [{{name: daq}}]\ninstruments:\n{listed}")
    site = sites.load(tmp_path / "site.yml")
    assert telegraf_check.check(site, telegraf_path) == ""
