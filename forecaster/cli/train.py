"""`forecaster train`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli import console
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

if TYPE_CHECKING:
    from forecaster.runfolder import Existing
    from forecaster.runs import Run


@guarded
def train_command(
    context: typer.Context,
    config: ConfigName = "google",
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: CalendarChange = None,
    overrides: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Set training.epochs.")] = None,
    seed: Annotated[int | None, typer.Option(help="Set training.seed.")] = None,
    watch_gradients: Annotated[
        bool,
        typer.Option(
            "--watch-gradients",
            help="Record and draw the norm of each layer's gradient.",
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Exact name of the run's folder.")
    ] = None,
    runs_dir: RunsDir = RUNS_DIR,
    resume: Annotated[
        bool, typer.Option(help="Go on with an unfinished run of the same settings.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option(help="Replace the run of this name.")
    ] = False,
    require_skill: RequireSkill = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network, test it beside the baselines, and keep everything.

    Leaves a folder with the bundle, predictions, scores and pictures. Without
    settings it makes the reference run: Google, trained on 2012-2016, tested on 2017.
    Prices of another ticker than that of the settings name the run: MINE-own-close.

    Examples:

      forecaster train

      forecaster train own-close --csv mine.csv

      forecaster train --set data.target=open --epochs 20

      forecaster train --csv prices.csv --set training.start=2015-01-01

      forecaster train --resume
    """
    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite exclude each other")
    _refuse_further(config, context.args)
    from forecaster.cli.jobs import PriceChoice, load_job, named_after_prices
    from forecaster.jobs import run_training

    changes = changes_of(overrides, calendar)
    changes += [f"training.epochs={epochs}"] if epochs is not None else []
    changes += [f"training.seed={seed}"] if seed is not None else []
    changes += ["training.watch_gradients=true"] if watch_gradients else []
    settings, prices = load_job(
        config, changes, PriceChoice(ticker, csv, source, offline)
    )
    settings = named_after_prices(settings, config)
    existing: Existing = "resume" if resume else "replace" if overwrite else "keep"
    try:
        run = run_training(
            prices,
            settings,
            runs_dir=runs_dir,
            created=console.now(),
            name=name,
            existing=existing,
            progress=not quiet,
        )
    except KeyboardInterrupt as stopped:
        say(" ".join(["stopped.", *getattr(stopped, "__notes__", [])]))
        raise
    _report(run, as_json=as_json)
    if require_skill:
        demand_skill(run.load_evaluation().best_verdict.require_skill)


def _refuse_further(config: str, words: list[str]) -> None:
    """Refuse words behind the settings, with what they were probably meant for."""
    from forecaster.config.files import PRICE_FILES

    if not words:
        return
    meant = f"what is meant by {' '.join(words)}? "
    if words[0].lower().endswith(PRICE_FILES):
        cure = f"Prices are given as in `forecaster train {config} --csv {words[0]}`."
    else:
        cure = "Prices are given with `--csv`, and settings changed with `--set`."
    raise typer.BadParameter(meant + cure)


def _report(run: Run, *, as_json: bool) -> None:
    from forecaster.cli.tables import print_evaluation
    from forecaster.runs import BUNDLE, GRADIENTS_PICTURE, PREDICTIONS_PICTURE

    if as_json:
        print_json({"run": str(run.folder), **run.record})
        return
    print_evaluation(run.load_evaluation())
    typer.echo(f"plot:   {run.folder / PREDICTIONS_PICTURE}")
    if GRADIENTS_PICTURE in run.record["files"]:
        typer.echo(f"        {run.folder / GRADIENTS_PICTURE}")
    typer.echo(f"bundle: {run.folder / BUNDLE}")
