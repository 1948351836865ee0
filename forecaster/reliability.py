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
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation import Evaluation
from forecaster.metrics import central_intervals, coverage, pit, pit_histogram
from forecaster.verdict import LEVEL

COVERAGE = "coverage_"


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
    pairs = central_intervals(found.levels)
    if not pairs:
        raise ConfigError(
            f"no two of the quantiles {list(found.levels)} make a central interval: "
            "add their mirror images to `model.quantiles`"
        )
    rows = []
    for promised, (low, high) in sorted(pairs.items()):
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
        Shares of prices over all steps, indexed by the year of the session; a column
        for each interval, named by what it promises (0.9), the widest first.

    Raises
    ------
    ConfigError
        If the forecasts have no central intervals.
    """
    scores = pd.DataFrame(backtest.by("year").xs(MODEL, level="model"))
    names = [str(name) for name in scores if str(name).startswith(COVERAGE)]
    if not names:
        raise ConfigError(
            "this backtest has no central intervals to draw the coverage of: train a "
            "network with quantiles"
        )
    levels = {name: float(name.removeprefix(COVERAGE)) for name in names}
    widest_first = sorted(names, key=levels.__getitem__, reverse=True)
    return pd.DataFrame({levels[name]: scores[name] for name in widest_first})


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
    if isinstance(source, Backtest):
        rows = source.frame[source.frame["model"] == MODEL]
    else:
        rows = source.predictions
    rows = rows[rows["step"] == 1]
    names = sorted((str(n) for n in rows if str(n).startswith("q0.")), key=_level_of)
    if not names:
        raise ConfigError(
            "these forecasts have no quantiles. Train a network that has: set "
            "`model.head` to quantiles or student_t."
        )
    rows = rows.dropna(subset=names)
    if rows.empty:
        raise DataError("there are no forecasts with quantiles of the nearest step")
    return _Nearest(
        rows["actual"].to_numpy(dtype=float),
        rows[names].to_numpy(dtype=float),
        tuple(_level_of(name) for name in names),
        int(rows["origin"].nunique()),
        int(rows["ticker"].nunique()) if "ticker" in rows else 1,
    )


def _binomial_band(
    n_values: int, shares: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Return the central band of shares that binomial counts have."""
    from scipy.stats import binom

    tail = (1 - level) / 2
    ends = (binom.ppf(end, n_values, shares) / n_values for end in (tail, 1 - tail))
    low, high = (np.asarray(one, dtype=float) for one in ends)
    return low, high


def _level_of(name: str) -> float:
    return float(name.removeprefix("q"))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ConfigError(f"level must lie between 0 and 1, not {level:g}")
