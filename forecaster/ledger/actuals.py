"""Actuals: the prices that came, all of a ticker on one footing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecaster.errors import DataError
from forecaster.ledger.schema import actuals
from forecaster.ledger.writing import upsert

SAME = 1e-9  # relative: what two ways of adjusting the same price may differ by


def write_actuals(
    connection: sa.Connection, ticker: str, target: str, prices: pd.DataFrame
) -> int:
    """Write checked prices of one ticker; return how many are new or changed.

    Raises
    ------
    DataError
        If older prices are stored, and the new ones do not begin with a price that is
        stored too: a split or a dividend between them would look like a return.
    """
    stored = _stored(connection, ticker, target)
    known = prices["session"].map(stored)
    _require_one_footing(ticker, prices, stored)
    changed = ~np.isclose(
        prices["price"].to_numpy(), known.to_numpy(float), rtol=SAME, atol=0.0
    )
    new = prices.loc[changed]
    rows = [
        {"ticker": ticker, "target": target, "session": session, "price": price}
        for session, price in zip(new["session"], new["price"].tolist(), strict=True)
    ]
    upsert(connection, actuals, rows)
    return len(rows)


def _stored(connection: sa.Connection, ticker: str, target: str) -> dict[date, float]:
    query = sa.select(actuals.c.session, actuals.c.price).where(
        actuals.c.ticker == ticker, actuals.c.target == target
    )
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    return {row.session: row.price for row in connection.execute(query)}


def _require_one_footing(
    ticker: str, prices: pd.DataFrame, stored: dict[date, float]
) -> None:
    if prices.empty or not stored or min(stored) >= prices["session"].iloc[0]:
        return
    first, price = prices.iloc[0]
    if first in stored and np.isclose(price, stored[first], rtol=SAME, atol=0.0):
        return
    found = f"has {stored[first]:.10g}" if first in stored else "has no price"
    raise DataError(
        f"{ticker}: the new prices begin on {first} with {price:.10g}, where the "
        f"ledger {found}; they may be adjusted for other splits and dividends. Hand "
        f"over the prices from {min(stored)} on, where its own begin."
    )
