"""State space: exponential smoothing and ARIMA, fitted once and filtered forward."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import NotEnoughHistory
from forecaster.models.baselines.scene import Outlook, Question, Scene, log_prices

# Logarithms in percent: their steps are near 1, as the optimiser likes them.
PERCENT = 100.0
LEAST_PRICES = 40
MOST_ITERATIONS = 200


@dataclass(frozen=True, eq=False)
class StateSpaceModel:
    """A linear Gaussian model of log prices, its parameters fixed.

    Attributes
    ----------
    model
        statsmodels' model of the training prices.
    parameters : ndarray
        Fitted on them.

    References
    ----------
    .. [1] Durbin & Koopman (2012), Time series analysis by state space methods, 4.11.
    """

    ticker: str
    question: Question
    model: Any
    parameters: FloatArray
    fallback: str = ""

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the prices up to it.

        One pass of the filter gives every place's state; the transition carries all
        states forward together.
        """
        logs = PERCENT * log_prices(self.ticker, scene.known)
        means, variances = self._ahead(self._filter(logs), scene.places + 1)
        return gaussian_outlook(means, variances, self.question)

    def _filter(self, logs: FloatArray) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = self.model.clone(logs)
            filtered = model.filter(self.parameters, cov_type="none")
        return filtered.filter_results

    def _ahead(self, filtered: Any, columns: Any) -> tuple[FloatArray, FloatArray]:
        """Return means and variances of the steps, each (n_windows, horizon)."""
        state = filtered.predicted_state[:, columns].T
        cov = np.moveaxis(filtered.predicted_state_cov[:, :, columns], -1, 0)
        seen, move = filtered.design[0, :, 0], filtered.transition[:, :, 0]
        select, noise = filtered.selection[:, :, 0], filtered.state_cov[:, :, 0]
        added = select @ noise @ select.T
        means, variances = [], []
        for _ in range(self.question.horizon):
            means.append((state * seen).sum(axis=1) + filtered.obs_intercept[0, 0])
            spread = np.einsum("i,nij,j->n", seen, cov, seen)
            variances.append(spread + filtered.obs_cov[0, 0, 0])
            state = np.einsum("ij,nj->ni", move, state) + filtered.state_intercept[:, 0]
            cov = np.einsum("ij,njk,lk->nil", move, cov, move) + added
        return np.stack(means, axis=1), np.stack(variances, axis=1)


@dataclass(frozen=True)
class RandomWalk:
    """Log prices in percent that add independent normal steps."""

    ticker: str
    question: Question
    slope: float
    variance: float
    fallback: str

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the price at it."""
        logs = PERCENT * log_prices(self.ticker, scene.origin_price)
        steps = self.question.steps
        means = logs[:, None] + self.slope * steps
        variances = np.tile(self.variance * steps, (len(means), 1))
        return gaussian_outlook(means, variances, self.question)


def fit_ets(
    ticker: str, prices: FloatArray, question: Question
) -> StateSpaceModel | RandomWalk:
    """Fit exponential smoothing with a damped additive trend to log prices.

    Where the fit does not converge, or fewer than 40 prices are known, smoothing that
    forgets everything but the last price stands in: a random walk.

    References
    ----------
    .. [1] Hyndman, Koehler, Ord & Snyder (2008), Forecasting with exponential
       smoothing: the state space approach, 3.4.
    """
    return _fit(ticker, prices, question, _ets, with_drift=False)


def fit_arima(
    ticker: str, prices: FloatArray, question: Question
) -> StateSpaceModel | RandomWalk:
    """Fit ARIMA(1,1,1) with drift to log prices.

    Where the fit does not converge, or fewer than 40 prices are known, ARIMA(0,1,0)
    with drift stands in: a random walk.

    References
    ----------
    .. [1] Box, Jenkins, Reinsel & Ljung (2015), Time series analysis, 4.
    """
    return _fit(ticker, prices, question, _arima, with_drift=True)


def gaussian_outlook(
    means: FloatArray, variances: FloatArray, question: Question
) -> Outlook:
    """Return prices for normal log prices in percent, shape (n_windows, horizon)."""
    from scipy import stats

    centre = np.exp(means / PERCENT)
    if not question.levels:
        return Outlook(centre)
    deviations = np.sqrt(np.maximum(variances, 0.0))[..., None]
    normal = stats.norm.ppf(np.array(question.levels))
    return Outlook(centre, np.exp((means[..., None] + deviations * normal) / PERCENT))


def _ets(logs: FloatArray) -> tuple[Any, FloatArray | None]:
    """Return the model and its parameters, or None for a fit that did not end well."""
    from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing

    settings = {"trend": True, "damped_trend": True}
    fitted = _estimate(ExponentialSmoothing(logs, **settings))
    # As it is fitted, it would take its variance anew from whatever is filtered, and
    # so from prices after an origin: here the variance is a parameter, the fourth.
    model = ExponentialSmoothing(logs, **settings, concentrate_scale=False)
    if fitted is None:
        return model, None
    return model, np.insert(fitted.params, 3, fitted.scale)


def _arima(logs: FloatArray) -> tuple[Any, FloatArray | None]:
    """Return the model and its parameters, or None for a fit that did not end well."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    settings = {"order": (1, 1, 1), "trend": "c"}
    # On the steps, with the variance worked out, the same fit takes a fifth as long.
    steps = SARIMAX(logs, **settings, simple_differencing=True, concentrate_scale=True)
    fitted = _estimate(steps)
    model = SARIMAX(logs, **settings)
    return model, None if fitted is None else np.append(fitted.params, fitted.scale)


def _fit(
    ticker: str,
    prices: FloatArray,
    question: Question,
    fit: Callable[[FloatArray], tuple[Any, FloatArray | None]],
    *,
    with_drift: bool,
) -> StateSpaceModel | RandomWalk:
    if len(prices) < 3:  # noqa: PLR2004  two steps have a variance
        raise NotEnoughHistory(ticker, 3, len(prices))
    logs = PERCENT * log_prices(ticker, prices)
    steps = np.diff(logs)
    if len(prices) < LEAST_PRICES:
        reason = "too few prices"
    elif not np.ptp(steps):
        reason = "the price grows evenly"
    else:
        model, parameters = fit(logs)
        if parameters is not None:
            return StateSpaceModel(ticker, question, model, parameters)
        reason = "the fit did not converge"
    slope = float(steps.mean()) if with_drift else 0.0
    variance = float(np.mean((steps - slope) ** 2))
    return RandomWalk(ticker, question, slope, variance, reason)


def _estimate(model: Any) -> Any:
    """Return the results of a fit, or None if it did not end well."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what came of the fit is looked at
            fitted = model.fit(disp=False, maxiter=MOST_ITERATIONS, cov_type="none")
    except (np.linalg.LinAlgError, ValueError):
        return None
    good = fitted.mle_retvals["converged"] and np.isfinite(fitted.params).all()
    return fitted if good else None
