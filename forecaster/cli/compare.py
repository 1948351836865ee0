"""`forecaster compare`: several settings, trained alike, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli import console
from forecaster.cli.console import demand_skill, guarded, print_json, say
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    CalendarChange,
    Offline,
    Overrides,
    PriceFile,
    RequireSkill,
    RunsDir,
    SourceName,
    Ticker,
    changes_of,
    complete_configs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from forecaster.cli.jobs import PriceChoice
    from forecaster.comparing import Job
    from forecaster.config import Config


@guarded
def compare_command(
    configs: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIG...",
            help="Shipped settings by name, or TOML files.",
            autocompletion=complete_configs,
        ),
    ],
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Train with each; else their own seed."),
    ] = None,
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: CalendarChange = None,
    overrides: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Set training.epochs.")] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the comparison; else made of the settings'."),
    ] = None,
    runs_dir: RunsDir = RUNS_DIR,
    require_skill: RequireSkill = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train several settings and put them in one table with the baselines.

    Each training leaves its own run, such as google-seed-1. A finished run of the same
    settings, seed and prices is reused, and an unfinished one goes on: what was
    interrupted continues with the same command. A training that fails does not stop
    the others: the command then ends with code 5, or with the failure's own code if
    none came through. The table is kept in NAME.comparison beside the runs.

    Examples:

      forecaster compare google mine.toml --seeds 0,1,2

      forecaster compare google mine.toml --epochs 20 --ticker AAPL
    """
    from forecaster.cli.jobs import PriceChoice
    from forecaster.cli.tables import print_comparison
    from forecaster.comparison import compare, load_configs
    from forecaster.comparison_files import comparison_folder, save_comparison

    wanted = _seeds(seeds)
    changes = changes_of(overrides, calendar)
    changes += [f"training.epochs={epochs}"] if epochs is not None else []
    loaded = load_configs(configs, changes)
    choice = PriceChoice(ticker, csv, source, offline)
    request = {
        "settings": {config.name: config.resolved() for config in loaded},
        "seeds": wanted,
        "prices": {"ticker": ticker, "csv": csv, "source": source},
    }
    title = name or "-".join(config.name for config in loaded)
    exact = name is not None
    folder = comparison_folder(runs_dir, title, request, exact=exact)
    try:
        comparison = compare(
            _jobs(loaded, changes, choice),
            runs_dir=runs_dir,
            now=console.now,
            seeds=wanted,
            progress=not quiet,
            tell=(lambda _: None) if quiet else say,
        )
    except KeyboardInterrupt:
        say("stopped. The same command goes on with what is left.")
        raise
    kept = len(comparison.failed) < len(comparison.trials)
    if kept:
        save_comparison(comparison, folder, request)
    for trial in comparison.failed:
        say(f"error: {trial.name}, seed {trial.seed}: {trial.failure}")
    if as_json:
        place = str(folder) if kept else None
        print_json({"comparison": place, **comparison.to_dict()})
    else:
        print_comparison(comparison)
        typer.echo(f"kept in: {folder}" if kept else "nothing was kept")
    if comparison.failed:
        raise typer.Exit(comparison.exit_code)
    if require_skill:
        demand_skill(comparison.require_skill)


def _seeds(text: str | None) -> list[int]:
    if text is None:
        return []
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise typer.BadParameter(
            f"want whole numbers with commas between, such as 0,1,2; got '{text}'",
            param_hint="--seeds",
        )
    return list(dict.fromkeys(int(part) for part in parts))


def _jobs(
    configs: Sequence[Config], changes: list[str], choice: PriceChoice
) -> list[Job]:
    """Read the prices of all settings; what several share is read once."""
    from forecaster.cli.jobs import prices_for, with_prices
    from forecaster.comparing import Job
    from forecaster.errors import ForecasterError

    known: dict[str, pd.DataFrame | ForecasterError] = {}

    def read(config: Config, choice: PriceChoice) -> pd.DataFrame:
        data = config.data.model_copy(update={"target": "close"})
        # Companions and a file's own columns are loaded with the prices.
        named = (*config.features.columns, *config.features.static)
        key = f"{data!r} {named} {choice}"
        if key not in known:
            try:
                known[key] = prices_for(config, choice)
            except ForecasterError as error:
                known[key] = error
        found = known[key]
        if isinstance(found, ForecasterError):
            raise found
        return found

    jobs = []
    for config in configs:
        try:
            jobs.append(Job(*with_prices(config, changes, choice, read)))
        except ForecasterError as error:
            jobs.append(Job(config, error))
    return jobs
