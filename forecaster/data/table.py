"""Tables: everything that windows are cut from, row by row, each from its own past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.data.features import check_complete, make_features
from forecaster.data.splits import session_index
from forecaster.errors import InvalidPrices, NotEnoughHistory

# A return that never varied would divide by nothing.
LEAST_VOLATILITY = 1e-6


@dataclass(frozen=True, eq=False)
class Table:
    """One series, ready to be scaled and cut.

    Attributes
    ----------
    ticker
        Whose.
    features : DataFrame of shape (n_sessions, n_features)
        Inputs in their own units.
    target : ndarray of shape (n_sessions,)
        The price that is forecast, in the quote currency.
    volatility : ndarray of shape (n_sessions,)
        Standard deviation of recent one-session log returns; empty if not wanted.
    known : DataFrame of shape (n_sessions, n_known)
        What the calendar tells of each session.
    static : DataFrame of shape (n_sessions, n_static)
        Columns whose value at the origin alone is read.
    """

    ticker: str
    features: pd.DataFrame
    target: FloatArray
    volatility: FloatArray
    known: pd.DataFrame
    static: pd.DataFrame

    def __len__(self) -> int:
        return len(self.target)

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """The sessions of the rows."""
        return session_index(self.features)

    @property
    def n_unready(self) -> int:
        """Rows at the beginning that have too little past for some feature."""
        inputs = pd.concat([self.features, self.static], axis="columns", sort=False)
        ready = inputs.notna().all(axis="columns").to_numpy()
        if len(self.volatility):
            ready = ready & np.isfinite(self.volatility)
        return int(np.argmax(ready)) if ready.any() else len(self)

    def rows(self, part: slice) -> Self:
        """Return some of the rows."""
        return type(self)(
            self.ticker,
            self.features.iloc[part],
            self.target[part],
            self.volatility[part],
            self.known.iloc[part],
            self.static.iloc[part],
        )

    def check(self) -> None:
        """Refuse gaps, and prices that have no logarithm where one is taken.

        Raises
        ------
        InvalidPrices
            Naming the column and the first session.
        """
        check_complete(self.features, ticker=self.ticker)
        check_complete(self.static, ticker=self.ticker)
        target = pd.DataFrame({"the target": self.target}, index=self.features.index)
        check_complete(target, ticker=self.ticker)


def make_table(
    prices: pd.DataFrame,
    config: Config,
    *,
    ticker: str,
) -> Table:
    """Return the table of a price frame; each row depends on no later one.

    Raises
    ------
    InvalidPrices
        If the prices lack a column that is wanted, or are not positive where their
        logarithm is.
    """
    calendar, wanted = config.data.calendar, config.features
    target = make_features(prices, [config.data.target], ticker=ticker)
    values = target.iloc[:, 0].to_numpy(dtype=np.float64)
    form = config.target.form
    if form != "price":
        _check_positive(values, target.index, ticker, form)
    return Table(
        ticker=ticker,
        features=make_features(
            prices, wanted.columns, ticker=ticker, calendar=calendar
        ),
        target=values,
        volatility=(
            recent_volatility(values, config.target.volatility)
            if form == "scaled_return"
            else np.empty(0)
        ),
        known=make_features(
            prices, wanted.known_future, ticker=ticker, calendar=calendar
        ),
        static=make_features(prices, wanted.static, ticker=ticker, calendar=calendar),
    )


def usable_part(table: Table, part: slice, needed: int, *, where: str = "") -> slice:
    """Return a part without the rows at the beginning that are not ready.

    Raises
    ------
    NotEnoughHistory
        If fewer than `needed` rows are left.
    """
    usable = slice(max(part.start, table.n_unready), part.stop)
    n_rows = usable.stop - usable.start
    if n_rows < needed:
        n_lost = min(usable.start, part.stop) - part.start
        if n_lost and not where:
            where = f"after the {n_lost} that the features look back on"
        raise NotEnoughHistory(table.ticker, needed, max(n_rows, 0), where=where)
    return usable


def recent_volatility(prices: FloatArray, n_sessions: int) -> FloatArray:
    """Return the standard deviation of the last log returns at each session.

    Parameters
    ----------
    prices : ndarray of shape (n_sessions,)
        Positive.
    n_sessions
        Returns that are looked at.

    Returns
    -------
    ndarray of shape (n_sessions,)
        At least 1e-6; NaN for the first `n_sessions` rows.
    """
    returns = pd.Series(np.log(prices)).diff()
    deviation = returns.rolling(n_sessions).std().to_numpy()
    return np.asarray(
        np.where(np.isnan(deviation), np.nan, np.maximum(deviation, LEAST_VOLATILITY))
    )


def _check_positive(
    values: FloatArray, sessions: pd.Index, ticker: str, form: str
) -> None:
    bad = ~(values > 0)
    if bad.any():
        raise InvalidPrices(
            f"{ticker}: `target.form` {form} takes logarithms, and the target is "
            f"{values[bad][0]:g} on {sessions[bad][0]:%Y-%m-%d}. Use `target.form` "
            "price."
        )
