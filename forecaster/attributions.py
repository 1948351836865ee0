"""Attributions: how much each number of a window moves a forecast."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.config import ModelConfig
from forecaster.data.calendar import as_day
from forecaster.data.prices import ticker_of
from forecaster.data.sequences import PADDING
from forecaster.data.windows import Windows
from forecaster.errors import ConfigError, ForecastWarning
from forecaster.forecasting import Forecaster
from forecaster.models.backend import load_keras
from forecaster.models.feeding import feed
from forecaster.models.heads import MEDIAN
from forecaster.ranges import window_known_at, windows_between

BASELINES = ("mean", "zero", "origin")
BATCH = 256
# A gap beyond this share of the change asks for more steps.
WIDE_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Attributions:
    """What each number of each window adds to the forecast of the next session.

    Attributes
    ----------
    ticker, target, baseline
        Whose price, which one, and what the windows are compared with.
    features
        Names of the columns that the window holds.
    origins : ndarray of datetime64, shape (n_windows,)
        The last session of each window.
    values : ndarray of shape (n_windows, lookback, n_features)
        In the network's numbers, with a direction head a probability of a rise;
        oldest session first. Zero where a window is padded.
    currency : ndarray of the same shape, optional
        In the quote currency; None where prices are no linear function of the
        network's numbers (log returns, directions).
    forecast, baseline_forecast : ndarray of shape (n_windows,)
        The network's number for the window, and for its baseline.
    """

    ticker: str
    target: str
    baseline: str
    features: tuple[str, ...]
    origins: DateArray
    values: FloatArray
    currency: FloatArray | None
    forecast: FloatArray
    baseline_forecast: FloatArray

    @property
    def gap(self) -> FloatArray:
        """By how much the sums miss the change of the forecast, (n_windows,)."""
        change = self.forecast - self.baseline_forecast
        return np.asarray(self.values.sum(axis=(1, 2)) - change)

    @property
    def unit(self) -> str:
        """What `mean_absolute` is counted in."""
        return "network's numbers" if self.currency is None else "quote currency"

    @property
    def mean_absolute(self) -> pd.DataFrame:
        """Mean of the absolute values, one row for each session, the origin last.

        The index counts sessions from the origin: ``1 - lookback`` to 0.
        """
        values = self.values if self.currency is None else self.currency
        return self._framed(np.abs(values).mean(axis=0))

    def of(self, origin: str | date) -> pd.DataFrame:
        """Return the signed values of the window that ends on a date.

        Raises
        ------
        ConfigError
            If no window ends there.
        """
        found = np.flatnonzero(self.origins == as_day(origin).to_datetime64())
        if not len(found):
            raise ConfigError(
                f"no window ends on {origin}: there are {len(self.origins)}, from "
                f"{pd.Timestamp(self.origins[0]).date()} to "
                f"{pd.Timestamp(self.origins[-1]).date()}"
            )
        values = self.values if self.currency is None else self.currency
        return self._framed(values[found[0]])

    def _framed(self, values: FloatArray) -> pd.DataFrame:
        sessions = pd.Index(np.arange(1 - len(values), 1), name="session_from_origin")
        return pd.DataFrame(values, index=sessions, columns=list(self.features))


def integrated_gradients(  # noqa: PLR0913  three of them say which windows
    forecaster: Forecaster,
    prices: pd.DataFrame,
    *,
    start: str | date | None = None,
    end: str | date | None = None,
    as_of: str | date | None = None,
    n_steps: int = 64,
    baseline: str = "mean",
    n_windows: int | None = None,
) -> Attributions:
    """Attribute the centre of the next session's forecast to the window's numbers.

    The gradient of the forecast is averaged over the straight path from a baseline to
    the window, and multiplied by their difference; the sum over a window is then how
    far its forecast lies from that of the baseline. All that the network reads beside
    the window (calendar, static columns, ticker, a decoder's start) is held fixed.

    Parameters
    ----------
    start, end
        The range, as in `Forecaster.evaluate`.
    as_of
        Explain the one forecast that knows the prices up to this date, instead of a
        range.
    n_steps
        Places on the path (midpoint rule).
    baseline
        `mean` is a window that stands still at its own mean, feature by feature;
        `origin` one that stands still at its last session; `zero` is 0 in the
        network's numbers: the lowest of training with minmax, its mean with standard.
    n_windows
        Explain at most so many windows, evenly chosen from the range.

    Raises
    ------
    ConfigError
        If the backend of Keras is not TensorFlow, or an option makes no sense.
    DataError
        If no session lies in the range, or too few before it.

    Warns
    -----
    ForecastWarning
        If the sums miss the change of the forecast by more than 5%: raise `n_steps`.

    References
    ----------
    .. [1] Sundararajan, Taly & Yan (2017), Axiomatic attribution for deep networks.
    .. [2] Sturmfels, Lundberg & Lee (2020), Visualizing the impact of feature
       attribution baselines.
    """
    _check_options(baseline, n_steps, n_windows)
    windows = _windows(forecaster, prices, start, end, as_of)
    if n_windows is not None and n_windows < len(windows):
        places = np.linspace(0, len(windows) - 1, n_windows).round().astype(int)
        windows = windows[places]
    from_windows = baseline_windows(windows.inputs, baseline)
    gradients, ends = _integrate(forecaster, windows, from_windows, n_steps)
    values = gradients * (windows.inputs - from_windows)
    linear = not windows.footing.logarithmic
    priced = linear and forecaster.config.model.head != "direction"
    found = Attributions(
        ticker=ticker_of(prices, forecaster.config),
        target=forecaster.config.data.target,
        baseline=baseline,
        features=forecaster.config.features.columns,
        origins=windows.origins,
        values=values,
        currency=values * windows.footing.spread[:, :1, None] if priced else None,
        forecast=ends[1],
        baseline_forecast=ends[0],
    )
    _warn_of_gap(found, n_steps)
    return found


def baseline_windows(inputs: FloatArray, baseline: str) -> FloatArray:
    """Return what inputs are compared with, in their shape; padding stays padding."""
    padded = (inputs == PADDING).all(axis=-1, keepdims=True)
    if baseline == "zero":
        still: FloatArray = np.zeros_like(inputs)
    elif baseline == "origin":
        still = np.repeat(inputs[:, -1:], inputs.shape[1], axis=1)
    else:
        real = (~padded).sum(axis=1, keepdims=True)
        total = np.where(padded, 0.0, inputs).sum(axis=1, keepdims=True, dtype=float)
        still = np.broadcast_to(total / real, inputs.shape)
    return np.where(padded, inputs, still).astype(np.float32)


def _check_options(baseline: str, n_steps: int, n_windows: int | None) -> None:
    backend = load_keras().backend.backend()
    if backend != "tensorflow":
        raise ConfigError(
            f"integrated gradients need Keras on TensorFlow, and it runs on {backend}. "
            "Set KERAS_BACKEND=tensorflow, or use `permutation_importance`."
        )
    if baseline not in BASELINES:
        raise ConfigError(
            f"baseline must be one of {', '.join(BASELINES)}, got {baseline!r}"
        )
    for name, count in (("n_steps", n_steps), ("n_windows", n_windows)):
        if count is not None and count < 1:
            raise ConfigError(f"{name} must be at least 1, got {count}")


def _windows(
    forecaster: Forecaster,
    prices: pd.DataFrame,
    start: str | date | None,
    end: str | date | None,
    as_of: str | date | None,
) -> Windows:
    if as_of is None:
        return windows_between(forecaster, prices, start, end)
    if start is not None or end is not None:
        raise ConfigError("explain a range or a date: leave out start and end or as_of")
    return window_known_at(forecaster, prices, as_of)


def _integrate(
    forecaster: Forecaster, windows: Windows, start: FloatArray, n_steps: int
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """Return mean gradients, and the forecasts at both ends of the path."""
    import tensorflow as tf

    model, network = forecaster.config.model, forecaster.network
    inputs = feed(windows, forecaster.config)
    named = inputs if isinstance(inputs, dict) else {"window": inputs}
    others = {name: value for name, value in named.items() if name != "window"}

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def forecast_and_gradient(window: Any, beside: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(window)
            read = {"window": window, **beside} if beside else window
            forecast = next_centre(network(read, training=False), model)
        return forecast, tape.gradient(
            forecast, window, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def at(share: float) -> tuple[FloatArray, FloatArray]:
        place = (start + share * (named["window"] - start)).astype(np.float32)
        parts = []
        for begin in range(0, len(place), BATCH):
            rows = slice(begin, begin + BATCH)
            beside = {name: tf.constant(value[rows]) for name, value in others.items()}
            parts.append(forecast_and_gradient(tf.constant(place[rows]), beside))
        forecasts, gradients = zip(*parts, strict=True)
        return (
            np.concatenate([part.numpy() for part in forecasts]).astype(float),
            np.concatenate([part.numpy() for part in gradients]).astype(float),
        )

    total = np.zeros(start.shape)
    for step in range(n_steps):
        total += at((step + 0.5) / n_steps)[1]
    return total / n_steps, (at(0.0)[0], at(1.0)[0])


def next_centre(raw: Any, model: ModelConfig) -> Any:
    """Return the centre of the next session's forecast, a tensor of (n_windows,).

    The point, the median, the location, or with a direction head the probability of a
    rise, as `forecaster.models.heads.read_answer` says; members are averaged.

    Parameters
    ----------
    raw : tensor of shape (n_windows, [members,] n_steps[, n_outputs])
    """
    ops = load_keras().ops
    step = -1 if model.shape == "sequence_to_sequence" else 0
    has_outputs = len(raw.shape) == 3 + (model.members > 1)
    nearest = raw[..., step, :] if has_outputs else raw[..., step : step + 1]
    if model.head == "direction":
        centre = ops.sigmoid(nearest[..., 1] - nearest[..., 0])
    else:
        middle = model.quantiles.index(MEDIAN) if model.head == "quantiles" else 0
        centre = nearest[..., middle]
    return ops.mean(centre, axis=1) if model.members > 1 else centre


def _warn_of_gap(found: Attributions, n_steps: int) -> None:
    change = np.abs(found.forecast - found.baseline_forecast).mean()
    gap = np.abs(found.gap).mean()
    if gap > WIDE_GAP * change and not np.isclose(gap, 0, atol=1e-6):
        warnings.warn(
            f"attributions miss the change of the forecast by {gap:.2g} on average, "
            f"with a change of {change:.2g}: raise n_steps ({n_steps}).",
            ForecastWarning,
            stacklevel=3,
        )
