"""Forecast stock prices with Keras recurrent networks, and say what they are worth.

>>> import forecaster as fc
>>> prices = fc.load_prices("GOOG")
>>> run = fc.train(prices, fc.load_config("google"))  # doctest: +SKIP
>>> run.evaluate(prices)  # doctest: +SKIP

Names are imported when they are first used, so that importing the package is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecaster.bundle import load_bundle, save_bundle
    from forecaster.config import Config, list_configs, load_config
    from forecaster.data.embedded import embedded_tickers
    from forecaster.data.sources import load_prices
    from forecaster.errors import ForecasterError, ForecastWarning, PriceWarning
    from forecaster.evaluation import Evaluation
    from forecaster.forecast import Forecast
    from forecaster.forecasting import Forecaster
    from forecaster.jobs import run_training
    from forecaster.loading import load_prices_for
    from forecaster.plotting import (
        plot_forecast,
        plot_gradients,
        plot_history,
        plot_predictions,
    )
    from forecaster.runs import Run, find_run, list_runs
    from forecaster.streaming import Stream
    from forecaster.training import train
    from forecaster.tuning import Tuning, tune
    from forecaster.verdict import Verdict

_HOMES = {
    "Config": "config",
    "Evaluation": "evaluation",
    "Forecast": "forecast",
    "ForecastWarning": "errors",
    "Forecaster": "forecasting",
    "ForecasterError": "errors",
    "PriceWarning": "errors",
    "Run": "runs",
    "Stream": "streaming",
    "Tuning": "tuning",
    "Verdict": "verdict",
    "embedded_tickers": "data.embedded",
    "find_run": "runs",
    "list_configs": "config",
    "list_runs": "runs",
    "load_bundle": "bundle",
    "load_config": "config",
    "load_prices": "data.sources",
    "load_prices_for": "loading",
    "plot_forecast": "plotting",
    "plot_gradients": "plotting",
    "plot_history": "plotting",
    "plot_predictions": "plotting",
    "run_training": "jobs",
    "save_bundle": "bundle",
    "train": "training",
    "tune": "tuning",
}

__all__ = [
    "Config",
    "Evaluation",
    "Forecast",
    "ForecastWarning",
    "Forecaster",
    "ForecasterError",
    "PriceWarning",
    "Run",
    "Stream",
    "Tuning",
    "Verdict",
    "embedded_tickers",
    "find_run",
    "list_configs",
    "list_runs",
    "load_bundle",
    "load_config",
    "load_prices",
    "load_prices_for",
    "plot_forecast",
    "plot_gradients",
    "plot_history",
    "plot_predictions",
    "run_training",
    "save_bundle",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecaster' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"forecaster.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
