"""`forecaster tune`: a search for better settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli.console import guarded, print_json, print_table, say
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    CalendarChange,
    ConfigName,
    Offline,
    Overrides,
    PriceFile,
    RunsDir,
    SourceName,
    Ticker,
    changes_of,
)

if TYPE_CHECKING:
    from forecaster.tuning import Tuning

N_SHOWN = 10


@guarded
def tune_command(
    config: ConfigName,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in all, finished ones included.")
    ] = 20,
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: CalendarChange = None,
    overrides: Overrides = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the search's folder.")
    ] = None,
    runs_dir: RunsDir = RUNS_DIR,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search the settings of [tuning.space], inside the training range alone.

    Each trial trains on the earlier part of the training range and is scored on the
    rest; the test range is never touched. The trials and the best settings lie in
    NAME.tuning; the same command goes on after the trials that are there.

    Examples:

      forecaster tune my.toml --trials 30

      forecaster train runs/my.tuning/best.toml
    """
    from forecaster.cli.jobs import PriceChoice, load_job
    from forecaster.preparing import only_frame
    from forecaster.tuning import tune

    changes = changes_of(overrides, calendar)
    changes += [f"name={name!r}"] if name is not None else []
    settings, prices = load_job(
        config, changes, PriceChoice(ticker, csv, source, offline)
    )
    try:
        tuning = tune(
            only_frame(prices),
            settings,
            folder=runs_dir / f"{settings.name}.tuning",
            n_trials=trials,
            progress=not quiet,
        )
    except KeyboardInterrupt:
        say("stopped. Finished trials are kept: the same command goes on after them.")
        raise
    if as_json:
        print_json(tuning.to_dict())
    else:
        _report(tuning)


def _report(tuning: Tuning) -> None:
    names = list(tuning.chosen)
    ranked = tuning.trials.dropna(subset="score").sort_values(
        ["score", "trial"], kind="stable"
    )
    rows = [
        {str(name): _text(value) for name, value in row.items()}
        for row in ranked.head(N_SHOWN).astype(object).to_dict(orient="records")
    ]
    n_trials, n_failed = len(tuning.trials), len(tuning.trials) - len(ranked)
    failed = f", {n_failed} of them failed" if n_failed else ""
    print_table(
        rows,
        ("trial", "score", *names),
        f"best of {n_trials} trials{failed}",
    )
    typer.echo("score: RMSE over that of last value, on the validation slice\n")
    typer.echo(f"Best score {tuning.score:.4g} in {n_trials} trials. {tuning.caution}")
    typer.echo(f"best settings: {tuning.best_path}")
    typer.echo(f"next:          forecaster train {tuning.best_path}")
    reasons = tuning.trials.loc[tuning.trials["state"] == "failed", "reason"]
    for reason, count in reasons.value_counts().items():
        say(f"warning: {count} of {n_trials} trials failed: {reason}")


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
