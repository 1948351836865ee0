"""Metrics: pure functions of arrays, actual before predicted."""

from forecaster.metrics.direction import directional_accuracy, majority_rate
from forecaster.metrics.distributions import (
    central_intervals,
    coverage,
    crps,
    crps_of,
    crps_samples,
    interval_score,
    pinball,
    pinball_losses,
)
from forecaster.metrics.points import mae, mape, mase, r2_returns, rmse, rmsse, smape
from forecaster.metrics.table import score_steps
from forecaster.metrics.transform import PitHistogram, pit, pit_histogram

__all__ = [
    "PitHistogram",
    "central_intervals",
    "coverage",
    "crps",
    "crps_of",
    "crps_samples",
    "directional_accuracy",
    "interval_score",
    "mae",
    "majority_rate",
    "mape",
    "mase",
    "pinball",
    "pinball_losses",
    "pit",
    "pit_histogram",
    "r2_returns",
    "rmse",
    "rmsse",
    "score_steps",
    "smape",
]
