"""Direction: how often a forecast names the side to which a price moves."""

from __future__ import annotations

import numpy as np

from forecaster.arrays import FloatArray


def directional_accuracy(
    actual: FloatArray, predicted: FloatArray, origin_price: FloatArray
) -> float:
    """Return the share of moves whose sign was forecast.

    Parameters
    ----------
    actual, predicted : ndarray of one shape
        Prices in the quote currency.
    origin_price : ndarray that broadcasts to the same shape
        The price at each origin, from which both moves are counted.

    Returns
    -------
    float
        In 0 to 1; windows whose actual price did not move are left out. NaN if the
        forecast never takes a side (as last-value never does) or nothing moved.
    """
    actual_move = np.sign(actual - origin_price)
    predicted_move = np.sign(predicted - origin_price)
    moved = actual_move != 0
    if not moved.any() or not predicted_move.any():
        return float("nan")
    return float(np.mean(actual_move[moved] == predicted_move[moved]))


def majority_rate(actual: FloatArray, origin_price: FloatArray) -> float:
    """Return the share of moves in the commoner direction.

    It is the directional accuracy of always guessing that direction, so an accuracy is
    worth something only above it.

    Parameters
    ----------
    actual : ndarray
        Prices in the quote currency.
    origin_price : ndarray that broadcasts to the same shape
        The price at each origin, from which moves are counted.

    Returns
    -------
    float
        In 0.5 to 1; prices that did not move are left out. NaN if nothing moved.

    Examples
    --------
    >>> majority_rate(np.array([11.0, 12.0, 9.0, 13.0]), np.array([10.0]))
    0.75
    """
    moves = np.sign(actual - origin_price)
    moved = moves[moves != 0]
    if not moved.size:
        return float("nan")
    share_up = float(np.mean(moved > 0))
    return max(share_up, 1 - share_up)
