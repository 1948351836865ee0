"""`forecaster batch`: many tickers each evening, from the source to the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, print_json, print_table
from forecaster.cli.options import RUNS_DIR, AsJson, Overrides, RunsDir

if TYPE_CHECKING:
    from forecaster.batch.summary import BatchSummary

MOST_SHOWN = 20


@guarded
def batch_command(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG", help="Settings of a batch: a TOML file, or `batch`."
        ),
    ],
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Replay the evening of a date in the past."),
    ] = None,
    catch_up: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="Also fill what was missed N sessions back."
        ),
    ] = 0,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes at work at once.")
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A Dask cluster to work on, as tcp://host:port."
        ),
    ] = None,
    overrides: Overrides = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Make the forecasts of an evening that are due, and keep them in the ledger.

    Knows the exchange's sessions: on a holiday, or before the close, it does what is
    left of the session before, or nothing. Doing it again does nothing. What a failed
    or killed run has left undone, the next one does.

    Messages are bars on a terminal, and lines of JSON elsewhere.

    Exit codes: 0 all tickers have their forecast; 5 some failed; if all failed, the
    code of the commonest failure (3 prices, 7 source); 75 another process is at it, or
    the ledger does not answer;
    143 ended by SIGTERM, with what was made kept.

    Examples:

      forecaster batch configs/batch.toml

      forecaster batch configs/batch.toml --as-of 2023-09-20 --set source.name=embedded

      forecaster batch nightly.toml --catch-up 5 --workers 4 --json
    """
    from forecaster.batch.evening import Evening
    from forecaster.batch.job import run_scheduled
    from forecaster.batch.journal import journal_for
    from forecaster.batch.working import Engine
    from forecaster.config.batch import load_batch_config
    from forecaster.interrupts import heeded_termination

    settings = load_batch_config(config, overrides or [])
    with heeded_termination() as heed:
        summary = run_scheduled(
            settings,
            Evening(console.now, as_of, catch_up, heed, runs_dir),
            engine=Engine(workers, scheduler),
            journal=journal_for(),
        )
    if as_json:
        print_json(summary.to_dict())
    else:
        _print(summary)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _print(summary: BatchSummary) -> None:
    first, *_, last = (*summary.origins, *summary.origins)
    when = str(last) if first == last else f"{first} to {last}"
    counts = ", ".join(f"{n} {status}" for status, n in summary.counts.items())
    typer.echo(f"{summary.name}, {summary.model}, after {when}: {summary.status}")
    typer.echo(f"{counts}; {summary.seconds:.1f} s")
    if summary.failures:
        rows = [
            {"ticker": one.ticker, "origin": one.origin, "failure": one.kind}
            | {"tries": one.n_attempts, "reason": one.reason}
            for one in summary.failures[:MOST_SHOWN]
        ]
        print_table(rows, ("ticker", "origin", "failure", "tries", "reason"))
        more = len(summary.failures) - MOST_SHOWN
        if more > 0:
            typer.echo(f"and {more} more: see `forecaster ledger runs`, or --json")
    typer.echo(f"ledger: {summary.ledger}")
    for file in summary.files:
        typer.echo(f"file:   {Path(file)}")
