"""The command: which cases are measured, and where the results go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.case import UnequalWork
from benchmarks.cases import CASES
from benchmarks.machine import describe_machine
from benchmarks.results import Results
from benchmarks.rows import failed_rows, rows_of
from benchmarks.running import WorkerFailed, measure

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)
OUT = Path(__file__).with_name("measured")
MISSED = 1
WIDTH = 150  # where the table goes into a file


@app.command()
def benchmark(
    cases: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CASE]...", help="Cases; all usual ones if left out."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Shrink everything; the numbers mean nothing."),
    ] = False,
    repeats: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Rounds of each case.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="For the JSON and the pictures.")
    ] = OUT,
    listed: Annotated[
        bool, typer.Option("--list", help="List the cases and exit.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a bound is missed.")
    ] = False,
    readme: Annotated[
        bool,
        typer.Option("--write-readme", help="Put the table into benchmarks/README.md."),
    ] = False,
) -> None:
    """Measure forecaster's speed beside what one would take instead.

    A folder's results are kept: cases measured anew replace their own rows only.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    if listed:
        _list_cases(console)
        return
    results = Results.begin(out, describe_machine(), quick=quick)
    chosen = _chosen(cases or [])
    for name in chosen:
        _measure(results, name, repeats)
        results.write(out)  # after each, so that an interruption loses one at most
    _report(results, chosen, out, console)
    if readme:
        from benchmarks.reporting import write_readme

        write_readme(results)
    states = [row.status for row in results.rows if row.case in chosen]
    if "failed" in states or (check and "missed" in states):
        raise typer.Exit(MISSED)


def _chosen(names: list[str]) -> list[str]:
    for name in names:
        if name not in CASES:
            raise typer.BadParameter(f"no case {name!r}; there are {', '.join(CASES)}")
    return names or [name for name, case in CASES.items() if not case.only_named]


def _measure(results: Results, name: str, repeats: int | None) -> None:
    case = CASES[name]
    try:
        records = measure(name, case, quick=results.quick, repeats=repeats, tell=_tell)
    except (WorkerFailed, UnequalWork) as error:
        _tell(f"{name} failed: {error}")
        last = str(error).strip().splitlines()[-1]
        results.add(name, {}, failed_rows(name, case, last))
        return
    results.add(name, records, rows_of(name, case, records))


def _report(results: Results, chosen: list[str], out: Path, console: Console) -> None:
    from benchmarks.drawing import draw_results
    from benchmarks.reporting import print_rows, print_scores

    print_rows([row for row in results.rows if row.case in chosen], console)
    for name in chosen:
        print_scores(results, name, console)
    for path in [out / "results.json", *draw_results(results, out)]:
        console.print(str(path), soft_wrap=True)


def _list_cases(console: Console) -> None:
    for name, case in CASES.items():
        named = " (only when named)" if case.only_named else ""
        console.print(f"{name}: {case.what}{named}", soft_wrap=True)


def _tell(message: str) -> None:
    typer.echo(message, err=True)
