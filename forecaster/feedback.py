"""Feedback: forecasts of later steps from forecasts of earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.config.feature_names import is_known_ahead
from forecaster.data.calendar import as_day, next_sessions
from forecaster.data.newest import newest_windows
from forecaster.data.recent import Series
from forecaster.data.scaling import Scaler
from forecaster.data.splits import session_index
from forecaster.data.windows import Windows
from forecaster.doubts import warn_of_gap
from forecaster.errors import ConfigError
from forecaster.models.feeding import feed

MOST_STEPS = 250
UNROLLED = ("encoder_decoder", "vector_to_sequence")


class Stepper(Protocol):
    """What forecasts the steps that its network forecasts at once."""

    @property
    def config(self) -> Config:
        """The settings that it was trained with."""
        ...

    @property
    def scaler(self) -> Scaler:
        """Fitted on the training rows alone."""
        ...

    @property
    def network(self) -> Any:
        """Keras model."""
        ...

    def next_prices(self, windows: Windows) -> FloatArray:
        """Return the forecast prices of windows, (n_windows, horizon)."""
        ...


@dataclass(frozen=True)
class Request:
    """How far ahead is asked, and what may be known for it; checked."""

    n_steps: int
    as_of: pd.Timestamp | None

    @classmethod
    def of(cls, config: Config, horizon: int | None, as_of: str | date | None) -> Self:
        """Check what a network is asked for.

        Raises
        ------
        ConfigError
            If it would need inputs that nobody knows, or `as_of` is no date.
        """
        n_steps = config.window.horizon if horizon is None else horizon
        check_horizon(n_steps, config)
        return cls(n_steps, None if as_of is None else as_day(as_of))

    def known(self, prices: pd.DataFrame) -> pd.DataFrame:
        """Return the prices that may be known.

        Raises
        ------
        DataError
            If it is no price frame.
        """
        sessions = session_index(prices)
        if self.as_of is None:
            return prices
        stop = int(sessions.searchsorted(self.as_of, side="right"))
        return prices if stop == len(prices) else prices.iloc[:stop]

    def warn_of_gap(self, one: Series) -> None:
        """Warn if the prices end before the date that the forecast is asked for."""
        if self.as_of is not None and one.sessions[0] <= self.as_of:
            warn_of_gap(one.known.index[-1].date(), self.as_of.date(), one.ticker)


def check_horizon(n_steps: int, config: Config) -> None:
    """Refuse a horizon that would need inputs that nobody knows.

    Raises
    ------
    ConfigError
        With what is possible instead.
    """
    own = config.window.horizon
    if not 1 <= n_steps <= MOST_STEPS:
        raise ConfigError(
            f"horizon must be at least 1 and at most {MOST_STEPS}, got {n_steps}"
        )
    if n_steps <= own or config.model.shape in UNROLLED:
        return
    inputs = (*config.features.columns, *config.features.static)
    others = [name for name in inputs if not _is_known(name, config)]
    cure = f"Ask for at most {own}, or train with `window.horizon={n_steps}`."
    if others:
        raise ConfigError(
            f"cannot forecast {n_steps} sessions: this network forecasts {own} and "
            f"reads {', '.join(others)}, whose later values nobody knows. {cure}"
        )
    if config.model.head != "point":
        raise ConfigError(
            f"cannot forecast {n_steps} sessions: this network forecasts {own}, and "
            f"its {config.model.head} head cannot be fed back. {cure}"
        )


def is_rollable(config: Config) -> bool:
    """Return whether forecasts are fed back just as they are, in one compiled call."""
    return (
        config.features.columns == (config.data.target,)
        and not (config.features.known_future or config.features.static)
        and not config.model.ticker_embedding
        and config.target.form == "price"
        and config.features.scaling != "window"
        and config.model.members == 1
        and not config.window.shortest
    )


def steps_beyond(
    stepper: Stepper, series: Sequence[Series], windows: Windows
) -> FloatArray:
    """Return prices of more sessions than the network forecasts at once.

    Parameters
    ----------
    series
        Each with as many sessions that are asked for.
    windows
        The newest window of each.

    Returns
    -------
    ndarray of shape (n_series, n_sessions)
        Prices in the quote currency.
    """
    config = stepper.config
    if not is_rollable(config):
        return feed_back(stepper, series)
    from forecaster.models.rolling import roll_forward

    scaled = roll_forward(
        stepper.network,
        feed(windows, config),
        horizon=config.window.horizon,
        n_steps=len(series[0].sessions),
    )
    return stepper.scaler.inverse(scaled, config.data.target)


def feed_back(stepper: Stepper, series: Sequence[Series]) -> FloatArray:
    """Return prices of sessions, each round reading the forecasts of those before.

    Each round asks the network once, about all series.

    Returns
    -------
    ndarray of shape (n_series, n_sessions)
        Prices in the quote currency.
    """
    config, name = stepper.config, stepper.config.data.target
    n_steps, own = len(series[0].sessions), config.window.horizon
    known = [pd.DataFrame({name: one.target}, one.known.index) for one in series]
    made: list[FloatArray] = []
    for begin in range(0, n_steps, own):
        rounds = [
            replace(
                one, known=rows, ahead=next_after(one.sessions[begin:], own, config)
            )
            for one, rows in zip(series, known, strict=True)
        ]
        newest = newest_windows(rounds, config, stepper.scaler)
        assert newest.windows is not None  # noqa: S101  all have one, or it raises
        steps = stepper.next_prices(newest.windows)[np.argsort(newest.places)]
        made.append(steps)
        known = [
            pd.concat([one.known, pd.DataFrame({name: prices}, one.ahead)])
            for one, prices in zip(rounds, steps, strict=True)
        ]
    return np.concatenate(made, axis=1, dtype=np.float64)[:, :n_steps]


def next_after(sessions: pd.DatetimeIndex, n: int, config: Config) -> pd.DatetimeIndex:
    """Return the first `n` of the sessions, and those that follow if they are fewer."""
    if len(sessions) >= n:
        return sessions[:n]
    more = next_sessions(sessions[-1], n - len(sessions), calendar=config.data.calendar)
    return pd.DatetimeIndex(sessions.append(more))


def _is_known(name: str, config: Config) -> bool:
    return name == config.data.target or is_known_ahead(name)
