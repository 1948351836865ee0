"""Correcting: a network's quantiles, put right by forecasts made before them.

Three kinds of forecasts meet here: those made out of fold inside the training range,
by networks that had not seen what they forecast; those replayed between the end of
training and the origin; and those that are asked for. Forecasts of sessions that the
network was trained on are never learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.calibration import (
    OnlineRule,
    calibrate_online,
    fit_calibrator,
    pits,
)
from forecaster.calibration.conformal import Method
from forecaster.config import Config
from forecaster.data.windows import Windows
from forecaster.errors import BundleError, ConfigError

QUANTILE = "q"
KEYS = ("ticker", "origin", "session", "step", "actual")
METHODS: dict[str, Method] = {"split": "split", "cqr": "cqr-scaled"}


@dataclass(frozen=True, eq=False)
class Made:
    """Forecasts of one ticker, or of several, with what came.

    Attributes
    ----------
    origins : ndarray of shape (n_windows,)
        The last session that each forecast knew.
    sessions : ndarray of shape (n_windows, horizon)
        The sessions that are forecast.
    actual : ndarray of shape (n_windows, horizon)
        Prices that came; NaN where not known, or not to be learnt from.
    quantiles : ndarray of shape (n_windows, horizon, n_levels)
        Prices in the quote currency.
    """

    origins: DateArray
    sessions: DateArray
    actual: FloatArray
    quantiles: FloatArray

    @classmethod
    def of(cls, windows: Windows, quantiles: FloatArray) -> Self:
        """Return forecasts of windows."""
        return cls(windows.origins, windows.sessions, windows.actual, quantiles)

    @classmethod
    def read(cls, rows: pd.DataFrame, levels: Sequence[float]) -> Self:
        """Return the forecasts in out-of-fold rows.

        Raises
        ------
        BundleError
            If a column is missing, or not every origin has every step.
        """
        check_rows(rows, levels)
        horizon = int(rows["step"].max())
        sessions = rows["session"].to_numpy("datetime64[s]").reshape(-1, horizon)
        quantiles = rows[quantile_names(levels)].to_numpy(dtype=float)
        return cls(
            rows["origin"].to_numpy("datetime64[s]")[::horizon],
            sessions,
            rows["actual"].to_numpy(dtype=float).reshape(-1, horizon),
            quantiles.reshape(-1, horizon, len(levels)),
        )

    def __len__(self) -> int:
        return len(self.origins)

    def __getitem__(self, chosen: Any) -> Self:
        return type(self)(*(getattr(self, part.name)[chosen] for part in fields(self)))

    def unseen(self, trained_until: date) -> Self:
        """Return the same, without prices of sessions that may have been trained on."""
        seen = self.sessions <= np.datetime64(trained_until)
        actual = np.where(seen.any(axis=1, keepdims=True), np.nan, self.actual)
        return type(self)(self.origins, self.sessions, actual, self.quantiles)


def quantile_names(levels: Sequence[float]) -> list[str]:
    """Return the columns of quantiles.

    Examples
    --------
    >>> quantile_names([0.05, 0.5])
    ['q0.05', 'q0.5']
    """
    return [f"{QUANTILE}{level:g}" for level in levels]


def quantile_columns(table: pd.DataFrame) -> dict[str, float]:
    """Return the levels of the quantiles in a table, by column, lowest first.

    Examples
    --------
    >>> quantile_columns(pd.DataFrame(columns=["actual", "q0.95", "q0.05"]))
    {'q0.05': 0.05, 'q0.95': 0.95}
    """
    names = (str(name) for name in table)
    found = {one: float(one[len(QUANTILE) :]) for one in names if one[:3] == "q0."}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def check_columns(rows: pd.DataFrame, levels: Sequence[float]) -> None:
    """Refuse out-of-fold rows that have other columns.

    Raises
    ------
    BundleError
        With those that there are.
    """
    wanted = [*KEYS, *quantile_names(levels)]
    if list(rows.columns) != wanted:
        raise BundleError(
            f"out-of-fold forecasts have the columns {', '.join(rows.columns)}, not "
            f"{', '.join(wanted)}: train again"
        )


def check_rows(rows: pd.DataFrame, levels: Sequence[float]) -> None:
    """Refuse out-of-fold rows that do not hold every step of every origin.

    Raises
    ------
    BundleError
        Naming what is wrong.
    """
    check_columns(rows, levels)
    horizon = int(rows["step"].max()) if len(rows) else 0
    if not horizon or len(rows) % horizon:
        raise BundleError("out-of-fold forecasts lack steps of an origin: train again")
    steps = np.tile(np.arange(1, horizon + 1), len(rows) // horizon)
    if not np.array_equal(rows["step"].to_numpy(), steps):
        raise BundleError("out-of-fold forecasts are not in order: train again")


def correct_by_ticker(
    asked: Made,
    replayed: Made | None,
    rows: pd.DataFrame,
    config: Config,
    ticker_ids: np.ndarray,
) -> FloatArray:
    """Return corrected quantiles of forecasts of one ticker, or of several.

    Parameters
    ----------
    replayed
        See `correct`; only with forecasts of one ticker.
    ticker_ids : ndarray of shape (n_windows,)
        As `forecaster.data.windows.ticker_id` returns them.
    """
    quantiles = np.empty_like(asked.quantiles)
    for number in np.unique(ticker_ids):
        own = ticker_ids == number
        ticker = config.data.tickers[number - 1].upper() if number else None
        quantiles[own] = correct(asked[own], replayed, rows, config, ticker)
    return quantiles


def correct(
    asked: Made,
    replayed: Made | None,
    rows: pd.DataFrame,
    config: Config,
    ticker: str | None,
) -> FloatArray:
    """Return corrected quantiles of the forecasts that are asked for.

    `split` and `cqr` learn from the out-of-fold forecasts alone, once. `adaptive`
    follows these, the replayed ones and those asked for through time, and corrects
    each by those alone whose price was known at its origin.

    Parameters
    ----------
    asked, replayed
        Forecasts of one ticker, in order of time; the latter between the end of
        training and the first that is asked for.
    rows
        Out-of-fold forecasts, see `forecaster.outoffold.forecast_out_of_fold`.
    ticker
        Whose rows to learn from; all of them for one that has none, or for None.

    Returns
    -------
    ndarray of shape (n_windows, horizon, n_levels)

    Raises
    ------
    ConfigError
        If more steps are asked for than there are out-of-fold forecasts of.
    DataError
        If a price or a quantile is not positive, or there are too few forecasts.
    """
    method, levels = config.calibration.method, config.model.quantiles
    past = Made.read(rows_of(rows, ticker), levels)
    if method == "none":
        return asked.quantiles
    known, wanted = past.actual.shape[1], asked.actual.shape[1]
    if known != wanted:
        raise ConfigError(
            f"the calibration knows {known} steps, and {wanted} are asked for. Ask "
            f"for at most {known}, or train with `window.horizon={wanted}`."
        )
    if method == "adaptive":
        return _followed(asked, replayed, past, config)
    return correct_once(
        asked.quantiles, past.actual, past.quantiles, METHODS[method], levels
    )


def rows_of(rows: pd.DataFrame, ticker: str | None) -> pd.DataFrame:
    """Return the out-of-fold rows of a ticker, or all if it has none."""
    own = rows["ticker"] == ticker
    return rows[own] if own.any() else rows


def past_pits(
    rows: pd.DataFrame, ticker: str | None, levels: Sequence[float]
) -> FloatArray:
    """Return the probabilities of the prices that came, (n_past, horizon)."""
    past = Made.read(rows_of(rows, ticker), levels)
    return pits(past.actual, past.quantiles, levels)


def correct_once(
    quantiles: FloatArray,
    past_actual: FloatArray,
    past_quantiles: FloatArray,
    method: Method,
    levels: Sequence[float],
) -> FloatArray:
    """Return quantiles corrected by past forecasts, the same correction for all.

    Raises
    ------
    DataError
        If there are too few past forecasts.
    """
    is_split = method == "split"
    calibrator = fit_calibrator(
        method,
        past_actual,
        past_quantiles,
        levels,
        scale=_width(past_quantiles) if is_split else None,
        symmetric=mirrored(levels),
    )
    return calibrator.apply(quantiles, scale=_width(quantiles) if is_split else None)


def _followed(
    asked: Made, replayed: Made | None, past: Made, config: Config
) -> FloatArray:
    levels, trained_until = config.model.quantiles, config.training.end
    later = [made.unseen(trained_until) for made in (replayed, asked) if made]
    parts = [past, *later]
    known = np.concatenate([made.sessions.ravel() for made in parts])
    dates = np.unique(np.concatenate([*(made.origins for made in parts), known]))
    # Tickers that pool their forecasts may miss sessions that others have: a forecast
    # is placed by the session that it ends with, so that none is known too early.
    ends = np.searchsorted(dates, past.sessions[:, -1]) - past.actual.shape[1]
    starts = [np.searchsorted(dates, made.origins) for made in later]
    calibrated = calibrate_online(
        np.concatenate([made.actual for made in parts]),
        np.concatenate([made.quantiles for made in parts]),
        levels,
        positions=np.concatenate([ends, *starts]),
        rule=OnlineRule(symmetric=mirrored(levels)),
    )
    return calibrated.quantiles[-len(asked) :]


def _width(quantiles: FloatArray) -> FloatArray:
    """Return the log distance between the outermost quantiles of each step."""
    return np.asarray(np.log(quantiles[..., -1] / quantiles[..., 0]))


def mirrored(levels: Sequence[float]) -> bool:
    """Return whether the levels come in pairs such as 0.05 and 0.95."""
    return bool(np.allclose(np.add(levels, levels[::-1]), 1.0))
