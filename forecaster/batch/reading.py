"""Reading: the prices of a ticker as they were known on an evening."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from forecaster.config import Config
from forecaster.config.batch import SourceConfig
from forecaster.data.calendar import sessions_between
from forecaster.errors import NoDataInRange
from forecaster.loading import load_prices_for

# A ticker whose trading was halted for some days can be trained on all the same.
MOST_BEHIND = 5


@dataclass(frozen=True)
class Priced:
    """The prices of one ticker as of one origin, or why there are none.

    Attributes
    ----------
    prices
        Checked price frame that ends at the origin.
    error
        What was raised instead.
    warnings
        What the checks of the prices said.
    """

    ticker: str
    origin: date
    prices: pd.DataFrame | None = None
    error: Exception | None = None
    warnings: tuple[str, ...] = ()

    def get(self) -> pd.DataFrame:
        """Return the prices, or raise what was raised instead."""
        if self.prices is None:
            raise self.error or NoDataInRange(f"{self.ticker}: no prices were read.")
        return self.prices


@dataclass
class Reader:
    """Reads prices of one source for the features of some settings; asks nobody.

    Attributes
    ----------
    source
        Where prices lie.
    config
        Names the features, of which some need the prices of other tickers.
    ages
        By ticker, how many sessions its newest prices were behind when last read.
    """

    source: SourceConfig
    config: Config
    ages: dict[str, int] = field(default_factory=dict)
    _companions: tuple[date | None, dict[str, pd.DataFrame]] = (None, {})

    def read(self, ticker: str, origin: date) -> Priced:
        """Return the prices up to an origin, adjusted as they were on that day.

        Those that end before it are an error: nothing can be forecast from them.
        """
        return self._reaching(ticker, origin, most_behind=0)

    def read_nearly(self, ticker: str, end: date) -> Priced:
        """Return the prices up to the end of a training; a few sessions may lack."""
        return self._reaching(ticker, end, most_behind=MOST_BEHIND)

    def _reaching(self, ticker: str, day: date, *, most_behind: int) -> Priced:
        priced = self.read_until(ticker, day)
        if priced.prices is None:
            return priced
        newest = priced.prices.index[-1].date()
        between = sessions_between(newest, day, self.source.calendar)
        behind = int((between > priced.prices.index[-1]).sum())
        self.ages[ticker] = behind
        if behind <= most_behind:
            return priced
        error = NoDataInRange(
            f"{ticker}: the newest prices are those of {newest}, and those of "
            f"{day} are wanted. Its source has none, or its trading was halted."
        )
        return replace(priced, prices=None, error=error)

    def read_until(self, ticker: str, origin: date) -> Priced:
        """Return the prices up to an origin, wherever they end."""
        found = Priced(ticker, origin)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = replace(found, prices=self._read(ticker, origin))
            except Exception as error:
                # Whatever it is, the other tickers do not suffer from it.
                found = replace(found, error=error.with_traceback(None))
        texts = dict.fromkeys(str(warning.message) for warning in told)
        return replace(found, warnings=tuple(texts))

    def _read(self, ticker: str, origin: date) -> pd.DataFrame:
        if self._companions[0] != origin:
            self._companions = (origin, {})
        return load_prices_for(
            self.config,
            ticker=ticker,
            as_of=origin,
            offline=True,
            companions=self._companions[1],
            **self._place,
        )

    @property
    def _place(self) -> dict[str, Any]:
        if self.source.path is not None:
            return {"path": self.source.path}
        return {"source": self.source.name}
