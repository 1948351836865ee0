"""Footings: from what a network is asked for to prices, and exactly back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from forecaster.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Footing:
    """What turns each window's numbers into prices.

    With `logarithmic`, ``price = anchor * exp(spread * number)``; without,
    ``price = anchor + spread * number``.

    Attributes
    ----------
    anchor : ndarray of shape (n_windows, 1)
        A price: the lowest of training or of the window, or that at the origin.
    spread : ndarray of shape (n_windows, horizon)
        One unit of the network's numbers at each step; positive.
    """

    anchor: FloatArray
    spread: FloatArray
    logarithmic: bool

    def encode(self, prices: FloatArray) -> FloatArray:
        """Return numbers for prices of shape (n_windows, horizon), float64."""
        if self.logarithmic:
            return np.asarray(np.log(prices / self.anchor) / self.spread)
        return np.asarray((prices - self.anchor) / self.spread)

    def decode(self, numbers: FloatArray) -> FloatArray:
        """Return prices for numbers of shape (n_windows, horizon) or with quantiles.

        Parameters
        ----------
        numbers : ndarray of shape (n_windows, horizon) or (n_windows, horizon, n)
        """
        values = np.asarray(numbers, dtype=np.float64)
        anchor, spread = self.anchor, self.spread
        if values.ndim > anchor.ndim:
            anchor, spread = anchor[..., None], spread[..., None]
        if self.logarithmic:
            return np.asarray(anchor * np.exp(spread * values))
        return np.asarray(anchor + spread * values)

    def __getitem__(self, chosen: Any) -> Self:
        return type(self)(self.anchor[chosen], self.spread[chosen], self.logarithmic)

    def one_step(self) -> Self:
        """Return the footing of the nearest step alone."""
        return type(self)(self.anchor, self.spread[:, :1], self.logarithmic)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the footings of several series one behind the other."""
        return cls(
            np.concatenate([part.anchor for part in parts]),
            np.concatenate([part.spread for part in parts]),
            parts[0].logarithmic,
        )


def fixed_footing(low: float, span: float, n_windows: int, horizon: int) -> Footing:
    """Return the footing of prices scaled by numbers of the training range."""
    return Footing(
        np.full((n_windows, 1), low), np.full((n_windows, horizon), span), False
    )


def window_footing(price_windows: FloatArray, horizon: int) -> Footing:
    """Return the footing of prices scaled within each window.

    Parameters
    ----------
    price_windows : ndarray of shape (n_windows, lookback)
        The target over each input; NaN where a window is padded.
    """
    low = np.nanmin(price_windows, axis=1, keepdims=True)
    span = np.nanmax(price_windows, axis=1, keepdims=True) - low
    # A window whose price never moved has no width: its own price stands for it.
    span = np.where(span > 0, span, np.abs(low) + (low == 0))
    return Footing(low, np.repeat(span, horizon, axis=1), False)


def return_footing(origin_price: FloatArray, unit: FloatArray, horizon: int) -> Footing:
    """Return the footing of log returns since the origin.

    Parameters
    ----------
    origin_price : ndarray of shape (n_windows,)
    unit : ndarray of shape (n_windows,)
        A typical one-session log return. At step ``k`` the unit is ``sqrt(k)`` times
        as large, as it is for a random walk.
    """
    steps = np.sqrt(np.arange(1, horizon + 1))
    return Footing(origin_price[:, None], unit[:, None] * steps, True)
