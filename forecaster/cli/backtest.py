"""`forecaster backtest`: a walk-forward test, fold after fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli.console import demand_skill, guarded, print_json, say
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    CalendarChange,
    ConfigName,
    Offline,
    Overrides,
    PriceFile,
    RequireSkill,
    RunsDir,
    SourceName,
    Ticker,
    changes_of,
)
from forecaster.cli.trading import Costs, RuleChoice, Trade

if TYPE_CHECKING:
    from pathlib import Path

    from forecaster.backtest_scores import Backtest
    from forecaster.trading import Trading


@guarded
def backtest_command(
    config: ConfigName = "walk-forward",
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: CalendarChange = None,
    overrides: Overrides = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Trainings at once, each in its own process.")
    ] = 1,
    name: Annotated[
        str | None, typer.Option(help="Name of the folder; else that of the settings.")
    ] = None,
    require_skill: RequireSkill = False,
    trade: Trade = False,
    rule: RuleChoice = None,
    costs: Costs = None,
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

      forecaster backtest mine.toml --csv prices.csv --workers 2 --trade
    """
    from forecaster.backtest_scores import MODEL
    from forecaster.backtesting import SUFFIX, run_backtest
    from forecaster.cli.jobs import PriceChoice, load_job
    from forecaster.cli.trading import TradeChoice
    from forecaster.plotting import draw_backtest

    choice = TradeChoice(trade, rule, costs)
    choice.check()
    changes = changes_of(overrides, calendar)
    changes += [f"name={name!r}"] if name is not None else []
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
    pictures = draw_backtest(backtest, folder)
    rows = backtest.frame[backtest.frame["model"] == MODEL]
    trading = choice.trade(rows, settings.data.target)
    if as_json:
        more = {} if trading is None else {"trading": trading.to_dict()}
        print_json({"folder": str(folder), **backtest.to_dict(), **more})
    else:
        _report(backtest, trading, folder, pictures)
    if require_skill:
        demand_skill(backtest.best_verdict.require_skill)


def _report(
    backtest: Backtest, trading: Trading | None, folder: Path, pictures: list[Path]
) -> None:
    from forecaster.cli.tables import print_backtest
    from forecaster.cli.trading import print_trading

    print_backtest(backtest)
    print_trading(trading)
    for path in pictures:
        typer.echo(f"plot:    {path}")
    typer.echo(f"kept in: {folder}")
