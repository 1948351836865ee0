"""Actuals: hands the prices that came to the ledger, for the scores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from forecaster.batch.journal import Journal
from forecaster.batch.reading import Reader
from forecaster.errors import DataError
from forecaster.ledger import Ledger


def bring_actuals(
    ledger: Ledger,
    model: str,
    newest: Mapping[str, date],
    reader: Reader,
    journal: Journal,
) -> None:
    """Store the prices that forecasts of a model wait for; failures are only told.

    Parameters
    ----------
    newest
        By ticker, the newest session that may be known.
    """
    awaited = ledger.awaited(tickers=[*newest], model=model)
    for ticker, target, first in awaited.itertuples(index=False):
        priced = reader.read_until(ticker, newest[ticker])
        if priced.prices is None:
            continue  # its failure has been told
        try:
            ledger.add_actuals(ticker, priced.prices.loc[first:], target=target)
        except DataError as error:
            journal.tell(
                "not scored", level="warning", ticker=ticker, reason=str(error)
            )
