"""Scenes: what a baseline may see and where it is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.data.table import Table
from forecaster.data.windows import Windows
from forecaster.errors import ConfigError, DataError, InvalidPrices


@dataclass(frozen=True, eq=False)
class Scene:
    """What a baseline may see, and where it is asked.

    Everything after a place is unknown to the forecast made there.

    Attributes
    ----------
    prices : ndarray of shape (n_sessions,)
        The price that is forecast, oldest first; positive wherever a method takes
        logarithms.
    places : ndarray of int, shape (n_windows,)
        Row of each origin, increasing; at least one.
    windows
        What a network reads: window `i` has its origin at ``places[i]``.
    """

    prices: FloatArray
    places: npt.NDArray[np.intp]
    windows: Windows

    @property
    def origin_price(self) -> FloatArray:
        """The price at each origin, shape (n_windows,)."""
        return self.prices[self.places]

    @property
    def known(self) -> FloatArray:
        """The prices up to the last origin."""
        return self.prices[: self.places[-1] + 1]


@dataclass(frozen=True, eq=False)
class Outlook:
    """What a baseline answers.

    Attributes
    ----------
    centre : ndarray of shape (n_windows, horizon)
        Prices in the quote currency.
    quantiles : ndarray of shape (n_windows, horizon, n_levels), optional
        Prices that do not fall along the last axis.
    probability_up : ndarray of shape (n_windows, horizon), optional
        Of a price above that at the origin, where a network says it.
    """

    centre: FloatArray
    quantiles: FloatArray | None = None
    probability_up: FloatArray | None = None


@dataclass(frozen=True)
class Question:
    """What every forecast of a fitted baseline answers.

    Attributes
    ----------
    levels
        Probabilities of the quantiles, increasing; empty for none.
    horizon
        Sessions ahead.
    seed
        Of all randomness.

    Raises
    ------
    ConfigError
        If the levels do not increase inside (0, 1), or the horizon is not positive.
    """

    levels: tuple[float, ...]
    horizon: int
    seed: int

    def __post_init__(self) -> None:
        edges = np.array([0.0, *self.levels, 1.0])
        if not (np.diff(edges) > 0).all():
            raise ConfigError(
                f"the levels of quantiles must increase inside (0, 1), and are "
                f"{', '.join(f'{level:g}' for level in self.levels)}"
            )
        if self.horizon < 1:
            raise ConfigError(f"horizon must be at least 1, and is {self.horizon}")

    @property
    def steps(self) -> FloatArray:
        """The steps 1 to horizon."""
        return np.arange(1.0, self.horizon + 1)


class FittedBaseline(Protocol):
    """A baseline that has seen its training prices."""

    def forecast(self, ticker: str, scene: Scene) -> Outlook:
        """Answer at each place of a scene from the prices up to that place."""


class Baseline(Protocol):
    """A forecast that costs little, which a network has to beat."""

    @property
    def name(self) -> str:
        """What it is called in tables."""

    def fit(
        self,
        training: Mapping[str, Scene],
        *,
        levels: Sequence[float],
        horizon: int,
        seed: int,
    ) -> FittedBaseline:
        """Fit on training scenes by ticker, whose prices end with training."""


def scene_of(table: Table, windows: Windows) -> Scene:
    """Return the scene of windows that were cut from a table.

    Parameters
    ----------
    table
        All rows from the first training session on, up to the last one known.
    windows
        Windows of the table's ticker, oldest first.

    Raises
    ------
    DataError
        If there is no window, or one has its origin at no session of the table.
    """
    places = table.sessions.get_indexer(pd.DatetimeIndex(windows.origins))
    if not len(places) or (places < 0).any():
        strange = windows.origins[places < 0]
        found = f"and {strange[0]} is not" if len(strange) else "and there is no window"
        raise DataError(
            f"{table.ticker}: each window must have its origin at a session of the "
            f"table, {found}. Cut the windows from this table."
        )
    return Scene(table.target, places, windows)


def log_prices(ticker: str, prices: FloatArray) -> FloatArray:
    """Return the logarithms of prices.

    Raises
    ------
    InvalidPrices
        If a price is not positive.
    """
    bad = ~(prices > 0)
    if bad.any():
        raise InvalidPrices(
            f"{ticker}: this baseline takes logarithms, and a price is "
            f"{prices[bad][0]:g}. Leave it out for prices that are not positive."
        )
    return np.asarray(np.log(prices))
