"""Reliability: whether intervals and quantiles hold as many prices as they promise.

The tables look at the nearest step alone, whose forecasts do not overlap. Their bands
are binomial, of as many independent forecasts as there are origins: tickers of one day
move together, and count as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.backtest_scores import MODEL, Backtest
from forecaster.correcting import quantile_columns
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation import Evaluation
from forecaster.metrics import central_intervals, coverage, pit, pit_histogram
from forecaster.verdict import LEVEL


@dataclass(frozen=True, eq=False)
class _Nearest:
    """Forecasts of the nearest step, (n,) and (n, n_levels), without missing ones."""

    actual: FloatArray
    quantiles: FloatArray
    levels: tuple[float, ...]
    n_origins: int
    n_tickers: int


def coverage_by_level(
    source: Evaluation | Backtest, *, level: float = LEVEL
) -> pd.DataFrame:
    """Return how many prices each central interval held, and how many it should.

    Parameters
    ----------
    level
        Of the band in which the share of a calibrated forecast lies.

    Returns
    -------
    DataFrame
        One row for each interval, narrowest first: `level observed low high
        n_origins`, all but the last shares of prices.

    Raises
    ------
    ConfigError
        If the forecasts have no pair of quantiles, or `level` is not in (0, 1).
    """
    _check_level(level)
    found = _nearest(source)
    rows = []
    for promised, (low, high) in sorted(_pairs_of(found).items()):
        ends = _binomial_band(found.n_origins, np.array([promised]), level)
        observed = coverage(
            found.actual, found.quantiles[:, low], found.quantiles[:, high]
        )
        row = {"level": promised, "observed": observed}
        row |= {"low": ends[0][0], "high": ends[1][0]}
        rows.append(row | {"n_origins": found.n_origins})
    return pd.DataFrame(rows)


def coverage_by_year(backtest: Backtest) -> pd.DataFrame:
    """Return how many prices each central interval of a backtest held, by year.

    Returns
    -------
    DataFrame
        Shares of prices of the nearest step, indexed by the year of the session; a
        column for each interval, named by what it promises (0.9), the widest first.

    Raises
    ------
    ConfigError
        If the forecasts have no central intervals.
    """
    rows = _nearest_rows(backtest)
    years = pd.DatetimeIndex(rows["session"]).year.rename("year")
    found = {year: _forecasts_of(part) for year, part in rows.groupby(years)}
    pairs = _pairs_of(next(iter(found.values())))
    shares = {
        promised: [
            coverage(one.actual, one.quantiles[:, low], one.quantiles[:, high])
            for one in found.values()
        ]
        for promised, (low, high) in sorted(pairs.items(), reverse=True)
    }
    return pd.DataFrame(shares, index=pd.Index([*found], name="year"))


def pit_by_bin(source: Evaluation | Backtest, *, level: float = LEVEL) -> pd.DataFrame:
    """Return the histogram of the probability integral transform, and its band.

    Returns
    -------
    DataFrame
        One row for each bin: its `left` and `right` end, the `density` of the values in
        it (1 if the forecast is calibrated), the band from `low` to `high` in which it
        lies for one that is, and `n_origins`. ``attrs["p_value"]`` is that of
        `pit_histogram`; NaN for several tickers, whose values are not independent.

    Raises
    ------
    ConfigError
        If the forecasts have no quantiles, or `level` is not in (0, 1).
    DataError
        If there are too few forecasts for two bins.
    """
    _check_level(level)
    found = _nearest(source)
    histogram = pit_histogram(
        pit(found.actual, found.quantiles, found.levels), found.levels
    )
    widths = np.diff(histogram.edges)
    low, high = _binomial_band(found.n_origins, widths, level)
    table = pd.DataFrame(
        {
            "left": histogram.edges[:-1],
            "right": histogram.edges[1:],
            "density": histogram.counts / histogram.n_values / widths,
            "low": low / widths,
            "high": high / widths,
            "n_origins": found.n_origins,
        }
    )
    table.attrs["p_value"] = histogram.p_value if found.n_tickers == 1 else np.nan
    return table


def _nearest(source: Evaluation | Backtest) -> _Nearest:
    return _forecasts_of(_nearest_rows(source))


def _nearest_rows(source: Evaluation | Backtest) -> pd.DataFrame:
    """Return the model's rows of the nearest step that have all quantiles."""
    if isinstance(source, Backtest):
        rows = source.frame[source.frame["model"] == MODEL]
    else:
        rows = source.predictions
    names = [*quantile_columns(rows)]
    if not names:
        raise ConfigError(
            "these forecasts have no quantiles. Train a network that has: set "
            "`model.head` to quantiles or student_t."
        )
    rows = rows[rows["step"] == 1].dropna(subset=names)
    if rows.empty:
        raise DataError("there are no forecasts with quantiles of the nearest step")
    return rows


def _forecasts_of(rows: pd.DataFrame) -> _Nearest:
    levels = quantile_columns(rows)
    return _Nearest(
        rows["actual"].to_numpy(dtype=float),
        rows[[*levels]].to_numpy(dtype=float),
        tuple(levels.values()),
        int(rows["origin"].nunique()),
        int(rows["ticker"].nunique()) if "ticker" in rows else 1,
    )


def _pairs_of(found: _Nearest) -> dict[float, tuple[int, int]]:
    """Return the places of both ends of each central interval, by what it promises."""
    pairs = central_intervals(found.levels)
    if not pairs:
        raise ConfigError(
            f"no two of the quantiles {list(found.levels)} make a central interval: "
            "add their mirror images to `model.quantiles`"
        )
    return dict(pairs)


def _binomial_band(
    n_values: int, shares: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return the central band of shares that binomial counts have."""
    from scipy.stats import binom

    tail = (1 - level) / 2
    ends = (binom.ppf(end, n_values, shares) / n_values for end in (tail, 1 - tail))
    low, high = (np.asarray(one, dtype=float) for one in ends)
    return low, high


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, not {level:g}")
