"""Recent rows: the newest features of many series at once, without their whole tables.

They are those of `forecaster.data.table.make_table`, to the last bit. Features that are
made from a window of rows alone are made of the newest rows of all series, one below
the other; those that remember all rows before (smoothed without end, or from running
sums) of each series' whole history. A series that is in any way unusual is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.config.feature_names import CALENDAR_KINDS, parse_feature
from forecaster.data.calendar_features import calendar_features
from forecaster.data.derived import OWN, derive
from forecaster.data.table import Table, make_table, recent_volatility
from forecaster.errors import ForecasterError

# Numbers that the windows of one feature may hold at once: 32 MB.
MOST_NUMBERS = 4_000_000
NUMERIC = "fiu"  # NumPy's kinds: floats, and integers with a sign and without


@dataclass(frozen=True, eq=False)
class Series:
    """Known prices, and the sessions after them.

    Attributes
    ----------
    known : DataFrame of shape (n_sessions, n_columns)
        Prices up to the origin.
    sessions : DatetimeIndex of shape (n_steps,)
        The sessions that are asked for.
    ahead : DatetimeIndex of shape (horizon,)
        The sessions that the network forecasts at once.
    """

    ticker: str
    known: pd.DataFrame
    sessions: pd.DatetimeIndex
    ahead: pd.DatetimeIndex
    config: Config

    @cached_property
    def table(self) -> Table:
        """The table of all known prices."""
        return make_table(self.known, self.config, ticker=self.ticker)

    @cached_property
    def target(self) -> FloatArray:
        """The known prices of the target, (n_sessions,)."""
        name = self.config.data.target
        if name in self.known.columns:
            return self.known[name].to_numpy(dtype=np.float64)
        return self.table.target


@dataclass(frozen=True, eq=False)
class Plan:
    """How the features of series with the same columns are made.

    Attributes
    ----------
    names
        Inputs and static columns, each once.
    columns, column_places
        Price columns that are read, and where they stand.
    windowed, dated, whole
        Features made from a window of rows alone, from the date alone, and from all
        rows before; the other names are columns.
    longest
        Rows in the longest window.
    """

    names: list[str]
    columns: list[str]
    column_places: list[int]
    windowed: list[str]
    dated: list[str]
    whole: list[str]
    longest: int

    @classmethod
    def of(cls, columns: Sequence[str], config: Config) -> Plan | None:
        """Return the plan, or None if a column is missing or its name is doubtful."""
        names = list(dict.fromkeys((*config.features.columns, *config.features.static)))
        taken = [name for name in names if name in columns]
        made = [parse_feature(name) for name in names if name not in columns]
        used = {*taken, config.data.target, *(c for one in made for c in one.columns)}
        doubtful = any(one.companion or one.column in columns for one in made)
        if doubtful or not used <= set(columns) or len(set(columns)) < len(columns):
            return None
        windowed = [one for one in made if one.kind in OWN]
        dated = [one.name for one in made if one.kind in CALENDAR_KINDS]
        whole = [one.name for one in made if one.kind not in (*OWN, *CALENDAR_KINDS)]
        return cls(
            names,
            [name for name in columns if name in used],
            [place for place, name in enumerate(columns) if name in used],
            [one.name for one in windowed],
            dated,
            whole,
            1 + max((one.warmup for one in windowed), default=0),
        )

    def n_rows(self, lookback: int) -> int:
        """Return how many of the newest rows are read."""
        return lookback + self.longest


@dataclass(frozen=True, eq=False)
class Recent:
    """The newest rows of series; every number is finite.

    Attributes
    ----------
    places
        Of the series among those that were asked for.
    names
        Features, in the order of the last axis of `numbers`.
    numbers : ndarray of shape (n_series, lookback, n_names)
        In their own units.
    target : ndarray of shape (n_series, lookback)
        Prices in the quote currency.
    volatility : ndarray of shape (n_series,)
        See `Table`; empty if not wanted.
    """

    places: list[int]
    names: list[str]
    numbers: FloatArray
    target: FloatArray
    volatility: FloatArray

    def frame(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the rows of all series, one series below the other."""
        chosen = self.numbers[..., [self.names.index(name) for name in names]]
        shape = (math.prod(chosen.shape[:-1]), len(names))
        return pd.DataFrame(chosen.reshape(shape), columns=list(names))


