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
    from forecaster.attributions import integrated_gradients
    from forecaster.audit.findings import Audit
    from forecaster.audit.run import audit_pipeline
    from forecaster.backtest_scores import Backtest
    from forecaster.backtesting import run_backtest, walk_forward
    from forecaster.bundle import load_bundle, save_bundle
    from forecaster.config import Config, list_configs, load_config
    from forecaster.data.embedded import embedded_tickers
    from forecaster.data.sources import load_prices
    from forecaster.errors import ForecasterError, ForecastWarning, PriceWarning
    from forecaster.evaluation import Evaluation
    from forecaster.explain import permutation_importance
    from forecaster.forecast import Forecast
    from forecaster.forecasting import Forecaster
    from forecaster.jobs import run_training
    from forecaster.lag import Lag, detect_lag
    from forecaster.loading import load_prices_for
    from forecaster.paths import draw_paths
    from forecaster.plotting import (
        plot_forecast,
        plot_gradients,
        plot_history,
        plot_predictions,
    )
    from forecaster.plotting_explain import plot_attributions, plot_importance
    from forecaster.runs import Run, find_run, list_runs
    from forecaster.streaming import Stream
    from forecaster.trading import Trading, trade
    from forecaster.training import train
    from forecaster.tuning import Tuning, tune
    from forecaster.verdict import Verdict

_HOMES = {
    "Audit": "audit.findings",
    "Backtest": "backtest_scores",
    "Config": "config",
    "Evaluation": "evaluation",
    "Forecast": "forecast",
    "ForecastWarning": "errors",
    "Forecaster": "forecasting",
    "ForecasterError": "errors",
    "Lag": "lag",
    "PriceWarning": "errors",
    "Run": "runs",
    "Stream": "streaming",
    "Trading": "trading",
    "Tuning": "tuning",
    "Verdict": "verdict",
    "audit_pipeline": "audit.run",
    "detect_lag": "lag",
    "draw_paths": "paths",
    "embedded_tickers": "data.embedded",
    "find_run": "runs",
    "integrated_gradients": "attributions",
    "list_configs": "config",
    "list_runs": "runs",
    "load_bundle": "bundle",
    "load_config": "config",
    "load_prices": "data.sources",
    "load_prices_for": "loading",
    "permutation_importance": "explain",
    "plot_attributions": "plotting_explain",
    "plot_forecast": "plotting",
    "plot_gradients": "plotting",
    "plot_history": "plotting",
    "plot_importance": "plotting_explain",
    "plot_predictions": "plotting",
    "run_backtest": "backtesting",
    "run_training": "jobs",
    "save_bundle": "bundle",
    "trade": "trading",
    "train": "training",
    "tune": "tuning",
    "walk_forward": "backtesting",
}

__all__ = [
    "Audit",
    "Backtest",
    "Config",
    "Evaluation",
    "Forecast",
    "ForecastWarning",
    "Forecaster",
    "ForecasterError",
    "Lag",
    "PriceWarning",
    "Run",
    "Stream",
    "Trading",
    "Tuning",
    "Verdict",
    "audit_pipeline",
    "detect_lag",
    "draw_paths",
    "embedded_tickers",
    "find_run",
    "integrated_gradients",
    "list_configs",
    "list_runs",
    "load_bundle",
    "load_config",
    "load_prices",
    "load_prices_for",
    "permutation_importance",
    "plot_attributions",
    "plot_forecast",
    "plot_gradients",
    "plot_history",
    "plot_importance",
    "plot_predictions",
    "run_backtest",
    "run_training",
    "save_bundle",
    "trade",
    "train",
    "tune",
    "walk_forward",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecaster' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"forecaster.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
