"""Windows: the examples that a network reads, and the proof of what each may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import DateArray, FloatArray
from forecaster.config import Config
from forecaster.config.feature_names import scale_free
from forecaster.data.calendar_features import calendar_features
from forecaster.data.footing import (
    Footing,
    fixed_footing,
    return_footing,
    window_footing,
)
from forecaster.data.scaling import Scaler
from forecaster.data.sequences import PADDING, Sequences
from forecaster.data.table import Table
from forecaster.errors import NotEnoughHistory


@dataclass(frozen=True, eq=False)
class Windows:
    """Examples cut from series; nothing in an input is later than its origin.

    Attributes
    ----------
    sequences
        The inputs, oldest session first; overlapping windows share memory.
    wanted : ndarray of shape (n_windows, horizon), or Sequences
        What the network is to answer: the steps after the origin, nearest first, or
        for `sequence_to_sequence` the next value at each session of the input.
    actual : ndarray of shape (n_windows, horizon)
        The prices after the origin.
    origin_price : ndarray of shape (n_windows,)
        The price at the origin.
    origins : ndarray of datetime64, shape (n_windows,)
        The last session that each input contains.
    sessions : ndarray of datetime64, shape (n_windows, horizon)
        The sessions that are forecast.
    footing
        Turns the network's numbers into prices.
    known : ndarray of shape (n_windows, horizon, n_known)
        What the calendar tells of the sessions that are forecast.
    static : ndarray of shape (n_windows, n_static)
        Scaled columns at the origin.
    ticker_ids : ndarray of int32, shape (n_windows,)
        Place of the ticker in `data.tickers` from 1 on; 0 for any other.
    """

    sequences: Sequences
    wanted: FloatArray | Sequences
    actual: FloatArray
    origin_price: FloatArray
    origins: DateArray
    sessions: DateArray
    footing: Footing
    known: FloatArray
    static: FloatArray
    ticker_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.origins)

    def __repr__(self) -> str:
        n_windows, lookback, n_features = self.sequences.shape
        return (
            f"Windows(n_windows={n_windows}, lookback={lookback}, "
            f"n_features={n_features}, horizon={self.sessions.shape[1]})"
        )

    def __getitem__(self, chosen: Any) -> Self:
        parts = (getattr(self, field.name)[chosen] for field in fields(self))
        return type(self)(*parts)

    @property
    def inputs(self) -> FloatArray:
        """The inputs as an array of shape (n_windows, lookback, n_features)."""
        return self.sequences.to_array()

    @property
    def targets(self) -> FloatArray:
        """What is wanted, of shape (n_windows, horizon) or (n_windows, lookback)."""
        if isinstance(self.wanted, Sequences):
            return self.wanted.to_array()[..., 0]
        return self.wanted

    @property
    def start(self) -> FloatArray:
        """The price at each origin in the network's numbers, shape (n_windows, 1)."""
        first = self.footing.one_step()
        return first.encode(self.origin_price[:, None]).astype(np.float32)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put the windows of several series one behind the other."""
        if len(parts) == 1:
            return parts[0]
        columns: dict[str, Any] = {
            field.name: [getattr(part, field.name) for part in parts]
            for field in fields(cls)
        }
        footing = Footing.join(columns.pop("footing"))
        joined: dict[str, Any] = {
            name: Sequences.join(values)
            if isinstance(values[0], Sequences)
            else np.concatenate(values)
            for name, values in columns.items()
        }
        return cls(footing=footing, **joined)


def cut_windows(table: Table, config: Config, scaler: Scaler) -> Windows:
    """Return every window of a table whose sessions are all known.

    Raises
    ------
    NotEnoughHistory
        If not even one window fits.
    InvalidPrices
        If a value is missing.
    """
    lookback, horizon = config.window.lookback, config.window.horizon
    table.check()
    n_padded = lookback - (config.window.shortest or lookback)
    n_windows = len(table) + n_padded - lookback - horizon + 1
    if n_windows < 1:
        needed = lookback - n_padded + horizon
        raise NotEnoughHistory(table.ticker, needed, len(table))
    prices = np.concatenate([np.full(n_padded, np.nan), table.target])
    places = np.arange(lookback - 1 - n_padded, len(table) - horizon)
    price_windows = slide(prices, lookback)[:n_windows]
    footing = _footing(table, config, scaler, places, price_windows)
    ahead = slide(table.target[places[0] + 1 :], horizon)
    dates = table.sessions.to_numpy()
    return Windows(
        sequences=_sequences(table, config, scaler, n_padded)[:n_windows],
        wanted=_wanted(config, table, scaler, places, footing, ahead),
        actual=ahead,
        origin_price=table.target[places],
        origins=dates[places],
        sessions=slide(dates[places[0] + 1 :], horizon),
        footing=footing,
        known=slide(
            table.known.to_numpy(np.float32)[places[0] + 1 :], horizon
        ).swapaxes(1, 2),
        static=scaler.transform(table.static)[places],
        ticker_ids=np.full(n_windows, ticker_id(config, table.ticker), np.int32),
    )


def last_window(
    table: Table, config: Config, scaler: Scaler, sessions: pd.DatetimeIndex
) -> Windows:
    """Return the newest window, whose sessions to come are not known.

    Parameters
    ----------
    sessions
        The sessions after the table's last one, as many as the horizon.

    Raises
    ------
    NotEnoughHistory
        If the table is shorter than the lookback, or than `window.shortest`.
    """
    lookback = config.window.lookback
    shortest = config.window.shortest or lookback
    n_ready = max(len(table) - table.n_unready, 0)
    if n_ready < shortest:
        raise NotEnoughHistory(table.ticker, shortest, n_ready)
    recent = table.rows(slice(len(table) - min(lookback, n_ready), len(table)))
    recent.check()
    n_padded = lookback - len(recent)
    place = np.array([len(recent) - 1])
    prices = np.concatenate([np.full(n_padded, np.nan), recent.target])[None]
    footing = _footing(recent, config, scaler, place, prices)
    known = calendar_features(
        sessions,
        config.features.known_future,
        calendar=config.data.calendar,
        before=recent.sessions[-1],
    )
    nothing = np.full((1, len(sessions)), np.nan)
    return Windows(
        sequences=_sequences(recent, config, scaler, n_padded),
        wanted=nothing,
        actual=nothing,
        origin_price=recent.target[place],
        origins=recent.sessions.to_numpy()[place],
        sessions=sessions.to_numpy()[None],
        footing=footing,
        known=known.to_numpy(np.float32)[None],
        static=scaler.transform(recent.static)[place],
        ticker_ids=np.array([ticker_id(config, recent.ticker)], np.int32),
    )


def slide(values: Any, length: int) -> Any:
    """Return every run of `length` values of an array's first axis, as a view.

    Examples
    --------
    >>> slide(np.arange(4), 2).tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0)


