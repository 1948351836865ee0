"""Calibration: forecast quantiles put right by the errors of earlier forecasts.

Everything here learns from forecasts of prices that the model was not trained on
(walk-forward, out of fold); errors on training prices are too small to learn from.
Each step of the horizon is put right by itself, in log price.
"""

from forecaster.calibration.conformal import Calibrator, fit_calibrator
from forecaster.calibration.intervals import Interval, intervals, pits
from forecaster.calibration.online import (
    OnlineCalibration,
    OnlineRule,
    calibrate_online,
)

__all__ = [
    "Calibrator",
    "Interval",
    "OnlineCalibration",
    "OnlineRule",
    "calibrate_online",
    "fit_calibrator",
    "intervals",
    "pits",
]
