"""Plotting: each function draws what it is given on an axis, and computes nothing.

Every function takes data and an optional axis, and returns the axis. Without one it
makes a figure of pyplot, which its caller closes. What the figures show is computed by
`forecaster.diagnostics`, `forecaster.reliability` and the objects themselves.
"""

from forecaster.plotting.backtests import draw_backtest, plot_advantage, plot_folds
from forecaster.plotting.errors import plot_correlations, plot_errors, plot_lag
from forecaster.plotting.explanations import plot_attributions, plot_importance
from forecaster.plotting.forecasts import plot_candles, plot_forecast
from forecaster.plotting.learning import (
    GRADIENT,
    plot_gradients,
    plot_histories,
    plot_history,
)
from forecaster.plotting.predictions import plot_predictions, plot_residuals, plot_walk
from forecaster.plotting.ratios import plot_ratios
from forecaster.plotting.reliability import plot_calibration, plot_coverage, plot_pit
from forecaster.plotting.saving import draw_bytes, save_figure
from forecaster.plotting.style import style, use_style

__all__ = [
    "GRADIENT",
    "draw_backtest",
    "draw_bytes",
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
    "save_figure",
    "style",
    "use_style",
]
