"""What a case found is told as it is, and the page has its row."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from . import table
from .case import Case, Outcome, all_cases

WELL = Outcome(10, 0, 0, ("an alarm",), 3.2)


def _case(title: str, may_lose: int = 0) -> Case:
    return Case(title, "done", ExitStack, lambda *_: WELL, may_lose, "why" if may_lose else "")


def test_what_does_not_hold_is_found() -> None:
    assert not _case("a").faults(WELL) and not _case("a", 2).faults(Outcome(10, 2, 0, ("x",), 0.0))
    found = _case("a", 2).faults(Outcome(10, 3, 1, (), None))
    assert found == [
        "3 of 10 readings are lost; 2 may be",
        "1 readings are wrong",
        "nobody is told",
        "it does not heal",
    ]


def test_the_table_keeps_the_rows_of_cases_that_were_not_tried(tmp_path: Any) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
    cases = [_case("a"), _case("b", 2), _case("c")]
    table.update(
        page, cases, {"b": table.row(cases[1], WELL, "2026-11-29"), "gone": table.row(_case("gone"), WELL, "then")}
    )
    table.update(page, cases, {"a": table.row(cases[0], WELL, "2026-11-30")})
    text = page.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n| fault |") and text.endswith(f"\n{table.END}\nafter\n")
    assert text.splitlines()[4:6] == [
        "| a | done | 10 | 0 | 0 | an alarm | 3 s | 2026-11-30 |",
        "| b | done | 10 | 0 (may be 2: why) | 0 | an alarm | 3 s | 2026-11-29 |",
    ]
    assert "gone" not in text


def test_the_page_has_rows_of_cases_alone() -> None:
    text = table.PAGE.read_text(encoding="utf-8").partition(table.BEGIN)[2].partition(table.END)[0]
    titles = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines()[3:]]
    assert [title for title in titles if title not in {case.title for case in all_cases()}] == [], (
        "make chaos writes it"
    )