def ticker_id(config: Config, ticker: str) -> int:
    """Return a ticker's place in `data.tickers` from 1 on, or 0 for any other."""
    tickers = [name.upper() for name in config.data.tickers]
    return tickers.index(ticker.upper()) + 1 if ticker.upper() in tickers else 0


def _sequences(
    table: Table, config: Config, scaler: Scaler, n_padded: int
) -> Sequences:
    """Return scaled inputs, with padding before the first row."""
    lookback = config.window.lookback
    rows = scaler.transform(table.features)
    if config.features.scaling != "window":
        padding = np.full((n_padded, rows.shape[1]), PADDING, dtype=np.float32)
        return Sequences.cut(np.concatenate([padding, rows]), lookback)
    names = [str(name) for name in table.features.columns]
    own = np.array([not scale_free(name) for name in names])
    raw = np.where(own, table.features.to_numpy(np.float64), rows)
    padding = np.full((n_padded, raw.shape[1]), np.nan)
    cut = Sequences.cut(np.concatenate([padding, raw]), lookback)
    low, span = np.zeros((len(cut), len(names))), np.ones((len(cut), len(names)))
    for place in np.flatnonzero(own):
        footing = window_footing(slide(cut.rows[:, place], lookback), 1)
        low[:, place], span[:, place] = footing.anchor[:, 0], footing.spread[:, 0]
    return replace(cut, low=low, span=span)


def _footing(
    table: Table,
    config: Config,
    scaler: Scaler,
    places: np.ndarray,
    price_windows: FloatArray,
) -> Footing:
    """Return the footing of the windows whose origins are at these rows."""
    horizon, form = config.window.horizon, config.target.form
    if form == "price" and config.features.scaling == "window":
        return window_footing(price_windows, horizon)
    if form == "price":
        name = config.data.target
        low, span = scaler.low[name], scaler.span(name)
        return fixed_footing(low, span, len(places), horizon)
    return return_footing(table.target[places], _units(table, scaler)[places], horizon)


def _units(table: Table, scaler: Scaler) -> FloatArray:
    """Return a typical one-session log return at each row."""
    if len(table.volatility):
        return table.volatility
    return np.full(len(table), scaler.unit)


def _wanted(
    config: Config,
    table: Table,
    scaler: Scaler,
    places: np.ndarray,
    footing: Footing,
    ahead: FloatArray,
) -> FloatArray | Sequences:
    """Return what the network is to answer, as `Windows.wanted`."""
    is_direction = config.model.head == "direction"
    if config.model.shape != "sequence_to_sequence":
        origin_price = table.target[places][:, None]
        answers = ahead > origin_price if is_direction else footing.encode(ahead)
        return answers.astype(np.float32)
    lookback = config.window.lookback
    padding = np.full(lookback - 1 - places[0], np.nan)
    prices = np.concatenate([padding, table.target])
    now, following = prices[:-1], prices[1:]
    own_scale = config.target.form == "price" and config.features.scaling == "window"
    if is_direction:
        rows = (following > now).astype(np.float64)
    elif own_scale:
        rows = np.where(np.isnan(now), np.nan, following)
    elif config.target.form == "price":
        rows = (following - footing.anchor[0, 0]) / footing.spread[0, 0]
    else:
        units = np.concatenate([padding, _units(table, scaler)])[:-1]
        rows = np.log(following / now) / units
    if own_scale and not is_direction:
        cut = Sequences.cut(rows[:, None], lookback, missing=0.0)[: len(places)]
        return replace(cut, low=footing.anchor, span=footing.spread[:, :1])
    known = np.where(np.isnan(now), 0.0, rows).astype(np.float32)
    return Sequences.cut(known[:, None], lookback)[: len(places)]
