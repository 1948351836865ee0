"""Learned: ridge regression and boosted trees on the windows that a network reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.arrays import FloatArray
from forecaster.data.sequences import PADDING
from forecaster.data.windows import Windows
from forecaster.models.baselines.scene import Outlook, Question, Scene

PENALTIES = np.logspace(-4, 5, 10)
N_FOLDS = 5
# Few small trees: there is little to be learned from returns, and much noise.
POINT_TREES = {"max_iter": 100, "max_leaf_nodes": 7, "learning_rate": 0.05}
QUANTILE_TREES = {"max_iter": 50, "max_leaf_nodes": 5, "learning_rate": 0.1}


@dataclass(frozen=True)
class Ridge:
    """Linear regression with a squared penalty, one for each step, over all tickers.

    The penalty is chosen by validation on later windows than those fitted.

    References
    ----------
    .. [1] Hoerl & Kennard (1970), Ridge regression.
    """

    name: str = "ridge"

    def fit(
        self,
        training: Mapping[str, Scene],
        *,
        levels: Sequence[float],
        horizon: int,
        seed: int,
    ) -> FittedRidge:
        """Fit on the windows of all tickers together."""
        Question(tuple(levels), horizon, seed)
        windows = in_time_order([scene.windows for scene in training.values()])
        n_tickers = int(windows.ticker_ids.max())
        inputs = flatten(windows, padding=0.0, n_tickers=n_tickers)
        answers = windows.footing.encode(windows.actual)
        with warnings.catch_warnings(), one_thread():
            warnings.simplefilter("ignore")  # columns that repeat each other
            model = _ridge(len(inputs), horizon * len(training)).fit(inputs, answers)
        return FittedRidge(
            np.reshape(model.coef_, (horizon, -1)),
            np.reshape(model.intercept_, -1),
            n_tickers,
        )


@dataclass(frozen=True, eq=False)
class FittedRidge:
    """Weights for each step; a ticker that was not trained on shares them.

    Attributes
    ----------
    weights : ndarray of shape (horizon, n_inputs)
    intercepts : ndarray of shape (horizon,)
    n_tickers : int
        Columns at the end of the inputs that mark a ticker.
    """

    weights: FloatArray
    intercepts: FloatArray
    n_tickers: int

    def forecast(self, ticker: str, scene: Scene) -> Outlook:  # noqa: ARG002
        """Answer at each place from the window that ends there."""
        inputs = flatten(scene.windows, padding=0.0, n_tickers=self.n_tickers)
        # Row by row: a product of matrices may round by how many rows there are.
        steps = [(inputs * weights).sum(axis=1) for weights in self.weights]
        numbers = np.stack(steps, axis=1) + self.intercepts
        return Outlook(scene.windows.footing.decode(numbers))


@dataclass(frozen=True)
class GradientBoosting:
    """Boosted regression trees, one model for each step and level, over all tickers.

    References
    ----------
    .. [1] Friedman (2001), Greedy function approximation: a gradient boosting machine.
    """

    name: str = "gradient_boosting"

    def fit(
        self,
        training: Mapping[str, Scene],
        *,
        levels: Sequence[float],
        horizon: int,
        seed: int,
    ) -> FittedBoosting:
        """Fit on the windows of all tickers together.

        Takes time in proportion to the horizon, and to the number of levels.
        """
        question = Question(tuple(levels), horizon, seed)
        windows = in_time_order([scene.windows for scene in training.values()])
        n_tickers = int(windows.ticker_ids.max())
        inputs = flatten(windows, padding=np.nan, n_tickers=n_tickers)
        answers = windows.footing.encode(windows.actual)
        points = [_trees(inputs, answer, seed) for answer in answers.T]
        quantiles = [
            [_trees(inputs, answer, seed, level) for level in question.levels]
            for answer in answers.T
        ]
        return FittedBoosting(points, quantiles, n_tickers)


@dataclass(frozen=True, eq=False)
class FittedBoosting:
    """Trees for each step and level; a ticker that was not trained on shares them.

    Attributes
    ----------
    points : list of length horizon
    quantiles : list of length horizon, of lists of length n_levels
    n_tickers : int
        Columns at the end of the inputs that mark a ticker.
    """

    points: list[Any]
    quantiles: list[list[Any]]
    n_tickers: int

    def forecast(self, ticker: str, scene: Scene) -> Outlook:  # noqa: ARG002
        """Answer at each place from the window that ends there.

        Quantiles are sorted, so that they do not cross.
        """
        inputs = flatten(scene.windows, padding=np.nan, n_tickers=self.n_tickers)
        footing = scene.windows.footing
        with one_thread():
            points = _answers(self.points, inputs)
            if not self.quantiles[0]:
                return Outlook(footing.decode(points))
            numbers = [_answers(models, inputs) for models in self.quantiles]
        quantiles = np.sort(np.stack(numbers, axis=1), axis=-1)
        return Outlook(footing.decode(points), footing.decode(quantiles))


def flatten(windows: Windows, *, padding: float, n_tickers: int) -> FloatArray:
    """Return one row for each window: all that a network would read.

    Parameters
    ----------
    padding
        Stands for values that padded windows lack.
    n_tickers
        Columns that mark the ticker; one that was not trained on has none marked.

    Returns
    -------
    ndarray of shape (n_windows, n_inputs)
    """
    n_windows = len(windows)
    inputs = np.where(windows.inputs == PADDING, padding, windows.inputs)
    marks = windows.ticker_ids[:, None] == np.arange(1, n_tickers + 1)
    parts = [inputs, windows.known, windows.static, marks]
    flat = [np.reshape(part, (n_windows, -1)).astype(np.float64) for part in parts]
    return np.concatenate(flat, axis=1)


def in_time_order(parts: Sequence[Windows]) -> Windows:
    """Return the windows of all tickers, those with the earliest origin first."""
    joined = Windows.join(parts)
    order: npt.NDArray[np.intp] = np.argsort(joined.origins, kind="stable")
    return joined[order]


def one_thread() -> AbstractContextManager[Any]:
    """Return what keeps scikit-learn to one thread.

    It then adds up in one order, and is fastest for so few windows.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def _answers(models: Sequence[Any], inputs: FloatArray) -> FloatArray:
    return np.stack([model.predict(inputs) for model in models], axis=1)


def _ridge(n_windows: int, gap: int) -> Any:
    """Return a ridge regression; the gap keeps overlapping targets apart."""
    from sklearn import linear_model
    from sklearn.model_selection import TimeSeriesSplit

    if n_windows // (N_FOLDS + 1) <= gap:  # too few to validate on: shrink most
        return linear_model.Ridge(alpha=PENALTIES[-1])
    folds = TimeSeriesSplit(N_FOLDS, gap=gap)
    return linear_model.RidgeCV(PENALTIES, cv=folds, scoring="neg_mean_squared_error")


def _trees(
    inputs: FloatArray, answers: FloatArray, seed: int, level: float | None = None
) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    loss = {} if level is None else {"loss": "quantile", "quantile": level}
    size = POINT_TREES if level is None else QUANTILE_TREES
    model = HistGradientBoostingRegressor(
        **loss, **size, early_stopping=False, random_state=seed
    )
    with one_thread():
        return model.fit(inputs, answers)