def recent_rows(asked: Sequence[Series], config: Config) -> Iterator[Recent]:
    """Return the newest rows of all series that are in no way unusual."""
    by_columns: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(asked):
        by_columns.setdefault(tuple(one.known.columns), []).append(place)
    lookback = config.window.lookback
    for columns, alike in by_columns.items():
        plan = Plan.of(columns, config)
        if plan is None:
            continue
        n_rows = plan.n_rows(lookback)
        size = max(MOST_NUMBERS // (n_rows * plan.longest), 1)
        for begin in range(0, len(alike), size):
            part = alike[begin : begin + size]
            read = {place: _newest(asked[place], plan, n_rows) for place in part}
            rows = {place: one for place, one in read.items() if one is not None}
            if rows:
                series = [asked[place] for place in rows]
                yield _complete(series, rows, plan, config)


def _newest(one: Series, plan: Plan, n_rows: int) -> FloatArray | None:
    """Return the newest rows of the columns, or None if a series is unusual.

    That is one without dates, with too few rows, or with a column of no numbers.
    """
    if not isinstance(one.known.index, pd.DatetimeIndex) or len(one.known) < n_rows:
        return None
    whole = one.known.to_numpy()  # much faster than column by column
    if whole.dtype.kind in NUMERIC:
        rows: FloatArray = whole[-n_rows:, plan.column_places].astype(np.float64)
        return rows
    columns = [one.known[name] for name in plan.columns]
    kinds = [column.dtype for column in columns]
    if not all(isinstance(kind, np.dtype) and kind.kind in NUMERIC for kind in kinds):
        return None
    newest = [column.to_numpy(np.float64)[-n_rows:] for column in columns]
    return np.stack(newest, axis=1)


def _complete(
    series: Sequence[Series], read: dict[int, FloatArray], plan: Plan, config: Config
) -> Recent:
    """Return the rows of the series in which no number is missing."""
    lookback, n_rows = config.window.lookback, plan.n_rows(config.window.lookback)
    stacked = np.concatenate(list(read.values()))
    known = {name: stacked[:, place].copy() for place, name in enumerate(plan.columns)}
    # What is no number here is left out below, and refused by name elsewhere.
    with np.errstate(all="ignore"):
        made = derive(pd.DataFrame(known), plan.windowed, ticker="")
        volatility = _volatility(series, config)
    known |= {name: made[name].to_numpy() for name in plan.windowed}
    rows = {
        name: values.reshape(len(series), n_rows)[:, -lookback:]
        for name, values in known.items()
    }
    rows |= _of_dates(series, plan.dated, lookback, config)
    rows |= _of_whole(series, plan.whole, lookback, config)
    values = np.stack([rows[name] for name in plan.names], axis=-1)
    target = rows[config.data.target]
    # Elsewhere a price that has no logarithm is refused, however old.
    positive = config.target.form == "price" or [
        bool((one.target > 0).all()) for one in series
    ]
    complete = np.isfinite(values).all(axis=(1, 2)) & positive
    complete &= np.isfinite(target).all(axis=1)
    if len(volatility):
        complete &= np.isfinite(volatility).all(axis=1)
        volatility = volatility[complete, -1]
    kept = [place for place, good in zip(read, complete, strict=True) if good]
    return Recent(kept, plan.names, values[complete], target[complete], volatility)


def _of_dates(
    series: Sequence[Series], names: list[str], lookback: int, config: Config
) -> dict[str, FloatArray]:
    """Return features that the dates tell, made once for each run of dates."""
    if not names:
        return {}
    found: dict[bytes, FloatArray] = {}
    each = []
    for one in series:
        dates = pd.DatetimeIndex(one.known.index[-lookback - 1 :])
        key = dates.to_numpy().astype("datetime64[ns]").tobytes()
        if key not in found:
            made = calendar_features(dates, names, calendar=config.data.calendar)
            found[key] = made.to_numpy()[-lookback:]
        each.append(found[key])
    return dict(zip(names, np.moveaxis(np.stack(each), -1, 0), strict=True))


def _of_whole(
    series: Sequence[Series], names: list[str], lookback: int, config: Config
) -> dict[str, FloatArray]:
    """Return features that depend on all rows before, made of each whole history."""
    if not names:
        return {}
    each = [_whole(one, names, config)[-lookback:] for one in series]
    return dict(zip(names, np.moveaxis(np.stack(each), -1, 0), strict=True))


def _whole(one: Series, names: list[str], config: Config) -> FloatArray:
    try:
        calendar = config.data.calendar
        made = derive(one.known, names, ticker=one.ticker, calendar=calendar)
    except ForecasterError:  # raised again where the series is cut by itself
        return np.full((len(one.known), len(names)), np.nan)
    return made.to_numpy()


def _volatility(series: Sequence[Series], config: Config) -> FloatArray:
    """Return the volatility of the newest rows; it is a running sum of all prices."""
    if config.target.form != "scaled_return":
        return np.empty(0)
    n_sessions, lookback = config.target.volatility, config.window.lookback
    return np.stack(
        [recent_volatility(one.target, n_sessions)[-lookback:] for one in series]
    )
