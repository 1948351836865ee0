"""Bootstrap: how far the ratio of two mean losses could be luck."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError, DataError
from forecaster.significance.long_run import require_one_shape

MIN_RESAMPLED = 20  # fewer forecasts hold too few blocks to resample


@dataclass(frozen=True)
class RatioInterval:
    """Ratio of two mean losses, with its confidence interval.

    Attributes
    ----------
    ratio
        Below 1 when the first forecast has the smaller loss.
    low, high
        Ends of the interval.
    level
        Probability that the interval is meant to hold.
    block
        Mean length of the resampled blocks, in forecasts.
    n_forecasts
        Number of origins compared.
    """

    ratio: float
    low: float
    high: float
    level: float
    block: float
    n_forecasts: int


def ratio_interval(  # noqa: PLR0913  two losses, and how to resample them
    first_loss: FloatArray,
    second_loss: FloatArray,
    *,
    level: float = 0.95,
    root: bool = True,
    horizon: int = 1,
    seed: int,
    n_bootstrap: int = 1000,
    block: float | None = None,
) -> RatioInterval:
    """Return a confidence interval of the ratio of two mean losses.

    Origins are resampled in blocks of random length (stationary bootstrap), the same
    for both forecasts, because losses of neighbouring origins move together. The
    interval is symmetric round the logarithm of the ratio: the bootstrap gives its
    standard error, Student's t with as many degrees of freedom as there are blocks its
    width. At a level of 95% it held the true ratio in 93 to 97% of simulations of 60 to
    500 forecasts 1, 5 and 20 sessions long; with only 60 of 20 sessions, in 87%.

    Parameters
    ----------
    first_loss, second_loss : ndarray of shape (n_forecasts,)
        Losses of the two forecasts at the same origins, oldest first, not negative.
    level
        Probability that the interval is meant to hold, in (0, 1).
    root
        Whether to take roots of the means, as for a ratio of RMSE from squared errors.
    horizon
        Sessions that each forecast spans; the automatic block covers four overlaps.
    seed
        Of the resampling; the same seed gives the same interval.
    n_bootstrap
        Number of resamples.
    block
        Mean block length, at most half the forecasts; chosen from the losses if left
        out.

    Raises
    ------
    ConfigError
        If `level` or `block` is out of range.
    DataError
        If there are fewer than 20 forecasts, a loss is missing, or one mean is zero.

    References
    ----------
    .. [1] Politis & Romano (1994), The stationary bootstrap. J. of the American
       Statistical Association 89, 1303-1313.
    .. [2] Patton, Politis & White (2009), Correction to "Automatic block-length
       selection for the dependent bootstrap". Econometric Reviews 28, 372-375.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must lie in (0, 1), found {level}")
    require_one_shape(first_loss, second_loss)
    losses = resampled_losses(np.column_stack([first_loss, second_loss]))
    means = losses.mean(axis=0)
    if not (means > 0).all():
        raise DataError("a ratio of losses needs both forecasts to err at least once")
    power = 0.5 if root else 1.0
    if block is None:
        block = block_length((losses / means) @ [[1.0], [-1.0]], horizon)
    random = np.random.default_rng(seed)
    drawn = stationary_indices(len(losses), n_bootstrap, block, random)
    logs = power * _log_ratios(losses, drawn)
    centre = power * math.log(means[0] / means[1])
    reach = _reach(logs, len(losses), block, level)
    ends = math.exp(centre - reach), math.exp(centre + reach)
    return RatioInterval(math.exp(centre), *ends, level, float(block), len(losses))


def resampled_losses(losses: FloatArray) -> FloatArray:
    """Return losses of shape (n_forecasts, n_models), or refuse ones unfit to resample.

    Raises
    ------
    DataError
        If there are fewer than 20 forecasts or a loss is missing.
    """
    if len(losses) < MIN_RESAMPLED:
        raise DataError(
            f"need at least {MIN_RESAMPLED} forecasts to resample, found "
            f"{len(losses)}. Test on a longer range."
        )
    if not np.isfinite(losses).all():
        raise DataError(
            "cannot resample forecasts: a loss is missing or infinite. Leave out the "
            "origins without a forecast or an actual price."
        )
    return np.asarray(losses, float)


def block_length(series: FloatArray, horizon: int) -> float:
    """Return the mean block length that suits the most dependent of some series.

    Parameters
    ----------
    series : ndarray of shape (n_forecasts, n_series)
        Loss differences, at least 20 forecasts.
    horizon
        Sessions that each loss spans.

    Returns
    -------
    float
        At least four overlaps, at most a quarter of the forecasts.
    """
    from arch.bootstrap import optimal_block_length

    varying = pd.DataFrame(series[:, np.ptp(series, axis=0) > 0])
    lengths = [1.0, 4.0 * (horizon - 1)]
    if not varying.empty:
        with np.errstate(divide="ignore", invalid="ignore"):
            optimal = optimal_block_length(varying)["stationary"].to_numpy()
        lengths += [float(length) for length in optimal if math.isfinite(length)]
    return min(max(lengths), len(series) / 4)


def stationary_indices(
    n_forecasts: int, n_bootstrap: int, block: float, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Draw origins in blocks of geometric length that wrap round the end.

    Returns
    -------
    ndarray of shape (n_bootstrap, n_forecasts)

    Raises
    ------
    ConfigError
        If `block` is below 1 or above half the number of forecasts.
    """
    if not 1 <= block <= n_forecasts / 2:
        raise ConfigError(
            f"block must lie in 1 to {n_forecasts / 2:g} for {n_forecasts} forecasts, "
            f"found {block:g}"
        )
    shape = (n_bootstrap, n_forecasts)
    places = np.arange(n_forecasts)
    starts = random.integers(0, n_forecasts, shape)
    begins = random.random(shape) < 1 / block
    begins[:, 0] = True
    last_begin = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    origins = np.take_along_axis(starts, last_begin, axis=1)
    return (origins + places - last_begin) % n_forecasts


def _reach(logs: FloatArray, n_forecasts: int, block: float, level: float) -> float:
    """Return half the width of the interval of the logarithm."""
    from scipy.stats import t

    # Resampling round the sample mean loses 1 / n_forecasts of the long-run variance at
    # each lag; blocks of geometric length weigh 2 * block - 1 lags in all.
    kept = 1 - (2 * block - 1) / n_forecasts
    quantile = float(t.isf((1 - level) / 2, n_forecasts / block))
    return quantile * float(np.std(logs, ddof=1)) / math.sqrt(kept)


def _log_ratios(losses: FloatArray, drawn: npt.NDArray[np.intp]) -> FloatArray:
    """Return the log ratio of the means in each resample where both are above zero."""
    first, second = (column[drawn].mean(axis=1) for column in losses.T)
    defined = (first > 0) & (second > 0)
    logs: FloatArray = np.log(first[defined] / second[defined])
    return logs
