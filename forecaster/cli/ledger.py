"""`forecaster ledger` and `forecaster score`: stored forecasts, and what they prove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, new_app, print_json, print_table
from forecaster.cli.ledger_tables import (
    RUNS,
    SCORES,
    newest_runs,
    run_row,
    score_row,
)
from forecaster.cli.options import (
    AsJson,
    Offline,
    PriceFile,
    SourceName,
    split_tickers,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from forecaster.ledger import Ledger

app = new_app("Show, export and verify the ledger of forecasts, and list its runs.")

Place = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="URL|FILE",
        envvar="FORECASTER_LEDGER",
        help="A SQLite file, or postgresql://...; else ledger.db in your data folder.",
    ),
]
Tickers = Annotated[
    list[str] | None,
    typer.Option(
        "--ticker", metavar="TICKER", help="Several with commas, or repeated."
    ),
]
ModelName = Annotated[str | None, typer.Option("--model", help="One model.")]


@app.command("show")
@guarded
def show_command(
    ledger: Place = None,
    ticker: Tickers = None,
    model: ModelName = None,
    last: Annotated[
        int, typer.Option(metavar="N", help="Origins of each ticker and model.")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Show the newest forecasts beside the prices that came.

    Examples:

      forecaster ledger show

      forecaster ledger show --ticker GOOG --last 5 --json
    """
    from forecaster.ledger.reading import widen
    from forecaster.ledger.showing import cell, plain

    with _open(ledger) as opened:
        rows = opened.forecasts(
            tickers=split_tickers(ticker) or None, model=model, last=last
        )
        place = opened.place
    wide = widen(rows)
    _tell_if_none(len(rows), place)
    if as_json:
        print_json({"ledger": place, "forecasts": plain(wide)})
        return
    shown = [{name: cell(value) for name, value in row.items()} for row in plain(wide)]
    print_table(shown, [*map(str, wide)], place)


@app.command("export")
@guarded
def export_command(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Ends in .csv or .parquet.")
    ],
    ledger: Place = None,
    ticker: Tickers = None,
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Write all forecasts, with the prices that came, to one file.

    Examples:

      forecaster ledger export --out forecasts.csv

      forecaster ledger export --out goog.parquet --ticker GOOG
    """
    from forecaster.ledger.exporting import check_format, write_table

    check_format(out)
    with _open(ledger) as opened:
        rows = opened.forecasts(tickers=split_tickers(ticker) or None, model=model)
    write_table(rows, out)
    if as_json:
        print_json({"file": str(out), "n_rows": len(rows)})
    else:
        typer.echo(f"{out}: {len(rows)} rows")


@app.command("runs")
@guarded
def runs_command(
    ledger: Place = None,
    last: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many of the newest runs.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """List what was run and how it ended, the newest first.

    A run that is still marked running is at work, or was killed: the next batch of the
    same settings marks it abandoned.

    Examples:

      forecaster ledger runs

      forecaster ledger runs --last 1 --json
    """
    with _open(ledger) as opened:
        rows = newest_runs(opened.runs(), opened.failures(last=last), last)
        place = opened.place
    if not rows:
        console.say(f"warning: {place} holds no runs")
    if as_json:
        print_json({"ledger": place, "runs": rows})
    else:
        print_table([run_row(row) for row in rows], RUNS, place)


@app.command("verify")
@guarded
def verify_command(ledger: Place = None, as_json: AsJson = False) -> None:
    """Look for damage, and for rows that cannot be true; nothing is changed.

    Quantiles that cross, sessions that are not after their origin, forecasts without a
    run, several sessions for one step. Ends with code 4 if something is found.

    Example:

      forecaster ledger verify
    """
    from forecaster.errors import LedgerError

    with _open(ledger) as opened:
        problems = opened.verify()
        place = opened.place
    if as_json:
        found = [problem.to_dict() for problem in problems]
        print_json({"ledger": place, "problems": found})
    elif not problems:
        typer.echo(f"{place}: nothing is wrong")
    for problem in problems if not as_json else ():
        typer.echo(f"{problem.kind}: {problem.where}: {problem.message}")
    if problems:
        # The list is the one document of stdout, so this is no error document.
        console.say(f"error: {place} has {len(problems)} problems")
        raise typer.Exit(LedgerError.exit_code)


@guarded
def score_command(
    ledger: Place = None,
    ticker: Tickers = None,
    model: ModelName = None,
    step: Annotated[
        int | None,
        typer.Option(metavar="N", help="Score one step alone, 1 being the next day."),
    ] = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: Annotated[
        str,
        typer.Option(metavar="CODE", help="Exchange calendar of the prices."),
    ] = "XNYS",
    as_json: AsJson = False,
) -> None:
    """Score stored forecasts against last-value, now that their prices have come.

    With --source or --csv the prices that came are first read and stored; else those
    are used that an earlier score has stored. A ticker without prices is told, and code
    5 ends the command.

    Examples:

      forecaster score

      forecaster score --source yahoo --model google --json
    """
    from forecaster.cli.jobs import PriceChoice
    from forecaster.errors import EXIT_PARTLY
    from forecaster.ledger.showing import plain

    choice = PriceChoice(None, csv, source, offline)
    names = split_tickers(ticker) or None
    with _open(ledger) as opened:
        failed = _bring_actuals(opened, names, model, choice, calendar)
        table = opened.score(tickers=names, model=model, step=step, keep=True)
        place = opened.place
    _tell_if_none(len(table), place)
    if as_json:
        print_json({"ledger": place, "scores": plain(table), "failed": failed})
    else:
        print_table([score_row(row) for row in plain(table)], SCORES, place)
        typer.echo(
            "ratio: RMSE to last value; p: of equal errors; inside: share of prices in "
            "each interval"
        )
    if failed:
        raise typer.Exit(EXIT_PARTLY)


def _tell_if_none(n_rows: int, place: str) -> None:
    if not n_rows:
        console.say(f"warning: {place} holds no such forecasts")


def _open(place: str | None) -> Ledger:
    from forecaster.ledger import Ledger

    return Ledger.open(place, create=False)


def _bring_actuals(
    ledger: Ledger,
    tickers: Collection[str] | None,
    model: str | None,
    choice: Any,
    calendar: str,
) -> dict[str, str]:
    """Store the prices that came; return the tickers that failed, and why."""
    from forecaster.cli.jobs import refuse_one_file
    from forecaster.data.sources import load_prices
    from forecaster.errors import DamagedStore, DataError, SourceError

    if choice.path is None and choice.source is None and not choice.offline:
        return {}
    failed: dict[str, str] = {}
    awaited = ledger.awaited(tickers=tickers, model=model)
    refuse_one_file(choice.path, list(dict.fromkeys(awaited["ticker"])))
    for name, target, first in awaited.itertuples(index=False):
        try:
            prices = load_prices(
                name,
                source=choice.source or "yahoo",
                path=choice.path,
                calendar=calendar,
                offline=choice.offline,
                now=console.now(),
            )
            ledger.add_actuals(name, prices.loc[first:], target=target)
        except (DataError, SourceError, DamagedStore) as error:
            console.say(f"warning: {error}")
            failed[name] = str(error)
    return failed
