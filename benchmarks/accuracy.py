"""Accuracy: whether the fast layers forecast as well as the stock ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from itertools import count

from benchmarks.case import Facts, Side
from benchmarks.settings import reference_config

N_SEEDS = 5
Layers = Callable[[], contextlib.AbstractContextManager[object]]


def ours(quick: bool) -> Side:
    """Build the reference run, one seed after the other."""
    return _runs(quick, contextlib.nullcontext)


def stock(quick: bool) -> Side:
    """Build the same with the stock layers of Keras."""
    from forecaster.models.backend import stock_layers

    return _runs(quick, stock_layers)


def _runs(quick: bool, layers: Layers) -> Side:
    from forecaster.data.sources import load_prices
    from forecaster.training import train

    prices, seeds = load_prices("GOOG"), count()
    overrides = ["training.epochs=1"] if quick else []

    def run() -> Facts:
        seed = next(seeds)
        config = reference_config(quick, *overrides, f"training.seed={seed}")
        with layers():
            forecaster = train(prices, config, progress=False)
            score = forecaster.evaluate(prices).rmse_ratio
        return {"seed": seed, "score": score}

    return Side(run, warm=lambda: None)
