"""The example of one machine as it stands, on the newest Debian: from a bare one to the last reading in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.parts import debian_host, example_machine
from tests.parts.example_machine import Example
from tests.parts.site_machine import changed, went_well

PATIENCE = 120.0  # seconds until all is in the database; never reached where all is well


@pytest.fixture
def helium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """A bare host, and simulators of its instruments."""
    folder = tmp_path_factory.mktemp("helium")
    with ExitStack() as undo:
        with debian_host.or_skip():
            made = undo.enter_context(example_machine.example("helium", folder, debian_host.NEWEST))
        urls = undo.enter_context(example_machine.simulators(folder, made.host, "helium"))
        made.use({instrument: {"connection": url} for instrument, url in urls.items()})
        yield made


def test_helium_has_the_last_reading_of_each_instrument(helium: Example) -> None:
    said = {"made": went_well(helium.play("-vvv", "--diff"))}
    helium.all_arrives(PATIENCE)
    said["again"] = went_well(helium.play())
    assert sum(changed(said["again"]).values()) == 0, said["again"]
    helium.nothing_shown(said)
