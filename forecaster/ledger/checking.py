"""Checking: rows on their way into the ledger, refused or in their stored form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.data.store import stored_name
from forecaster.errors import DataError
from forecaster.ledger.schema import KEY, N_DIGITS

COLUMNS = (*KEY, "step", "value", "last_price", "run")
FAILURE_COLUMNS = ("ticker", "origin", "kind", "reason", "n_attempts")


def checked_forecasts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return forecasts in their stored form, ordered by their key.

    Raises
    ------
    DataError
        If a column is missing, a number is no number, or one key is there twice.
    """
    _require_columns(rows, COLUMNS)
    checked = pd.DataFrame(
        {
            "ticker": _tickers(rows["ticker"]),
            "model": rows["model"].astype(str),
            "origin": days(rows["origin"], "origin"),
            "session": days(rows["session"], "session"),
            "quantile": _numbers(rows["quantile"], "quantile").round(N_DIGITS),
            "step": _counts(rows["step"], "step"),
            "value": _numbers(rows["value"], "value"),
            "last_price": _prices(rows["last_price"], "last_price"),
            "run": _counts(rows["run"], "run"),
        }
    )
    if not checked["quantile"].between(0, 1, inclusive="left").all():
        raise DataError(
            "a forecast's quantile is a probability above 0 and below 1, or 0 for the "
            f"point forecast; found {checked['quantile'].min():g} to "
            f"{checked['quantile'].max():g}."
        )
    _require_single(checked)
    # All writers take their locks in the same order, so that none waits for another
    # that waits for it.
    return checked.sort_values([*KEY], ignore_index=True)


def checked_actuals(prices: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the sessions and prices of a price frame in their stored form.

    Raises
    ------
    DataError
        If there is no such column, a price is not above zero, or a session is there
        twice.
    """
    _require_columns(prices, (target,))
    index = pd.Series(prices.index)
    actual = pd.DataFrame(
        {
            "session": days(index, "session"),
            "price": _prices(prices[target], target).to_numpy(),
        }
    )
    if actual["session"].duplicated().any():
        twice = actual.loc[actual["session"].duplicated(), "session"].iloc[0]
        raise DataError(f"the prices have {twice} twice. Keep one row of each session.")
    return actual.sort_values("session", ignore_index=True)


def checked_failures(failures: pd.DataFrame) -> pd.DataFrame:
    """Return failures in their stored form, ordered by ticker and origin.

    Tickers are not refused here: a name that cannot be a ticker may be what failed.

    Raises
    ------
    DataError
        If a column is missing, an origin is no date, attempts are no count, or a ticker
        and origin are there twice.
    """
    _require_columns(failures, FAILURE_COLUMNS)
    texts = {name: _texts(failures[name]) for name in ("ticker", "kind", "reason")}
    checked = pd.DataFrame(
        {
            **texts,
            "origin": days(failures["origin"], "origin"),
            "n_attempts": _counts(failures["n_attempts"], "n_attempts"),
        }
    )
    checked["ticker"] = [ticker.strip().upper() for ticker in checked["ticker"]]
    twice = checked.duplicated(["ticker", "origin"])
    if twice.any():
        ticker, origin = checked.loc[twice, ["ticker", "origin"]].iloc[0]
        raise DataError(f"the failure of {ticker}, {origin} is there twice. Keep one.")
    return checked.sort_values(["ticker", "origin"], ignore_index=True)


def days(values: pd.Series, name: str) -> pd.Series:
    """Return dates of ISO text, dates or timestamps, as `datetime.date`.

    Raises
    ------
    DataError
        If something is not a date.
    """
    try:
        moments = pd.to_datetime(values, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name} holds something that is not an ISO date such as 2016-12-30: "
            f"{str(error)[:80]}."
        ) from error
    if moments.isna().any():
        raise DataError(f"{name} has gaps. Give a date in each row.")
    return moments.dt.date


def _require_columns(rows: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in rows]
    if missing:
        raise DataError(
            f"the ledger needs the columns {', '.join(names)}; {', '.join(missing)} "
            f"not among {', '.join(map(str, rows.columns))}."
        )


def _require_single(checked: pd.DataFrame) -> None:
    twice = checked.duplicated([*KEY])
    if twice.any():
        key = tuple(map(str, checked.loc[twice, [*KEY]].iloc[0]))
        raise DataError(f"the forecast {' '.join(key)} is there twice. Keep one row.")


def _tickers(tickers: pd.Series) -> pd.Series:
    names = {ticker: stored_name(ticker) for ticker in tickers.unique()}
    return tickers.map(names)


def _texts(values: pd.Series) -> list[str]:
    """Return texts that any database can hold, whatever a source has answered."""
    bare = [str(value).replace("\0", "") for value in values]
    return [text.encode("utf-8", "replace").decode("utf-8") for text in bare]


def _numbers(values: pd.Series, name: str) -> pd.Series:
    try:
        numbers = values.astype("float64")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name} holds something that is no number: {error}."
        ) from error
    if not np.isfinite(numbers.to_numpy()).all():
        raise DataError(f"{name} has gaps or infinite numbers. Give finite ones.")
    return numbers


def _prices(values: pd.Series, name: str) -> pd.Series:
    prices = _numbers(values, name)
    if (prices <= 0).any():
        raise DataError(f"{name} has a price of {prices.min():g}: all are above zero.")
    return prices


def _counts(values: pd.Series, name: str) -> pd.Series:
    numbers = _numbers(values, name)
    counts = numbers.astype("int64")
    if (counts != numbers).any() or (counts < 1).any():
        raise DataError(f"{name} holds something that is not 1, 2, 3 and so on.")
    return counts
