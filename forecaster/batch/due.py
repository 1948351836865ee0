"""What is due: sessions after which forecasts are wanted that have not been made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from forecaster.config import Config
from forecaster.config.batch import BatchConfig, ForecastConfig
from forecaster.data.calendar import as_day, sessions_between
from forecaster.data.finished import SETTLING_TIME, as_moment, last_finished_session
from forecaster.errors import ConfigError
from forecaster.ledger import Ledger
from forecaster.ledger.schema import N_DIGITS

# The longest closure on record took 36 days (Athens, 2015).
LONGEST_CLOSURE = 40
MOST_CAUGHT_UP = 1000


@dataclass(frozen=True)
class Wanted:
    """What a whole forecast has in the ledger.

    Attributes
    ----------
    n_sessions
        Sessions that are forecast.
    n_rows
        Of all sessions: prices and quantiles.
    """

    n_sessions: int
    n_rows: int

    @classmethod
    def of(cls, config: Config, settings: ForecastConfig) -> Wanted:
        """Return what the settings of a network and of a batch ask for."""
        n_sessions = settings.horizon or config.window.horizon
        quantiles: set[float] = set()
        if config.model.has_quantiles and n_sessions <= config.window.horizon:
            quantiles = {round(own, N_DIGITS) for own in config.model.quantiles}
            quantiles |= {end for level in settings.levels for end in ends_of(level)}
        return cls(n_sessions, n_sessions * (1 + len(quantiles)))


@dataclass(frozen=True)
class Due:
    """The work of one batch.

    Attributes
    ----------
    origins
        Sessions after which forecasts are wanted, oldest first.
    missing
        By origin, the tickers whose forecasts are not in the ledger.
    """

    origins: tuple[date, ...]
    missing: dict[date, tuple[str, ...]]

    @property
    def pairs(self) -> list[tuple[date, str]]:
        """Every missing origin and ticker, oldest origin first."""
        return [(day, name) for day in self.origins for name in self.missing[day]]


def ends_of(level: float) -> tuple[float, float]:
    """Return the probabilities at the ends of a central interval, as keys have them.

    >>> ends_of(0.8)
    (0.1, 0.9)
    """
    return round((1 - level) / 2, N_DIGITS), round((1 + level) / 2, N_DIGITS)


def wanted_origins(
    config: BatchConfig,
    *,
    now: datetime,
    as_of: str | date | None = None,
    catch_up: int = 0,
) -> tuple[date, ...]:
    """Return the sessions after which forecasts are wanted, oldest first.

    The newest is the last session whose close, early on half days, is as long ago as
    the settings say. On a holiday that is the session before it.

    Parameters
    ----------
    as_of
        Pretend that it is the evening of this date.
    catch_up
        How many sessions before the newest are wanted too.

    Raises
    ------
    ConfigError
        If `as_of` is not over yet, or `catch_up` is out of range.
    """
    if not 0 <= catch_up <= MOST_CAUGHT_UP:
        raise ConfigError(f"catch up 0 to {MOST_CAUGHT_UP} sessions, got {catch_up}")
    calendar = config.source.calendar
    delay = pd.Timedelta(minutes=config.forecast.delay_minutes) - SETTLING_TIME
    newest = last_finished_session((as_moment(now) - delay).to_pydatetime(), calendar)
    if as_of is not None:
        newest = _session_of(as_day(as_of), newest, calendar)
    days = LONGEST_CLOSURE + 2 * catch_up
    sessions = sessions_between(newest - pd.Timedelta(days=days), newest, calendar)
    return tuple(day.date() for day in sessions[-1 - catch_up :])


def find_due(
    ledger: Ledger,
    model: str,
    wanted: Wanted,
    universe: Sequence[str],
    origins: Sequence[date],
) -> Due:
    """Return which of the wanted forecasts are not in the ledger.

    Parameters
    ----------
    model
        Its name in the ledger.
    wanted
        What a whole forecast has.
    """
    missing = {}
    for origin in origins:
        rows = ledger.known(model, origin=origin)
        enough = rows["n_sessions"] >= wanted.n_sessions
        whole = set(rows.loc[enough & (rows["n_rows"] >= wanted.n_rows), "ticker"])
        missing[origin] = tuple(name for name in universe if name not in whole)
    return Due(tuple(origins), missing)


def _session_of(
    wanted: pd.Timestamp, newest: pd.Timestamp, calendar: str
) -> pd.Timestamp:
    """Return the last session up to a day in the past."""
    if wanted > newest:
        following = sessions_between(newest, wanted, calendar)
        if len(following) > 1:
            raise ConfigError(
                f"as of {wanted:%F}: the session of {following[1]:%F} is not over, or "
                f"not long enough. The last one that is due is {newest:%F}."
            )
    sessions = sessions_between(
        wanted - pd.Timedelta(days=LONGEST_CLOSURE), wanted, calendar
    )
    return sessions[-1]
