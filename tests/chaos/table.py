"""The table in docs/reliability.md: a row a case, as its newest run left it."""

from __future__ import annotations

from pathlib import Path

from .case import Case, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- chaos: written by `make chaos` -->", "<!-- end of chaos -->"
HEAD = ("fault", "what was done", "readings made", "lost", "wrong", "told by", "all there again after", "tried")


def row(case: Case, outcome: Outcome, tried: str) -> tuple[str, ...]:
    """Word what came of a case."""
    lost = str(outcome.lost)
    if case.may_lose:
        lost += f" (may be {case.may_lose}: {case.why})"
    healed = "never" if outcome.healed is None else f"{outcome.healed:.0f} s"
    told = "; ".join(outcome.told) or "nobody"
    done = case.done if outcome.lasted is None else f"{case.done}; for {outcome.lasted:.0f} s"
    return case.title, done, str(outcome.made), lost, str(outcome.wrong), told, healed, tried


def update(page: Path, cases: list[Case], new: dict[str, tuple[str, ...]]) -> None:
    """Put new rows, by their cases' titles, in the place of those that the page has; of other cases it keeps what it has."""
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {cells[0]: cells for line in old.splitlines() if (cells := _cells(line))}
    rows |= new
    lines = ["| " + " | ".join(map(_plain, cells)) + " |" for case in cases if (cells := rows.get(case.title))]
    head = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    page.write_text(f"{before}{BEGIN}\n" + "\n".join([*head, *lines]) + f"\n{END}{after}", encoding="utf-8")


def _cells(line: str) -> tuple[str, ...] | None:
    cells = tuple(cell.strip() for cell in line.strip().strip("|").split(" | "))
    return cells if line.startswith("| ") and len(cells) == len(HEAD) and cells != HEAD else None


def _plain(cell: str) -> str:
    return cell.replace("|", "/").replace("\n", " ")
