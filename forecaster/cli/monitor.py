"""`forecaster monitor`: whether a run should be trained again."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli.console import guarded, print_json, print_table, say
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    Offline,
    PriceFile,
    RunName,
    RunsDir,
    SourceName,
    Ticker,
)

if TYPE_CHECKING:
    from forecaster.monitor import Report


class FailOn(enum.StrEnum):
    """From which verdict on the command fails."""

    WATCH = "watch"
    REFIT = "refit"


@guarded
def monitor_command(
    run: RunName = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="First session watched; the one after the test range if left out.",
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last session watched.")
    ] = None,
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(help="Exit with code 10 at this verdict or a worse one."),
    ] = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Compare recent inputs and errors with those of training; say when to refit.

    The verdict is ok, watch or refit. A scheduler gets exit code 0 whatever the verdict
    is, unless --fail-on names one.

    Examples:

      forecaster monitor google

      forecaster monitor google --start 2018-01-01 --fail-on refit --json
    """
    from forecaster.cli.jobs import PriceChoice, prices_for
    from forecaster.errors import Drifted
    from forecaster.monitor import monitor
    from forecaster.registry.loading import load_model

    forecaster, _ = load_model(run, runs_dir)
    prices = prices_for(forecaster.config, PriceChoice(ticker, csv, source, offline))
    report = monitor(forecaster, prices, start=start, end=end)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    failing = {None: (), "watch": ("watch", "refit"), "refit": ("refit",)}[fail_on]
    if report.verdict in failing:
        # The report is the one document of stdout, so this is no error document.
        say(f"error: {report.ticker}: the verdict is {report.verdict}")
        raise typer.Exit(Drifted.exit_code)


def _print(report: Report) -> None:
    title = f"{report.ticker} {report.target}, {report.first} to {report.last}"
    rows: list[dict[str, Any]] = [
        {
            "input": row["feature"],
            "stability": f"{row['psi']:.3g}",
            "distance": f"{row['ks']:.3g}",
            "p": f"{row['p_value']:.3f}",
            "outside": f"{row['outside']:.0%}",
            "state": row["state"],
        }
        for row in report.inputs.to_dict("records")
    ]
    print_table(rows, list(rows[0]), title)
    for level, share, p_value, state in report.coverage[
        ["level", "coverage", "p_value", "state"]
    ].itertuples(index=False):
        typer.echo(
            f"{level:.0%} interval: covers {share:.1%}, p {p_value:.3f}: {state}"
        )
    errors = report.errors
    typer.echo(
        f"absolute error to last-value: {errors['mae_ratio']:.3g} times, "
        f"{errors['reference_ratio']:.3g} in {errors['reference']}; "
        f"p {errors['p_value']:.3f}\n"
    )
    typer.echo(f"verdict: {report.verdict}")
    for reason in report.reasons:
        typer.echo(f"- {reason}")
    typer.echo(report.advice)
