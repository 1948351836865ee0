"""`forecaster evaluate` and `plot`: what a finished run can tell of the past."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli.console import demand_skill, guarded, print_json
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    Offline,
    PriceFile,
    RequireSkill,
    RunName,
    RunsDir,
    SourceName,
    Ticker,
)
from forecaster.cli.trading import Costs, RuleChoice, Trade


@guarded
def evaluate_command(
    run: RunName = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="First session; the configured test range if left out."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last session.")
    ] = None,
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write predictions.csv and metrics.json here."
        ),
    ] = None,
    require_skill: RequireSkill = False,
    trade: Trade = False,
    rule: RuleChoice = None,
    costs: Costs = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Score a run's network on a range of sessions, beside the baselines.

    Examples:

      forecaster evaluate

      forecaster evaluate google --start 2018-01-01 --end 2018-12-31

      forecaster evaluate google --ticker AAPL --json

      forecaster evaluate google --trade --rule long_only --costs 10
    """
    from forecaster.cli.jobs import PriceChoice, prices_for
    from forecaster.cli.tables import print_evaluation
    from forecaster.cli.trading import TradeChoice, print_trading
    from forecaster.data.calendar import as_day
    from forecaster.jobs import write_evaluation
    from forecaster.registry.loading import load_model

    choice = TradeChoice(trade, rule, costs)
    choice.check()
    first = None if start is None else as_day(start).date()
    last = None if end is None else as_day(end).date()
    forecaster, _ = load_model(run, runs_dir)
    prices = prices_for(forecaster.config, PriceChoice(ticker, csv, source, offline))
    evaluation = forecaster.evaluate(prices, first, last)
    if out is not None:
        write_evaluation(evaluation, out)
    if not as_json:
        print_evaluation(evaluation)
    trading = choice.trade(evaluation.predictions, evaluation.target)
    if as_json:
        more = {} if trading is None else {"trading": trading.to_dict()}
        print_json(evaluation.to_dict() | more)
    else:
        print_trading(trading)
    if require_skill:
        demand_skill(evaluation.best_verdict.require_skill)


@guarded
def plot_command(
    run: RunName = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the pictures go; the run's own folder if left out.",
        ),
    ] = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Draw a run's pictures again: predicted against real prices, and the loss.

    Examples:

      forecaster plot

      forecaster plot google --out pictures
    """
    from forecaster.jobs import draw_run, redraw
    from forecaster.runs import find_run

    found = find_run(run, runs_dir)
    if out is None:
        paths = redraw(found)
    else:
        paths = draw_run(found.load_evaluation(), found.load_history(), out)
    if as_json:
        print_json({"pictures": [str(path) for path in paths]})
        return
    for path in paths:
        typer.echo(str(path))
