"""Refits: a small network trained again and again on a range that moves on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.case import Side
from benchmarks.settings import n_batches, reference_config, training_arrays
from benchmarks.stock import plain_keras

if TYPE_CHECKING:
    from forecaster.config import Config

N_REFITS, QUICK_REFITS = 100, 3
N_BEFORE, QUICK_BEFORE = 10, 1  # refits of the warm-up; memory is counted from there
N_STARTS = 20
SETTINGS = (
    "model.layers=[{cell='lstm', units=16, dropout=0.0}]",
    "window.lookback=20",
    "training.epochs=3",
)


def folds(quick: bool) -> list[Config]:
    """Return settings whose training years begin month after month.

    After the twentieth they begin again: what is counted is the number of refits.
    """
    chosen = []
    for number in range(N_STARTS):
        year, month = divmod(number, 12)
        first, last = f"{2012 + year}-{month + 1:02}-01", f"{2013 + year}"
        chosen.append(
            reference_config(
                quick,
                *SETTINGS,
                f"training.start={first}",
                f"training.end={last}-{month + 1:02}-01",
            )
        )
    return chosen


def ours(quick: bool) -> Side:
    """Build one compiled network and train it anew for every fold."""
    from forecaster.data.sources import load_prices
    from forecaster.models.refits import Refits
    from forecaster.training import train as train_one

    refits, configs = Refits(), folds(quick)
    prices, known = load_prices("GOOG"), {"n_steps": 0}

    def train(n_refits: int) -> None:
        known["n_steps"] = 0
        for number in range(n_refits):
            config = configs[number % N_STARTS]
            forecaster = train_one(prices, config, refits=refits, progress=False)
            known["n_steps"] += len(forecaster.history) * n_batches(
                forecaster.trained_on.n_windows, config.training.batch_size
            )
            known["n_parameters"] = forecaster.network.count_params()

    return _side(train, known, quick)


def keras(quick: bool) -> Side:
    """Build, compile and fit a fresh Keras model for every fold.

    The windows are cut beforehand: their preparation is on our account alone.
    """
    configs = folds(quick)
    arrays = [training_arrays(config) for config in configs]
    known = {"n_steps": 0}

    def train(n_refits: int) -> None:
        known["n_steps"] = 0
        for number in range(n_refits):
            config = configs[number % N_STARTS]
            model = plain_keras(config)
            model.fit(
                *arrays[number % N_STARTS],
                batch_size=config.training.batch_size,
                epochs=config.training.epochs,
                verbose=0,
            )
            known["n_steps"] += int(model.optimizer.iterations)
            known["n_parameters"] = model.count_params()

    return _side(train, known, quick)


def _side(train: Any, known: dict[str, int], quick: bool) -> Side:
    """Return a side whose warm-up is a few refits, counted for the comparison."""
    n_refits, n_before = (QUICK_REFITS, QUICK_BEFORE) if quick else (N_REFITS, N_BEFORE)
    return Side(
        run=lambda: train(n_refits),
        warm=lambda: train(n_before),
        facts=lambda: {**known, "n_refits": n_refits},
    )
