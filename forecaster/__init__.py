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
    from forecaster.data.dating import with_dates
    from forecaster.data.embedded import embedded_tickers
    from forecaster.data.sources import load_prices
    from forecaster.diagnostics import (
        correlations_by_shift,
        errors_by_step,
        gains_by_origin,
        residuals_by_session,
        verdicts_by,
    )
    from forecaster.errors import (
        ForecasterError,
        ForecastWarning,
        PriceWarning,
        RunWarning,
    )
    from forecaster.evaluation import Evaluation
    from forecaster.explain import permutation_importance
    from forecaster.forecast import Forecast
    from forecaster.forecasting import Forecaster
    from forecaster.jobs import run_training
    from forecaster.lag import Lag, detect_lag
    from forecaster.loading import load_prices_for
    from forecaster.outoffold import train_calibrated
    from forecaster.paths import draw_paths
    from forecaster.plotting import (
        plot_advantage,
        plot_attributions,
        plot_calibration,
        plot_candles,
        plot_correlations,
        plot_coverage,
        plot_errors,
        plot_folds,
        plot_forecast,
        plot_gradients,
        plot_histories,
        plot_history,
        plot_importance,
        plot_lag,
        plot_pit,
        plot_predictions,
        plot_ratios,
        plot_residuals,
        plot_walk,
        use_style,
    )
    from forecaster.reliability import coverage_by_level, coverage_by_year, pit_by_bin
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
    "RunWarning": "errors",
    "Stream": "streaming",
    "Trading": "trading",
    "Tuning": "tuning",
    "Verdict": "verdict",
    "audit_pipeline": "audit.run",
    "correlations_by_shift": "diagnostics",
    "coverage_by_level": "reliability",
    "coverage_by_year": "reliability",
    "detect_lag": "lag",
    "draw_paths": "paths",
    "embedded_tickers": "data.embedded",
    "errors_by_step": "diagnostics",
    "find_run": "runs",
    "gains_by_origin": "diagnostics",
    "integrated_gradients": "attributions",
    "list_configs": "config",
    "list_runs": "runs",
    "load_bundle": "bundle",
    "load_config": "config",
    "load_prices": "data.sources",
    "load_prices_for": "loading",
    "permutation_importance": "explain",
    "pit_by_bin": "reliability",
    "plot_advantage": "plotting",
    "plot_attributions": "plotting",
    "plot_calibration": "plotting",
    "plot_candles": "plotting",
    "plot_correlations": "plotting",
    "plot_coverage": "plotting",
    "plot_errors": "plotting",
    "plot_folds": "plotting",
    "plot_forecast": "plotting",
    "plot_gradients": "plotting",
    "plot_histories": "plotting",
    "plot_history": "plotting",
    "plot_importance": "plotting",
    "plot_lag": "plotting",
    "plot_pit": "plotting",
    "plot_predictions": "plotting",
    "plot_ratios": "plotting",
    "plot_residuals": "plotting",
    "plot_walk": "plotting",
    "residuals_by_session": "diagnostics",
    "run_backtest": "backtesting",
    "run_training": "jobs",
    "save_bundle": "bundle",
    "trade": "trading",
    "train": "training",
    "train_calibrated": "outoffold",
    "tune": "tuning",
    "use_style": "plotting",
    "verdicts_by": "diagnostics",
    "walk_forward": "backtesting",
    "with_dates": "data.dating",
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
    "RunWarning",
    "Stream",
    "Trading",
    "Tuning",
    "Verdict",
    "audit_pipeline",
    "correlations_by_shift",
    "coverage_by_level",
    "coverage_by_year",
    "detect_lag",
    "draw_paths",
    "embedded_tickers",
    "errors_by_step",
    "find_run",
    "gains_by_origin",
    "integrated_gradients",
    "list_configs",
    "list_runs",
    "load_bundle",
    "load_config",
    "load_prices",
    "load_prices_for",
    "permutation_importance",
    "pit_by_bin",
    "plot_advantage",
    "plot_attributions",
    "plot_calibration",
    "plot_candles",
    "plot_correlations",
    "plot_coverage",
    "plot_errors",
    "plot_folds",
    "plot_forecast",
    "plot_gradients",
    "plot_histories",
    "plot_history",
    "plot_importance",
    "plot_lag",
    "plot_pit",
    "plot_predictions",
    "plot_ratios",
    "plot_residuals",
    "plot_walk",
    "residuals_by_session",
    "run_backtest",
    "run_training",
    "save_bundle",
    "trade",
    "train",
    "train_calibrated",
    "tune",
    "use_style",
    "verdicts_by",
    "walk_forward",
    "with_dates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forecaster' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"forecaster.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
