"""`forecaster explain`: which inputs and sessions a run's forecasts hang on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli.console import guarded, print_json, print_table
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
    import pandas as pd

    from forecaster.attributions import Attributions
    from forecaster.cli.jobs import PriceChoice
    from forecaster.forecasting import Forecaster
    from forecaster.preparing import Prices

    Fold = tuple[Forecaster, str | date | None, str | date | None]

COLUMNS = ("input", "read as", "loss grows", "spread", "ratio", "spread ")


@guarded
def explain_command(
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
            metavar="FOLDER",
            help="Where tables and pictures go; RUN.explain beside the run if left "
            "out.",
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Times that each input is scrambled.")
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the scrambling.")] = 0,
    baseline: Annotated[
        str, typer.Option(help="mean, zero or origin: what windows are compared with.")
    ] = "mean",
    steps: Annotated[
        int, typer.Option(min=1, help="Places on the way from the baseline.")
    ] = 64,
    windows: Annotated[
        int, typer.Option(min=1, help="Windows whose numbers are attributed to.")
    ] = 64,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Say which inputs a run's forecasts hang on, and which sessions of them.

    Writes importance.csv and attributions.csv with a picture of each, and
    explained.json, which says of which network; `forecaster report` shows them where
    they lie beside the run, so not those of `--out`. Importance is how much the loss
    grows when an input is exchanged between windows; attributions are integrated
    gradients of the next session's forecast. The folder of a walk-forward test will do
    for a run: each fold is then explained on its own test range, and the newest fold's
    forecasts are attributed.

    Examples:

      forecaster explain

      forecaster explain google --start 2018-01-01 --end 2018-12-31

      forecaster explain runs/walk-forward.backtest

      forecaster explain google --baseline origin --out pictures --json
    """
    from forecaster.cli.jobs import PriceChoice
    from forecaster.explain import integrated_gradients, permutation_importance

    # Before they are read: another network in their place is then noticed later.
    networks = _networks(run, runs_dir)
    folds = _folds(run, runs_dir, start, end)
    forecaster, first, last = folds[-1]
    prices = _prices(folds, PriceChoice(ticker, csv, source, offline))
    importance = permutation_importance(folds, prices, n_repeats=repeats, seed=seed)
    attributions = integrated_gradients(
        forecaster,
        _frame_of(prices, forecaster.config.data.ticker),
        start=first,
        end=last,
        n_steps=steps,
        baseline=baseline,
        n_windows=windows,
    )
    folder = _folder_beside(run, runs_dir) if out is None else out
    paths = _write(importance, attributions, networks, folder)
    if as_json:
        print_json(_document(importance, attributions, paths))
    else:
        _print(importance, paths)


def _folds(
    run: str | None, runs_dir: Path, start: str | None, end: str | None
) -> list[Fold]:
    """Return a run's Forecaster and its range, or those of a walk-forward test."""
    from forecaster.backtesting import load_folds
    from forecaster.registry.loading import load_model

    folder = _walked(run, runs_dir)
    if folder is None:
        return [(load_model(run, runs_dir)[0], start, end)]
    if start is not None or end is not None:
        raise typer.BadParameter(
            "the folds of a walk-forward test have their own ranges: leave out --start "
            "and --end"
        )
    return [*load_folds(folder)]


def _walked(run: str | None, runs_dir: Path) -> Path | None:
    """Return the folder of the walk-forward test that is named, if it is one."""
    from forecaster.backtesting import is_backtest

    places = [] if run is None else [Path(run), runs_dir / run]
    return next((place for place in places if is_backtest(place)), None)


def _prices(folds: list[Fold], choice: PriceChoice) -> Prices:
    """Return the prices of the one ticker, or of all that the folds were trained on."""
    from forecaster.cli.jobs import prices_for

    config = folds[-1][0].config
    tickers = dict.fromkeys(
        name for fold in folds for name in fold[0].config.data.tickers
    )
    if len(folds) == 1 or not tickers or choice.ticker or choice.path:
        return prices_for(config, choice)
    return {name: prices_for(config, replace(choice, ticker=name)) for name in tickers}


def _frame_of(prices: Prices, ticker: str) -> pd.DataFrame:
    from collections.abc import Mapping

    return prices[ticker] if isinstance(prices, Mapping) else prices


def _folder_of(run: str | None, runs_dir: Path) -> Path:
    """Return the folder of a walk-forward test, of a run, or of a bundle alone."""
    from forecaster.bundle import MANIFEST
    from forecaster.runs import find_run

    walked = _walked(run, runs_dir)
    if walked is not None:
        return walked.resolve()
    if run is not None and (Path(run) / MANIFEST).is_file():
        return Path(run).resolve()
    return find_run(run, runs_dir).folder


def _is_registered(run: str | None, runs_dir: Path) -> bool:
    from forecaster.registry.loading import is_reference

    return _walked(run, runs_dir) is None and is_reference(run)


def _folder_beside(run: str | None, runs_dir: Path) -> Path:
    """Return the folder for what is said of a model."""
    from forecaster.explain_files import folder_beside

    if _is_registered(run, runs_dir):
        return folder_beside(runs_dir / str(run))
    return folder_beside(_folder_of(run, runs_dir))


def _networks(run: str | None, runs_dir: Path) -> dict[str, str]:
    """Return the fingerprints of the networks that are explained."""
    from forecaster.explain_files import BUNDLE, networks_of
    from forecaster.registry.registry import Registry

    if _is_registered(run, runs_dir):
        return {BUNDLE: Registry.open().resolve(str(run)).fingerprint}
    return networks_of(_folder_of(run, runs_dir))


def _write(
    importance: pd.DataFrame,
    attributions: Attributions,
    networks: dict[str, str],
    folder: Path,
) -> list[Path]:
    from forecaster.explain_files import write_explained
    from forecaster.plotting import plot_attributions, plot_importance, save_figure

    table = attributions.mean_absolute
    paths = write_explained(folder, importance, table, networks)
    pictures = (
        save_figure(
            lambda ax: plot_importance(importance, ax), folder / "importance.png"
        ),
        save_figure(
            lambda ax: plot_attributions(attributions, ax), folder / "attributions.png"
        ),
    )
    return [*paths, *pictures]


def _document(
    importance: pd.DataFrame, attributions: Attributions, paths: list[Path]
) -> dict[str, Any]:
    import json

    from numpy import abs as size

    return {
        **{str(name): fact for name, fact in importance.attrs.items()},
        "importance": json.loads(importance.to_json(orient="records")),
        "attributions": {
            "baseline": attributions.baseline,
            "unit": attributions.unit,
            "n_windows": len(attributions.origins),
            "largest_gap": float(size(attributions.gap).max()),
            "by_feature": attributions.mean_absolute.sum().to_dict(),
        },
        "files": [str(path) for path in paths],
    }


def _print(importance: pd.DataFrame, paths: list[Path]) -> None:
    facts = importance.attrs
    rows = [
        {
            "input": row["feature"],
            "read as": row["kind"],
            "loss grows": f"{row['increase']:.4g}",
            "spread": f"{row['increase_spread']:.2g}",
            "ratio": f"{row['ratio']:.4g}",
            "spread ": f"{row['ratio_spread']:.2g}",
        }
        for row in importance.to_dict("records")
    ]
    title = f"{facts['ticker']} {facts['target']}, {facts['n_windows']} windows"
    print_table(rows, COLUMNS, title)
    typer.echo(
        f"{facts['loss']} {facts['base_loss']:.4g} with nothing scrambled; ratio: to "
        "that; an input that another can stand in for seems to matter little\n"
    )
    for path in paths:
        typer.echo(str(path))
