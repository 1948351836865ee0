"""Calibrating: the quantiles of out-of-fold forecasts, corrected by earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.backtest_losses import levels_of
from forecaster.backtest_scores import MODEL, UNCALIBRATED
from forecaster.calibration import OnlineRule, calibrate_online
from forecaster.correcting import METHODS, correct_once, mirrored, quantile_names
from forecaster.errors import DataError


def calibrate_frame(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """Correct the model's quantiles in the long frame of a walk-forward test.

    Parameters
    ----------
    frame
        See `forecaster.backtest.walk`.
    method
        `adaptive` follows each ticker through time, and a forecast is corrected by
        those alone whose price was known at its origin. `split` and `cqr` correct a
        fold by all folds before it; the first fold, or one with too little before it,
        stays as it is. `none` does nothing.

    Returns
    -------
    DataFrame
        The same, with the forecasts as they were under the name `uncalibrated`.

    Raises
    ------
    DataError
        If the model has no quantiles.
    """
    if method == "none":
        return frame
    levels = levels_of(frame)
    chosen = frame["model"] == MODEL
    if not levels or frame.loc[chosen, quantile_names(levels)].isna().to_numpy().any():
        raise DataError(
            "calibration needs quantiles: set model.head to quantiles or student_t, or "
            "calibration.method to none."
        )
    raw = frame[chosen].assign(model=UNCALIBRATED)
    parts = [
        _calibrated(rows, levels, method) for _, rows in frame[chosen].groupby("ticker")
    ]
    return pd.concat([*parts, raw, frame[~chosen]], ignore_index=True)


def _calibrated(
    rows: pd.DataFrame, levels: Sequence[float], method: str
) -> pd.DataFrame:
    """Return one ticker's rows with corrected quantiles."""
    rows = rows.sort_values(["origin", "step"])
    horizon = int(rows["step"].max())
    actual = rows["actual"].to_numpy(dtype=float).reshape(-1, horizon)
    flat = rows[quantile_names(levels)].to_numpy(dtype=float)
    quantiles: FloatArray = flat.reshape(-1, horizon, len(levels))
    if method == "adaptive":
        rule = OnlineRule(symmetric=mirrored(levels))
        quantiles = calibrate_online(actual, quantiles, levels, rule=rule).quantiles
    else:
        folds = rows["fold"].to_numpy()[::horizon]
        quantiles = _by_folds(actual, quantiles, levels, folds, method)
    corrected = rows.copy()
    corrected[quantile_names(levels)] = quantiles.reshape(-1, len(levels))
    return corrected


def _by_folds(
    actual: FloatArray,
    quantiles: FloatArray,
    levels: Sequence[float],
    folds: np.ndarray,
    method: str,
) -> FloatArray:
    """Correct each fold by the forecasts whose last price was known before it."""
    horizon, corrected = actual.shape[1], quantiles.copy()
    for fold in np.unique(folds)[1:]:
        inside = folds == fold
        known = slice(0, max(int(np.argmax(inside)) - horizon + 1, 0))
        past = actual[known], quantiles[known]
        try:
            corrected[inside] = correct_once(
                quantiles[inside], *past, METHODS[method], levels
            )
        except DataError:  # too few forecasts before it
            continue
    return corrected
