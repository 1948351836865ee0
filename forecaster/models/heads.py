"""Heads: what the last layer's numbers mean, and how they are scored in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.config import Config, ModelConfig
from forecaster.models.backend import load_keras

MEDIAN = 0.5
# Below two degrees of freedom a Student-t has no variance.
LEAST_FREEDOM, LEAST_SCALE = 2.0, 1e-4
# A shortcut scales no spread by more than exp(3), about 20, nor by less than 1/20.
WIDEST = 3.0


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network says of each window, in its own numbers.

    Attributes
    ----------
    centre : ndarray of shape (n_windows, horizon)
        The forecast: the point, the median, or the location.
    quantiles : ndarray of shape (n_windows, horizon, n_quantiles), optional
        Increasing along the last axis.
    probability_up : ndarray of shape (n_windows, horizon), optional
        Of a price above that of the origin.
    """

    centre: FloatArray
    quantiles: FloatArray | None = None
    probability_up: FloatArray | None = None


def n_outputs(model: ModelConfig) -> int:
    """Return how many numbers a network gives for each step.

    With a shortcut, the last one is the logarithm of what it scales the spread by.
    """
    widths = {"point": 1, "student_t": 3, "direction": 2}
    return widths.get(model.head, len(model.quantiles)) + model.spread_shortcut


def has_output_axis(model: ModelConfig) -> bool:
    """Return whether a network's answer has an axis of outputs behind that of steps."""
    return model.head != "point" or model.shape == "sequence_to_sequence"


def loss_for(config: Config) -> str | Callable[[Any, Any], Any]:
    """Return the loss of a head: Keras's name of it, or a function.

    The functions take real values of shape (n_windows, n_steps, 1).

    The quantile head has the pinball loss, averaged over quantiles; the Student-t head
    its negative log likelihood; the direction head the cross-entropy.

    References
    ----------
    .. [1] Koenker & Bassett (1978), Regression quantiles.
    .. [2] Lange, Little & Taylor (1989), Robust statistical modeling using the t
       distribution.
    """
    if config.model.head == "quantiles":
        return _pinball(config.model)
    if config.model.head == "student_t":
        return _student_t(config.model)
    if config.model.head == "direction":
        return _cross_entropy
    return config.training.loss


def centre_of(raw: Any, model: ModelConfig) -> Any:
    """Return the forecast among the last layer's numbers, (..., 1), to feed back."""
    place = model.quantiles.index(MEDIAN) if model.head == "quantiles" else 0
    return raw[..., place : place + 1]


def read_answer(raw: FloatArray, model: ModelConfig) -> Answer:
    """Turn the last layer's numbers into forecasts; members are averaged.

    Parameters
    ----------
    raw : ndarray of shape (n_windows, [members,] horizon[, n_outputs])
    """
    values = np.asarray(raw, dtype=np.float64)
    if model.members == 1:
        values = values[:, None]
    if model.head == "point":
        return Answer(values.mean(axis=1))
    if model.head == "direction":
        odds = values[..., 1] - values[..., 0]
        up = (1 / (1 + np.exp(-odds))).mean(axis=1)
        return Answer(np.zeros_like(up), probability_up=up)
    read = _ordered_numbers if model.head == "quantiles" else _student_t_quantiles
    quantiles = read(values, model).mean(axis=1)
    return Answer(quantiles[..., model.quantiles.index(MEDIAN)], quantiles)


def _ordered(raw: Any, model: ModelConfig) -> Any:
    """Return quantiles that cannot cross: the median, and steps away from it."""
    ops, middle = load_keras().ops, model.quantiles.index(MEDIAN)
    numbers, spread = raw[..., : len(model.quantiles)], _spread(raw, model, ops)
    centre = numbers[..., middle : middle + 1]
    rise = ops.cumsum(ops.softplus(numbers[..., middle + 1 :]), axis=-1)
    steps = ops.flip(ops.softplus(numbers[..., :middle]), axis=-1)
    drop = ops.flip(ops.cumsum(steps, axis=-1), axis=-1)
    return ops.concatenate(
        [centre - spread * drop, centre, centre + spread * rise], axis=-1
    )


