"""Feedback: forecasts of later steps from forecasts of earlier ones."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.config.feature_names import is_known_ahead
from forecaster.data.calendar import next_sessions
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table, make_table
from forecaster.data.windows import Windows, last_window
from forecaster.errors import ConfigError

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
    stepper: Stepper, table: Table, window: Windows, sessions: pd.DatetimeIndex
) -> FloatArray:
    """Return prices of more sessions than the network forecasts at once.

    Parameters
    ----------
    window
        The newest window of the table.

    Returns
    -------
    ndarray of shape (n_sessions,)
        Prices in the quote currency.
    """
    if not is_rollable(stepper.config):
        return feed_back(stepper, table, sessions)
    from forecaster.models.rolling import roll_forward

    scaled = roll_forward(
        stepper.network,
        window.inputs,
        horizon=stepper.config.window.horizon,
        n_steps=len(sessions),
    )[0]
    return stepper.scaler.inverse(scaled, stepper.config.data.target)


def feed_back(stepper: Stepper, table: Table, sessions: pd.DatetimeIndex) -> FloatArray:
    """Return prices of sessions, each round reading the forecasts of those before.

    Parameters
    ----------
    table
        Real rows; the last one is the origin.
    sessions
        Sessions to forecast.

    Returns
    -------
    ndarray of shape (n_sessions,)
        Prices in the quote currency.
    """
    config, own = stepper.config, stepper.config.window.horizon
    name = config.data.target
    prices = pd.DataFrame({name: table.target}, index=table.sessions)
    n_known = len(prices)
    while len(prices) < n_known + len(sessions):
        longer = make_table(prices, config, ticker=table.ticker)
        done = len(prices) - n_known
        ahead = next_after(sessions[done:], own, config)
        window = last_window(longer, config, stepper.scaler, ahead)
        steps = stepper.next_prices(window)[0]
        prices = pd.concat([prices, pd.DataFrame({name: steps}, index=ahead)])
    forecast = prices[name].to_numpy(dtype=np.float64)
    return forecast[n_known : n_known + len(sessions)]


def next_after(sessions: pd.DatetimeIndex, n: int, config: Config) -> pd.DatetimeIndex:
    """Return the first `n` of the sessions, and those that follow if they are fewer."""
    if len(sessions) >= n:
        return sessions[:n]
    more = next_sessions(sessions[-1], n - len(sessions), calendar=config.data.calendar)
    return pd.DatetimeIndex(sessions.append(more))


def _is_known(name: str, config: Config) -> bool:
    return name == config.data.target or is_known_ahead(name)
