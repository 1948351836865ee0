"""`forecaster monitor`: whether a run, or the models of a ledger, need training."""

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
    complete_tickers,
    split_tickers,
)

if TYPE_CHECKING:
    from pathlib import Path

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
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="Instead of a run, judge models by this ledger's live scores.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="With --ledger: one model alone.")
    ] = None,
    ticker: Annotated[
        str | None,
        typer.Option(
            help="Ticker symbol; with --ledger several, with commas.",
            autocompletion=complete_tickers,
        ),
    ] = None,
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
    is, unless --fail-on names one. With --ledger each model and ticker gets a verdict,
    from forecasts whose prices have come: `forecaster score --source NAME` reads these;
    --start, such as the date of the last refit, leaves out the forecasts before it.

    Examples:

      forecaster monitor google

      forecaster monitor google --start 2018-01-01 --fail-on refit --json

      forecaster monitor --ledger ledger.db --ticker GOOG,AAPL --fail-on refit
    """
    from forecaster.cli.monitor_ledger import watch_ledger

    of_runs: dict[str, object] = {"RUN": run, "--end": end}
    of_runs |= {"--csv": csv, "--source": source, "--offline": offline or None}
    _refuse_both(ledger, model, of_runs)
    if ledger is None:
        choice = (ticker, csv, source, offline)
        verdict, who = _watch_run(run, runs_dir, (start, end), choice, as_json)
    else:
        tickers = split_tickers([ticker or ""])
        verdict, who = watch_ledger(ledger, tickers, model, start, as_json=as_json)
    failing = {None: (), "watch": ("watch", "refit"), "refit": ("refit",)}[fail_on]
    if verdict in failing:
        # The report is the one document of stdout, so this is no error document.
        from forecaster.errors import Drifted

        say(f"error: {who}: the verdict is {verdict}")
        raise typer.Exit(Drifted.exit_code)


def _refuse_both(
    ledger: str | None, model: str | None, of_runs: dict[str, object]
) -> None:
    """Refuse what makes no sense together: a run is watched, or a ledger."""
    from forecaster.errors import ConfigError

    if ledger is None and model is not None:
        raise ConfigError(
            "--model names a model of a ledger, and no --ledger is given. Give one, or "
            "name a RUN."
        )
    given = [name for name, value in of_runs.items() if value is not None]
    if ledger is not None and given:
        raise ConfigError(
            f"--ledger watches forecasts whose prices have come, a RUN new prices: "
            f"{', '.join(given)} cannot be given with it. Give one or the other."
        )


def _watch_run(
    run: str | None,
    runs_dir: Path,
    dates: tuple[str | None, str | None],
    choice: tuple[str | None, Path | None, str | None, bool],
    as_json: bool,
) -> tuple[str, str]:
    """Watch a run, print the report, and return the verdict and whose it is."""
    from forecaster.cli.jobs import PriceChoice, prices_for
    from forecaster.monitor import monitor
    from forecaster.registry.loading import load_model

    forecaster, _ = load_model(run, runs_dir)
    prices = prices_for(forecaster.config, PriceChoice(*choice))
    report = monitor(forecaster, prices, start=dates[0], end=dates[1])
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    return report.verdict, report.ticker


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
