"""`forecaster backtest`: a walk-forward test, fold after fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli.console import guarded, print_json, say
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    ConfigName,
    Offline,
    Overrides,
    PriceFile,
    RequireSkill,
    RunsDir,
    SourceName,
    Ticker,
)
from forecaster.errors import NoSkill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forecaster.backtest_scores import Backtest


@guarded
def backtest_command(
    config: ConfigName = "walk-forward",
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    overrides: Overrides = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trainings at once, each in its own process.")
    ] = 1,
    name: Annotated[
        str | None, typer.Option(help="Name of the folder; else that of the settings.")
    ] = None,
    require_skill: RequireSkill = False,
    runs_dir: RunsDir = RUNS_DIR,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train and test fold after fold, and put the model beside the baselines.

    Each fold trains on sessions before its test range alone, from fresh weights. The
    walk leads through the test range of the settings; [backtest] says how. Everything
    is kept in NAME.backtest beside the runs, and the same command goes on after a stop.

    Examples:

      forecaster backtest

      forecaster backtest google --set backtest.stride=quarter --set training.epochs=10

      forecaster backtest mine.toml --csv prices.csv --workers 2
    """
    from forecaster.backtesting import SUFFIX, run_backtest
    from forecaster.cli.jobs import PriceChoice, load_job

    changes = [*(overrides or []), *([f"name={name!r}"] if name is not None else [])]
    settings, prices = load_job(
        config, changes, PriceChoice(ticker, csv, source, offline)
    )
    folder = runs_dir / f"{settings.name}{SUFFIX}"
    try:
        backtest = run_backtest(
            prices, settings, folder=folder, n_workers=workers, progress=not quiet
        )
    except KeyboardInterrupt:
        say("stopped. Finished folds are kept: the same command goes on after them.")
        raise
    if as_json:
        print_json({"folder": str(folder), **backtest.to_dict()})
    else:
        _report(backtest, folder)
    if require_skill:
        demand_skill(backtest.best_verdict.require_skill)


def demand_skill(require: Callable[[], None]) -> None:
    """End with the code of `NoSkill` if it is raised, after all else was printed.

    The result is the one document of stdout, so this prints no error document.
    """
    try:
        require()
    except NoSkill as error:
        say(f"error: {error}")
        raise typer.Exit(error.exit_code) from None


def _report(backtest: Backtest, folder: Path) -> None:
    from forecaster.cli.tables import print_backtest

    print_backtest(backtest)
    typer.echo(f"kept in: {folder}")
