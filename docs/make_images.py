"""Make the pictures of README and docs from real runs on the embedded prices.

Run from the root of the repository::

    python docs/make_images.py [--runs runs]

Runs that are there already are used, and what is missing is trained: about ten minutes
on two cores. A run of the same name must be one of the shipped settings.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

import forecaster as fc
from forecaster.backtesting import SUFFIX, load_folds
from forecaster.config import Config
from forecaster.errors import RunNotFound
from forecaster.plotting import (
    plot_advantage,
    plot_attributions,
    plot_coverage,
    plot_forecast,
    plot_importance,
    plot_predictions,
    plot_ratios,
    save_figure,
)
from forecaster.runs import Run

IMAGES = Path(__file__).parent / "images"
FAN = (
    'name="google-fan"',
    "window.horizon=10",
    'calibration.method="adaptive"',
    "model.members=1",
)
WALK = "walk-forward"
LEVELS, ORIGIN = (0.5, 0.8, 0.95), "2017-12-29"
UNIT = "US dollars"


def main() -> None:
    """Train what is missing, and write every picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"), metavar="DIR")
    runs_dir = parser.parse_args().runs
    for draw in (draw_google, draw_fan, draw_walk_forward, draw_explanations):
        print(*draw(runs_dir), sep="\n")  # noqa: T201


def draw_google(runs_dir: Path) -> list[Path]:
    """Draw what the reference run predicted of 2017."""
    evaluation = trained(fc.load_config("google"), runs_dir).load_evaluation()
    prices = fc.load_prices("GOOG")
    return [
        save_figure(
            lambda ax: plot_predictions(evaluation, ax, prices=prices, unit=UNIT),
            IMAGES / "predicted-vs-real.png",
        )
    ]


def draw_fan(runs_dir: Path) -> list[Path]:
    """Draw a forecast of ten sessions with its intervals and paths."""
    run = trained(fc.load_config("google-quantiles", list(FAN)), runs_dir)
    prices = fc.load_prices("GOOG")
    forecast = run.load().predict(prices, as_of=ORIGIN, levels=LEVELS)
    return [
        save_figure(
            lambda ax: plot_forecast(forecast, prices, ax, unit=UNIT),
            IMAGES / "forecast-fan.png",
        )
    ]


def draw_walk_forward(runs_dir: Path) -> list[Path]:
    """Draw what the walk-forward test of six tickers found."""
    config = fc.load_config(WALK)
    prices = {ticker: fc.load_prices(ticker) for ticker in config.data.tickers}
    backtest = fc.run_backtest(prices, config, folder=runs_dir / f"{WALK}{SUFFIX}")
    held, gains = fc.coverage_by_year(backtest), fc.gains_by_origin(backtest)
    verdicts = {
        "all tickers and years": backtest.best_verdict,
        **fc.verdicts_by(backtest, "ticker"),
        **fc.verdicts_by(backtest, "year"),
    }
    return [
        save_figure(
            lambda ax: plot_coverage(held, ax),
            IMAGES / "walk-forward-coverage.png",
        ),
        save_figure(
            lambda ax: plot_advantage(gains, ax), IMAGES / "walk-forward-gain.png"
        ),
        save_figure(
            lambda ax: plot_ratios(verdicts, ax), IMAGES / "walk-forward-ratios.png"
        ),
    ]


def draw_explanations(runs_dir: Path) -> list[Path]:
    """Draw which inputs the networks of the walk-forward test hang on, for Google."""
    folds = load_folds(runs_dir / f"{WALK}{SUFFIX}")
    prices = fc.load_prices("GOOG")
    importance = fc.permutation_importance(folds, prices)
    newest, start, end = folds[-1]
    attributions = fc.integrated_gradients(newest, prices, start=start, end=end)
    return [
        save_figure(
            lambda ax: plot_importance(importance, ax), IMAGES / "importance.png"
        ),
        save_figure(
            lambda ax: plot_attributions(attributions, ax), IMAGES / "attributions.png"
        ),
    ]


def trained(config: Config, runs_dir: Path) -> Run:
    """Return the run of some settings, trained if it is not there."""
    try:
        return fc.find_run(config.name, runs_dir)
    except RunNotFound:
        prices = fc.load_prices(config.data.ticker)
        return fc.run_training(
            prices, config, runs_dir=runs_dir, created=datetime.now().astimezone()
        )


if __name__ == "__main__":
    main()
