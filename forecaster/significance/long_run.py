"""Long-run variance: how uncertain the mean of a dependent series is."""

from __future__ import annotations

import math

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError, DataError

MIN_FORECASTS = 8


def require_one_shape(*arrays: FloatArray) -> None:
    """Raise `DataError` unless all arrays have the same shape."""
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise DataError(
            "forecasts must be compared at the same origins, found arrays of shapes "
            + " and ".join(str(array.shape) for array in arrays)
        )


def checked_series(values: FloatArray, horizon: int) -> FloatArray:
    """Return a series as floats, or refuse one that is too short or has gaps.

    Raises
    ------
    ConfigError
        If `horizon` is below 1.
    DataError
        If there are fewer than 8 values, no more than `horizon`, or one is missing.
    """
    if horizon < 1:
        raise ConfigError(f"horizon must be at least 1 session, found {horizon}")
    least = max(MIN_FORECASTS, horizon + 1)
    if len(values) < least:
        raise DataError(
            f"need at least {least} forecasts to compare, found {len(values)}. "
            "Test on a longer range."
        )
    if not np.isfinite(values).all():
        raise DataError(
            "cannot compare forecasts: a loss is missing or infinite. Leave out the "
            "origins without a forecast or an actual price."
        )
    return np.asarray(values, float)


def cosine_test(values: FloatArray, horizon: int) -> tuple[float, int]:
    """Return the t statistic of the mean being zero, and its degrees of freedom.

    The long-run variance is the mean square of the first few cosine transforms of the
    series, which are nearly independent even if the series is not; so the statistic
    follows Student's t with as many degrees of freedom as there are transforms. Their
    number is 0.4 times the two-thirds power of the number of values, as Lazarus and
    others advise, and at most one for each two spans of `horizon`: above that the
    transforms miss variance that overlap puts at low frequencies.

    Parameters
    ----------
    values : ndarray of shape (n_forecasts,)
        Oldest first.
    horizon
        Sessions that each value spans.

    References
    ----------
    .. [1] Mueller (2007), A theory of robust long-run variance estimation.
       J. of Econometrics 141, 1331-1352.
    .. [2] Lazarus, Lewis, Stock & Watson (2018), HAR inference: recommendations for
       practice. J. of Business & Economic Statistics 36, 541-559.
    """
    n_forecasts = len(values)
    n_cosines = max(
        min(int(0.4 * n_forecasts ** (2 / 3)), n_forecasts // (2 * horizon)), 1
    )
    times = (np.arange(n_forecasts) + 0.5) / n_forecasts
    cosines = np.cos(np.pi * np.outer(np.arange(1, n_cosines + 1), times))
    transforms = math.sqrt(2 / n_forecasts) * cosines @ (values - values.mean())
    return _studentised(values, float(np.mean(transforms**2))), n_cosines


def bartlett_test(values: FloatArray, n_lags: int) -> tuple[float, int]:
    """Return the t statistic of the mean being zero, and its degrees of freedom.

    The long-run variance is the sum of `n_lags` autocovariances to each side, with
    weights that fall linearly, so that it cannot turn negative.

    Parameters
    ----------
    values : ndarray of shape (n_forecasts,)
        Oldest first.
    n_lags
        From 0 to one less than the number of values.

    Raises
    ------
    ConfigError
        If `n_lags` is out of range.

    References
    ----------
    .. [1] Newey & West (1987), A simple, positive semi-definite, heteroskedasticity
       and autocorrelation consistent covariance matrix. Econometrica 55, 703-708.
    """
    n_forecasts = len(values)
    if not 0 <= n_lags < n_forecasts:
        raise ConfigError(
            f"n_lags must lie in 0 to {n_forecasts - 1} for {n_forecasts} forecasts, "
            f"found {n_lags}"
        )
    return _studentised(values, _bartlett(values, n_lags)), n_forecasts - 1


def long_run_variance(values: FloatArray, n_lags: int = 0) -> float:
    """Return the variance of a mean, times the number of values.

    Bartlett weights over `n_lags` lags or, if that is more, as many as
    `newey_west_lags` says.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Oldest first.
    """
    series = np.asarray(values, float)
    return _bartlett(series, newey_west_lags(len(series), n_lags + 1))


def newey_west_lags(n_forecasts: int, horizon: int) -> int:
    """Return lags for Bartlett weights: the usual rule, and at least the overlap.

    References
    ----------
    .. [1] Newey & West (1994), Automatic lag selection in covariance matrix estimation.
       Review of Economic Studies 61, 631-653.

    Examples
    --------
    >>> newey_west_lags(250, horizon=1), newey_west_lags(250, horizon=10)
    (4, 9)
    """
    rule = int(4 * (n_forecasts / 100) ** (2 / 9))
    return min(max(rule, horizon - 1), n_forecasts - 1)


def _bartlett(values: FloatArray, n_lags: int) -> float:
    """Return the long-run variance with weights that fall linearly over the lags."""
    centred = values - values.mean()
    total = float(centred @ centred)
    for lag in range(1, n_lags + 1):
        weight = 1 - lag / (n_lags + 1)
        total += 2 * weight * float(centred[lag:] @ centred[:-lag])
    return total / len(values)


def _studentised(values: FloatArray, long_run_variance: float) -> float:
    mean = float(values.mean())
    # Rounding leaves a constant series a variance of about 1e-33 instead of 0.
    if long_run_variance <= 0 or not np.ptp(values):
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / math.sqrt(long_run_variance / len(values))
