"""GARCH: a variance that follows the squared returns, with Student-t errors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.errors import NotEnoughHistory
from forecaster.models.baselines.scene import Outlook, Question, Scene, log_prices

PERCENT = 100.0
N_PATHS = 4000
# Paths of this many numbers are held at once.
N_AT_ONCE = 4_000_000
LEAST_RETURNS = 100
# A sum of alpha and beta above this has no variance to return to.
MOST_PERSISTENT = 0.9999
LEAST_FREEDOM = 2.05
RISKMETRICS = 0.94
N_BACKCAST = 75
# Mean, omega, alpha, beta and degrees of freedom.
Parameters = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class GarchModel:
    """GARCH(1,1) of percentage log returns, its parameters fixed.

    ``variance[t] = omega + alpha * shock[t-1] ** 2 + beta * variance[t-1]``, and
    ``return[t] = mean + shock[t]`` with Student-t shocks.

    Attributes
    ----------
    first : float
        Stands for the square and for the variance before the first return.
    freedom : float
        Degrees of freedom of the t distribution, above 2.
    fallback : str
        Why RiskMetrics' parameters stand in for fitted ones, or nothing.

    References
    ----------
    .. [1] Bollerslev (1987), A conditionally heteroskedastic time series model for
       speculative prices and rates of return.
    """

    ticker: str
    question: Question
    mean: float
    omega: float
    alpha: float
    beta: float
    freedom: float
    first: float
    fallback: str = ""

    def variances(self, returns: FloatArray) -> FloatArray:
        """Return the variance of each return and of the one after the last.

        Parameters
        ----------
        returns : ndarray of shape (n_returns,)
            Percentage log returns, oldest first.

        Returns
        -------
        ndarray of shape (n_returns + 1,)
            Each made of earlier returns alone.
        """
        variance = self.omega + (self.alpha + self.beta) * self.first
        variances = [variance]
        for square in ((returns - self.mean) ** 2).tolist():
            variance = self.omega + self.alpha * square + self.beta * variance
            variances.append(variance)
        return np.array(variances)

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the prices up to it.

        The centre is the median, ``mean`` for each step. Quantiles of the first step
        are exact; those of later ones come from paths that are drawn alike at every
        place, so that no forecast depends on which others are asked for.
        """
        returns = PERCENT * np.diff(log_prices(self.ticker, scene.known))
        variances = self.variances(returns)[scene.places]
        price = scene.origin_price[:, None]
        centre = price * np.exp(self.mean * self.question.steps / PERCENT)
        if not self.question.levels:
            return Outlook(centre)
        growth = np.exp(self._quantiles(variances) / PERCENT)
        return Outlook(centre, price[..., None] * growth)

    def simulate(self, variances: FloatArray) -> FloatArray:
        """Return percentage log returns since the origin on simulated paths.

        Parameters
        ----------
        variances : ndarray of shape (n_windows,)
            Of the first return of each path.

        Returns
        -------
        ndarray of shape (horizon, n_windows, n_paths)
            Each path has a mirror image, so that the mean and the median are exact.
        """
        draws = self._draws()
        variance = np.repeat(variances[:, None], N_PATHS, axis=1)
        reached = np.empty((len(draws), *variance.shape))
        total = np.zeros_like(variance)
        for step, draw in enumerate(draws):
            shock = np.sqrt(variance) * draw
            total = total + shock
            reached[step] = total + (step + 1) * self.mean
            variance = self.omega + self.alpha * shock**2 + self.beta * variance
        return reached

    def _draws(self) -> FloatArray:
        """Return t errors of variance 1, shape (horizon, n_paths)."""
        random = np.random.default_rng(self.question.seed)
        half = random.standard_t(self.freedom, (self.question.horizon, N_PATHS // 2))
        return np.concatenate([half, -half], axis=1) * self._narrowing

    @property
    def _narrowing(self) -> float:
        """What brings the variance of a t error to 1."""
        return float(np.sqrt((self.freedom - 2) / self.freedom))

    def _quantiles(self, variances: FloatArray) -> FloatArray:
        from scipy import stats

        levels = np.array(self.question.levels)
        t = stats.t.ppf(levels, self.freedom) * self._narrowing
        first = self.mean + np.sqrt(variances)[:, None] * t
        if self.question.horizon == 1:
            return np.asarray(first[:, None])
        n_rows = max(1, N_AT_ONCE // (N_PATHS * self.question.horizon))
        parts = [
            np.quantile(self.simulate(variances[at : at + n_rows]), levels, axis=2)
            for at in range(0, len(variances), n_rows)
        ]
        quantiles = np.concatenate(parts, axis=2).transpose(2, 1, 0)
        quantiles[:, 0] = first
        return np.asarray(quantiles)


def fit_garch(ticker: str, prices: FloatArray, question: Question) -> GarchModel:
    """Fit GARCH(1,1) with a constant mean and Student-t errors.

    Where fewer than 100 returns are known, they never move, the fit does not converge,
    or alpha and beta sum to nearly 1, RiskMetrics' smoothing stands in: omega 0, alpha
    0.06, beta 0.94, and the degrees of freedom by the returns' kurtosis.

    Raises
    ------
    NotEnoughHistory
        If fewer than three prices are known.

    References
    ----------
    .. [1] J.P. Morgan/Reuters (1996), RiskMetrics technical document, 5.2.
    """
    if len(prices) < 3:  # noqa: PLR2004  two returns have a variance
        raise NotEnoughHistory(ticker, 3, len(prices))
    returns = PERCENT * np.diff(log_prices(ticker, prices))
    if len(returns) < LEAST_RETURNS:
        return _riskmetrics(ticker, returns, question, "too few returns")
    if not np.ptp(returns):
        return _riskmetrics(ticker, returns, question, "the price grows evenly")
    values, converged = _estimate(returns)
    _, _, alpha, beta, freedom = values
    if not converged or not np.isfinite(values).all() or freedom < LEAST_FREEDOM:
        return _riskmetrics(ticker, returns, question, "the fit did not converge")
    if alpha + beta > MOST_PERSISTENT:
        return _riskmetrics(ticker, returns, question, "the variance is integrated")
    return GarchModel(ticker, question, *values, _backcast(returns))


def _estimate(returns: FloatArray) -> tuple[Parameters, bool]:
    """Return mean, omega, alpha, beta and freedom, and whether they were found."""
    from arch import arch_model

    model = arch_model(returns, mean="Constant", vol="GARCH", dist="t", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what came of the fit is looked at
        fitted = model.fit(disp="off", show_warning=False)
    mean, omega, alpha, beta, freedom = map(float, fitted.params)
    return (mean, omega, alpha, beta, freedom), fitted.convergence_flag == 0


def _backcast(returns: FloatArray) -> float:
    """Return the mean square of the first returns, the earliest weighing most."""
    shocks = (returns - returns.mean())[:N_BACKCAST]
    weights = RISKMETRICS ** np.arange(len(shocks))
    return float(np.sum(shocks**2 * weights) / np.sum(weights))


def _riskmetrics(
    ticker: str, returns: FloatArray, question: Question, reason: str
) -> GarchModel:
    shocks = returns - returns.mean()
    square = float(np.mean(shocks**2))
    excess = float(np.mean(shocks**4)) / square**2 - 3 if square else 0.0
    # The kurtosis of a t distribution is 3 + 6 / (freedom - 4).
    freedom = 4 + 6 / max(excess, 0.06)
    values = (float(returns.mean()), 0.0, 1 - RISKMETRICS, RISKMETRICS, freedom)
    return GarchModel(ticker, question, *values, _backcast(returns), reason)
