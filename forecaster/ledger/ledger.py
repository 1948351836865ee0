"""The class `Ledger`: everything that is written into the database or asked of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pandas as pd

from forecaster.data.store import stored_name
from forecaster.errors import LedgerError
from forecaster.ledger import reading, writing
from forecaster.ledger.actuals import write_actuals
from forecaster.ledger.checking import checked_actuals, checked_forecasts
from forecaster.ledger.reading import select
from forecaster.ledger.runbook import RunBook
from forecaster.ledger.schema import ALL_STEPS, scores
from forecaster.ledger.scoring import metric_rows, score_table
from forecaster.ledger.verifying import Problem, find_problems
from forecaster.ledger.watching import LiveReport, watch_live

# Sessions without a forecast, after which a model is no longer watched.
N_IDLE = 20


class Ledger(RunBook):
    """A database of forecasts, of the prices that came, and of scores.

    Made by `Ledger.open`. Several processes may write at once, each with its own. Each
    method raises `LedgerBusy` if the database does not answer within a minute,
    `LedgerError` if it is damaged, and `OutputError` if it cannot be written.

    Attributes
    ----------
    place
        Where it lies, without any password.
    """

    def write(self, rows: pd.DataFrame, *, replace: bool = False) -> int:
        """Write forecasts, each ticker in a transaction of its own.

        A key is ticker, model, origin, session and quantile. Writing it again does
        nothing if step, value (to 1e-5) and last price (to 1e-9) are the same.

        Parameters
        ----------
        rows
            ``ticker model origin session quantile step value last_price run``, where
            the quantile of a point forecast is 0 (`forecaster.ledger.POINT`), and
            probabilities are rounded to six digits.
        replace
            Let these rows take the place of others with the same key.

        Returns
        -------
        int
            How many rows are new or replaced; 0 if all was known.

        Raises
        ------
        DataError
            If the rows are not fit to be stored. Nothing is written.
        LedgerError
            If there is no such run, or other values are stored for a key: then nothing
            of that ticker is written, but the tickers before it are.
        """
        checked = checked_forecasts(rows)
        n_new = 0
        for _, own in checked.groupby("ticker"):
            with self._write() as connection:
                writing.require_runs(connection, own)
                n_new += writing.write_ticker(connection, own, replace=replace)
        return n_new

    def write_all(
        self, rows: pd.DataFrame, *, replace: bool = False
    ) -> tuple[int, dict[str, LedgerError]]:
        """Write forecasts of many tickers in one transaction: all, or none if killed.

        As `write`, and much faster, since the disk is waited for once.

        Returns
        -------
        tuple
            How many rows are new or replaced, and by ticker why others are refused:
            other values are stored for a key. Nothing of these is written.

        Raises
        ------
        DataError
            If the rows are not fit to be stored. Nothing is written.
        LedgerError
            If there is no such run. Nothing is written.
        """
        checked = checked_forecasts(rows)
        with self._write() as connection:
            writing.require_runs(connection, checked)
            return writing.write_tickers(connection, checked, replace=replace)

    def known(
        self,
        model: str,
        *,
        origin: str | date | None = None,
        tickers: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Return which forecasts of a model there are: what need not be made again.

        Returns
        -------
        DataFrame
            ``ticker origin n_sessions n_rows``, a row for each ticker and origin.
        """
        wanted = select(tickers=tickers, model=model, origin=origin)
        with self._read() as connection:
            return reading.read_known(connection, wanted)

    def forecasts(
        self,
        *,
        tickers: Collection[str] | None = None,
        model: str | None = None,
        last: int | None = None,
        origin: str | date | None = None,
    ) -> pd.DataFrame:
        """Return forecasts in the order of their keys, beside what came.

        Parameters
        ----------
        last
            Of each ticker and model the newest origins alone, as many as this.
        origin
            One origin alone.

        Returns
        -------
        DataFrame
            ``ticker model origin session quantile step value last_price run target
            actual``. The actual price is on the footing of the forecast, whatever
            splits came since; NaN until the prices of session and origin are known.
        """
        wanted = select(tickers=tickers, model=model, last=last, origin=origin)
        with self._read() as connection:
            return reading.read_forecasts(connection, wanted)

    def awaited(
        self, *, tickers: Collection[str] | None = None, model: str | None = None
    ) -> pd.DataFrame:
        """Return which prices the forecasts wait for, to be handed to `add_actuals`.

        Returns
        -------
        DataFrame
            ``ticker target first``, where `first` is the earliest origin, or the
            earliest stored price if that is earlier.
        """
        with self._read() as connection:
            return reading.read_awaited(
                connection, select(tickers=tickers, model=model)
            )

    def add_actuals(
        self, ticker: str, prices: pd.DataFrame, *, target: str = "close"
    ) -> int:
        """Write the prices that came; what was stored for their sessions is replaced.

        Parameters
        ----------
        prices
            Indexed by session, with the column `target`. Splits and dividends change
            adjusted prices, so the first session must be stored with the same price, or
            be as early as the earliest stored.

        Returns
        -------
        int
            How many prices are new or changed.

        Raises
        ------
        DataError
            If the prices are not fit to be stored, or their footing cannot be told.
        """
        checked = checked_actuals(prices, target)
        with self._write() as connection:
            return write_actuals(connection, stored_name(ticker), target, checked)

    def score(
        self,
        *,
        tickers: Collection[str] | None = None,
        model: str | None = None,
        step: int | None = None,
        keep: bool = False,
    ) -> pd.DataFrame:
        """Score forecasts whose prices have come, for each ticker and model.

        Parameters
        ----------
        step
            One step alone, 1 being the session after the origin. By default all, of
            the origins of which every session has passed.
        keep
            Store the numbers in the table `scores`, under the last session scored.

        Returns
        -------
        DataFrame
            As `forecaster.ledger.scoring.score_table` describes.
        """
        wanted = select(tickers=tickers, model=model, step=step)
        with self._read() as connection:
            newest = reading.read_newest_actuals(connection)
            table = score_table(reading.read_each(connection, wanted), newest)
        if keep:
            kept = [*metric_rows(table, step or ALL_STEPS)]
            with self._write() as connection:
                writing.upsert(connection, scores, kept)
        return table

    def watch(
        self,
        *,
        tickers: Collection[str] | None = None,
        model: str | None = None,
        since: str | date | None = None,
    ) -> LiveReport:
        """Return for each model and ticker whether to look closer, or to refit.

        Only forecasts count whose prices have come: see `add_actuals`.

        Parameters
        ----------
        model
            By default all that have forecast in one of the last 20 sessions of which
            there are any forecasts; the others are the report's `idle`.
        since
            Origins from this date on alone, such as that of the last refit: the first
            60 tell what to expect of the others.
        """
        wanted = select(tickers=tickers, model=model, since=since)
        with self._read() as connection:
            newest = reading.read_newest_actuals(connection)
            origins = reading.read_newest_origins(connection)
            late = origins["n_later"] >= N_IDLE
            idle = () if model is not None else tuple(origins.loc[late, "model"])
            parts = reading.read_each(connection, wanted)
            busy = (part.loc[~part["model"].isin(idle)] for part in parts)
            return watch_live(busy, newest, idle=idle)

    def verify(self) -> tuple[Problem, ...]:
        """Return everything that is damaged, or that cannot be true."""
        with self._read() as connection:
            return find_problems(connection)
