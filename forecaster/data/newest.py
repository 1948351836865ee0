"""Newest windows: those of many series at once, each as `last_window` would cut it.

A series that is in any way unusual (too short, with a gap, with a column of text) is
cut by that function itself, and so are its error messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.config.feature_names import scale_free
from forecaster.data.calendar_features import calendar_features
from forecaster.data.footing import (
    Footing,
    fixed_footing,
    return_footing,
    window_footing,
)
from forecaster.data.recent import Recent, Series, recent_rows
from forecaster.data.scaling import FAR, Scaler
from forecaster.data.sequences import Sequences
from forecaster.data.windows import Windows, last_window
from forecaster.errors import DataError


@dataclass(frozen=True, eq=False)
class Newest:
    """The newest window of each series that has one.

    Attributes
    ----------
    windows
        In the order of `places`; None if no series has one.
    places
        Of the series among those that were asked for.
    watched : dict
        By place, recent inputs that may lie far outside the range of training.
    """

    windows: Windows | None
    places: list[int]
    watched: dict[int, pd.DataFrame]


def newest_windows(
    asked: Sequence[Series],
    config: Config,
    scaler: Scaler,
    errors: dict[int, DataError] | None = None,
) -> Newest:
    """Return the newest window of each series.

    Parameters
    ----------
    errors
        Takes, by place, the error of each series that has no window; without it, the
        first such error is raised.

    Raises
    ------
    NotEnoughHistory
        If a series is shorter than the lookback, or than `window.shortest`.
    InvalidPrices
        If a value is missing.
    """
    parts: list[Windows] = []
    places: list[int] = []
    watched: dict[int, pd.DataFrame] = {}
    for recent in recent_rows(asked, config):
        if recent.places:
            series = [asked[place] for place in recent.places]
            parts.append(_cut(recent, series, config, scaler))
            places += recent.places
            watched |= _far(recent, config, scaler)
    for place in sorted(set(range(len(asked))) - set(places)):
        try:
            one = asked[place]
            parts.append(last_window(one.table, config, scaler, one.ahead))
        except DataError as error:
            if errors is None:
                raise
            errors[place] = error
            continue
        places.append(place)
        watched[place] = watched_rows(asked[place], config)
    return Newest(Windows.join(parts) if parts else None, places, watched)


def watched_rows(one: Series, config: Config) -> pd.DataFrame:
    """Return the newest inputs whose range in training is known to the scaler."""
    rows = one.table.features.iloc[-config.window.lookback :]
    return rows.loc[:, _watched(config)]


def _watched(config: Config) -> list[str]:
    names = list(config.features.columns)
    if config.features.scaling != "window":
        return names
    return [name for name in names if scale_free(name)]


def _far(recent: Recent, config: Config, scaler: Scaler) -> dict[int, pd.DataFrame]:
    """Return the watched rows of series that leave the training range far behind."""
    names = _watched(config)
    if scaler.kind == "none" or not names:
        return {}
    far = FAR[scaler.kind]
    upper = 1 + far if scaler.kind == "minmax" else far
    rows, lookback = recent.frame(names), config.window.lookback
    scaled = scaler.transform(rows).reshape(len(recent.places), -1)
    beyond = np.any((scaled < -far) | (scaled > upper), axis=1)
    return {
        recent.places[row]: rows.iloc[row * lookback : (row + 1) * lookback]
        for row in np.flatnonzero(beyond)
    }


def _cut(
    recent: Recent, series: Sequence[Series], config: Config, scaler: Scaler
) -> Windows:
    """Return the windows of series, as `last_window` does of each."""
    n_series, horizon = recent.target.shape[0], len(series[0].ahead)
    nothing = np.full((n_series, horizon), np.nan)
    static = scaler.transform(recent.frame(config.features.static))
    newest = [one.known.index[-1:].to_numpy() for one in series]
    return Windows(
        sequences=Sequences.of(_inputs(recent, config, scaler)),
        wanted=nothing,
        actual=nothing,
        origin_price=recent.target[:, -1],
        origins=np.concatenate(newest),
        sessions=np.stack([one.ahead.to_numpy() for one in series]),
        footing=_footing(recent, config, scaler),
        known=_known(series, config),
        static=static.reshape(*recent.target.shape, static.shape[1])[:, -1],
        ticker_ids=_ticker_ids(series, config),
    )


def _inputs(recent: Recent, config: Config, scaler: Scaler) -> FloatArray:
    """Return scaled inputs of shape (n_series, lookback, n_features)."""
    names = list(config.features.columns)
    scaled = scaler.transform(recent.frame(names))
    inputs = scaled.reshape(*recent.target.shape, len(names))
    if config.features.scaling != "window":
        return inputs
    for place, name in enumerate(names):
        if not scale_free(name):
            own = recent.numbers[..., recent.names.index(name)]
            inputs[..., place] = window_footing(own, 1).encode(own)
    return inputs


def _footing(recent: Recent, config: Config, scaler: Scaler) -> Footing:
    n_series, horizon = len(recent.target), config.window.horizon
    if config.target.form == "price" and config.features.scaling == "window":
        return window_footing(recent.target, horizon)
    if config.target.form == "price":
        name = config.data.target
        return fixed_footing(scaler.low[name], scaler.span(name), n_series, horizon)
    units = recent.volatility
    if config.target.form != "scaled_return":
        units = np.full(n_series, scaler.unit)
    return return_footing(recent.target[:, -1], units, horizon)


def _known(series: Sequence[Series], config: Config) -> FloatArray:
    """Return what the calendar tells of the sessions ahead, made once for each run."""
    found: dict[tuple[pd.Timestamp, bytes], FloatArray] = {}
    each = []
    for one in series:
        key = (one.known.index[-1], one.ahead.to_numpy().tobytes())
        if key not in found:
            made = calendar_features(
                one.ahead,
                config.features.known_future,
                calendar=config.data.calendar,
                before=key[0],
            )
            found[key] = made.to_numpy(np.float32)
        each.append(found[key])
    return np.stack(each)


def _ticker_ids(series: Sequence[Series], config: Config) -> np.ndarray:
    """Return what `ticker_id` returns of each ticker."""
    numbers: dict[str, int] = {}
    for number, name in enumerate(config.data.tickers, start=1):
        numbers.setdefault(name.upper(), number)
    found = [numbers.get(one.ticker.upper(), 0) for one in series]
    return np.array(found, dtype=np.int32)