def _ordered_numbers(raw: FloatArray, model: ModelConfig) -> FloatArray:
    """Return what `_ordered` does, for numbers."""
    middle = model.quantiles.index(MEDIAN)
    numbers, spread = raw[..., : len(model.quantiles)], _spread(raw, model, np)
    centre = numbers[..., middle : middle + 1]
    rise = np.cumsum(_softplus(numbers[..., middle + 1 :]), axis=-1)
    steps = np.cumsum(_softplus(numbers[..., :middle])[..., ::-1], axis=-1)
    return np.concatenate(
        [centre - spread * steps[..., ::-1], centre, centre + spread * rise], axis=-1
    )


def _spread(raw: Any, model: ModelConfig, maths: Any) -> Any:
    """Return what a shortcut scales distances from the median by; 1 without one.

    `maths` is NumPy for numbers, or the operations of Keras for tensors.
    """
    if not model.spread_shortcut:
        return maths.ones_like(raw[..., :1])
    return maths.exp(maths.clip(raw[..., -1:], -WIDEST, WIDEST))


def _softplus(values: FloatArray) -> FloatArray:
    return np.logaddexp(0.0, values)


def _pinball(model: ModelConfig) -> Callable[[Any, Any], Any]:
    def pinball(actual: Any, raw: Any) -> Any:
        ops = load_keras().ops
        levels = ops.convert_to_tensor(list(model.quantiles), dtype="float32")
        error = actual - _ordered(raw, model)
        return ops.mean(ops.maximum(levels * error, (levels - 1) * error), axis=-1)

    return pinball


def _student_t(model: ModelConfig) -> Callable[[Any, Any], Any]:
    def student_t(actual: Any, raw: Any) -> Any:
        ops = load_keras().ops
        actual, location = actual[..., 0], raw[..., 0]
        scale = ops.softplus(raw[..., 1]) + LEAST_SCALE
        scale = scale * _spread(raw, model, ops)[..., 0]
        freedom = ops.softplus(raw[..., 2]) + LEAST_FREEDOM
        half = (freedom + 1) / 2
        distance = ops.square((actual - location) / scale) / freedom
        return (
            ops.log(scale)
            + 0.5 * ops.log(freedom * np.float32(np.pi))
            + _log_gamma(freedom / 2)
            - _log_gamma(half)
            + half * ops.log1p(distance)
        )

    return student_t


def _log_gamma(x: Any) -> Any:
    """Return the logarithm of the gamma function for arguments from 1 on.

    Stirling's series at ``x + 4``, brought back by the recurrence; the error is below
    1e-6 in single precision.
    """
    ops = load_keras().ops
    shifted = x + 4.0
    steps = ops.log(x * (x + 1.0) * (x + 2.0) * (x + 3.0))
    series = 1.0 / (12.0 * shifted) - 1.0 / (360.0 * shifted**3)
    half_log = np.float32(0.5 * np.log(2 * np.pi))
    return (shifted - 0.5) * ops.log(shifted) - shifted + half_log + series - steps


def _student_t_quantiles(raw: FloatArray, model: ModelConfig) -> FloatArray:
    from scipy import stats

    location = raw[..., 0:1]
    scale = (_softplus(raw[..., 1:2]) + LEAST_SCALE) * _spread(raw, model, np)
    freedom = _softplus(raw[..., 2:3]) + LEAST_FREEDOM
    ranks = stats.t.ppf(np.array(model.quantiles), freedom)
    return np.asarray(location + scale * ranks)


def _cross_entropy(actual: Any, raw: Any) -> Any:
    ops = load_keras().ops
    return ops.sparse_categorical_crossentropy(
        ops.cast(actual[..., 0], "int32"), raw, from_logits=True
    )
