"""Calibrating: the quantiles of out-of-fold forecasts, corrected by earlier ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.backtest_scores import MODEL, QUANTILE, UNCALIBRATED, levels_of
from forecaster.calibration import calibrate_online, fit_calibrator
from forecaster.calibration.conformal import Method
from forecaster.errors import DataError

SCALED: dict[str, Method] = {"split": "split", "cqr": "cqr-scaled"}


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
    if not levels or frame.loc[chosen, _names(levels)].isna().to_numpy().any():
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
    flat = rows[_names(levels)].to_numpy(dtype=float)
    quantiles: FloatArray = flat.reshape(-1, horizon, len(levels))
    if method == "adaptive":
        quantiles = calibrate_online(actual, quantiles, levels).quantiles
    else:
        folds = rows["fold"].to_numpy()[::horizon]
        quantiles = _by_folds(actual, quantiles, levels, folds, method)
    corrected = rows.copy()
    corrected[_names(levels)] = quantiles.reshape(-1, len(levels))
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
        try:
            calibrator = fit_calibrator(
                SCALED[method],
                actual[known],
                quantiles[known],
                levels,
                scale=_width(quantiles[known]) if method == "split" else None,
                symmetric=_mirrored(levels),
            )
        except DataError:  # too few forecasts before it
            continue
        scale = _width(quantiles[inside]) if method == "split" else None
        corrected[inside] = calibrator.apply(quantiles[inside], scale=scale)
    return corrected


def _width(quantiles: FloatArray) -> FloatArray:
    """Return the log distance between the outermost quantiles of each step."""
    return np.asarray(np.log(quantiles[..., -1] / quantiles[..., 0]))


def _mirrored(levels: Sequence[float]) -> bool:
    return bool(np.allclose(np.add(levels, levels[::-1]), 1.0))


def _names(levels: Sequence[float]) -> list[str]:
    return [f"{QUANTILE}{level:g}" for level in levels]
