"""Simple rules: forecasts by arithmetic on the prices alone, without quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.arrays import FloatArray
from forecaster.data.windows import slide
from forecaster.models.baselines.per_ticker import SeriesFit
from forecaster.models.baselines.scene import Outlook, Question, Scene, log_prices

WEEK = 5
MONTH = 20
# From scene, training prices and horizon to prices of shape (n_windows, horizon).
Rule = Callable[[Scene, FloatArray, int], FloatArray]


def last_value(origin_price: FloatArray, horizon: int) -> FloatArray:
    """Repeat the price at each origin.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
        Price at each origin, in the quote currency.

    Returns
    -------
    ndarray of shape (n_windows, horizon)
    """
    return np.repeat(origin_price[:, None], horizon, axis=1)


def drift(origin_price: FloatArray, horizon: int, history: FloatArray) -> FloatArray:
    """Go on from each origin by the mean change of the training prices.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
        Price at each origin, in the quote currency.
    history : ndarray of shape (n_sessions,)
        Training prices, oldest first: ``(last - first) / (n_sessions - 1)`` is the
        change added for each step.

    Returns
    -------
    ndarray of shape (n_windows, horizon)

    References
    ----------
    .. [1] Hyndman & Athanasopoulos (2021), Forecasting: principles and practice, 5.2.
    """
    slope = (history[-1] - history[0]) / max(len(history) - 1, 1)
    return np.asarray(origin_price[:, None] + slope * np.arange(1, horizon + 1))


def historical_mean(
    origin_price: FloatArray, horizon: int, history: FloatArray
) -> FloatArray:
    """Let each origin's price grow by the mean log return of the training prices.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
        Price at each origin, in the quote currency.
    history : ndarray of shape (n_sessions,)
        Training prices, oldest first, positive.

    Returns
    -------
    ndarray of shape (n_windows, horizon)
    """
    growth = np.log(history[-1] / history[0]) / max(len(history) - 1, 1)
    return np.asarray(
        origin_price[:, None] * np.exp(growth * np.arange(1, horizon + 1))
    )


def seasonal_naive(
    prices: FloatArray, places: npt.NDArray[Any], horizon: int, season: int = WEEK
) -> FloatArray:
    """Repeat the last season: each step has the price of whole seasons before it.

    Parameters
    ----------
    prices : ndarray of shape (n_sessions,)
        In the quote currency, oldest first.
    places : ndarray of int, shape (n_windows,)
        Row of each origin. Where it has no whole season behind it, the earliest price
        stands for what lies before.
    season
        Sessions; 5 are a week.

    Returns
    -------
    ndarray of shape (n_windows, horizon)

    References
    ----------
    .. [1] Hyndman & Athanasopoulos (2021), Forecasting: principles and practice, 5.2.
    """
    back = np.arange(horizon) % season - season + 1
    return np.asarray(prices[np.maximum(places[:, None] + back, 0)])


def moving_average(
    prices: FloatArray, places: npt.NDArray[Any], horizon: int, n_sessions: int = MONTH
) -> FloatArray:
    """Repeat the mean of the last prices, the origin's among them.

    Parameters
    ----------
    prices : ndarray of shape (n_sessions,)
        In the quote currency, oldest first.
    places : ndarray of int, shape (n_windows,)
        Row of each origin.
    n_sessions
        Prices that are averaged; fewer where there are fewer.

    Returns
    -------
    ndarray of shape (n_windows, horizon)
    """
    padded = np.concatenate([np.full(n_sessions - 1, np.nan), prices])
    means = np.nanmean(slide(padded, n_sessions)[places], axis=1)
    return last_value(means, horizon)


@dataclass(frozen=True, eq=False)
class RuleModel:
    """A rule with the training prices and the horizon that it was given."""

    rule: Rule
    history: FloatArray
    horizon: int
    fallback: str = ""

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the prices up to it."""
        return Outlook(self.rule(scene, self.history, self.horizon))


def fit_historical_mean(
    ticker: str, prices: FloatArray, question: Question
) -> RuleModel:
    """Return the rule `historical_mean` with the mean return of these prices."""
    log_prices(ticker, prices)  # refuses those that have none
    return RuleModel(
        lambda scene, history, horizon: historical_mean(
            scene.origin_price, horizon, history
        ),
        prices,
        question.horizon,
    )


def _of_rule(rule: Rule) -> SeriesFit:
    def fit(_ticker: str, prices: FloatArray, question: Question) -> RuleModel:
        return RuleModel(rule, prices, question.horizon)

    return fit


fit_last_value = _of_rule(
    lambda scene, _history, horizon: last_value(scene.origin_price, horizon)
)
fit_drift = _of_rule(
    lambda scene, history, horizon: drift(scene.origin_price, horizon, history)
)
fit_seasonal_naive = _of_rule(
    lambda scene, _history, horizon: seasonal_naive(scene.prices, scene.places, horizon)
)
fit_moving_average = _of_rule(
    lambda scene, _history, horizon: moving_average(scene.prices, scene.places, horizon)
)
