"""Reporting: the rows as a table on the terminal, and as one in the README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.ratios import Spread
from benchmarks.results import Results
from benchmarks.rows import Row

COLUMNS = ("case", "measured", "ours", "theirs", "value", "must reach", "aim", "result")
UNITS = {"seconds": " s", "memory": " MB"}
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
README = Path(__file__).with_name("README.md")


def cells_of(row: Row) -> tuple[str, ...]:
    """Return what the table says of a row, in the order of `COLUMNS`."""
    unit = UNITS.get(row.kind, "")
    part = {"memory": " MB", "difference": ""}.get(row.kind, " s")
    return (
        row.case,
        f"{row.kind} to {row.against}" if row.against else row.kind,
        _spread(row.ours, part),
        _spread(row.theirs, part),
        _spread(row.value, unit),
        _number(row.must, unit),
        _number(row.aim, unit),
        _result(row),
    )


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Write the rows as a table."""
    table = Table(box=SIMPLE_HEAD)
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number in (0, 1, 7) else "right")
    for row in rows:
        table.add_row(*map(escape, cells_of(row)))
    console.print(table)


def print_scores(results: Results, name: str, console: Console) -> None:
    """Write the outcome of every round, where the sides of a case have scores."""
    scores = {
        side: [outcome["score"] for outcome in record.outcomes if outcome]
        for side, record in results.records(name).items()
    }
    if not any(scores.values()):
        return
    table = Table("seed", *scores, box=SIMPLE_HEAD)
    for seed, found in enumerate(zip(*scores.values(), strict=True)):
        table.add_row(str(seed), *(f"{score:.4f}" for score in found))
    console.print(table)


def markdown_of(results: Results) -> str:
    """Return the rows as a Markdown table, below a sentence on the machine."""
    lines = [_machine(results), "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
    return "\n".join([*lines, *(_line(cells_of(row)) for row in results.rows)])


def write_readme(results: Results, path: Path = README) -> None:
    """Put the table between the two marks of the README, in the place of any other.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: want the lines {BEGIN} and {END}")
    table = markdown_of(results)
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


def _machine(results: Results) -> str:
    machine = results.machine
    libraries = ", ".join(
        f"{name} {number}" for name, number in machine["libraries"].items() if number
    )
    shrunk = " Shrunk by `--quick`: these numbers mean nothing." * results.quick
    return (
        f"{machine['cpu']}, {machine['usable_cores']} cores, "
        f"{machine['memory_gb']} GB, {machine['system']}; Python {machine['python']}, "
        f"{libraries}.{shrunk}"
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _result(row: Row) -> str:
    return f"{row.status}: {row.note}" if row.note else row.status


def _spread(spread: Spread | None, unit: str) -> str:
    """Return a value with its range in brackets.

    >>> _spread(Spread(0.5, 0.25, 1.0), " s")
    '0.5 s (0.25-1)'
    """
    if spread is None:
        return ""
    value = _number(spread.value, unit)
    if spread.low == spread.high:
        return value
    return f"{value} ({_number(spread.low)}-{_number(spread.high)})"


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.3g}{unit}"
