"""A source in memory: histories that a test can change between two updates."""

import numpy as np
import pandas as pd

from forecaster.data.calendar import sessions_between
from forecaster.data.history import History
from forecaster.errors import SourceUnavailable


class MemorySource:
    """Answers from `rows` (as `History.rows`), counts requests, fails on demand."""

    name = "memory"

    def __init__(self, rows):
        self.rows, self.asked, self.down = rows, [], False
        self.provenance = {}

    def history(self, ticker, start):
        self.asked.append(start)
        if self.down:
            raise SourceUnavailable(
                f"{ticker}: memory is out of order. Try again later."
            )
        return History(ticker, self.rows.loc[start:], self.provenance)


def make_rows(first="2023-01-03", last="2023-09-21", seed=0):
    """Make raw rows on real sessions, without any dividend or split."""
    sessions = sessions_between(first, last).rename("session")
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(sessions))))
    return pd.DataFrame(
        {
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
            "volume": 1000.0,
            "dividend": 0.0,
            "split": 1.0,
        },
        index=sessions,
    )
