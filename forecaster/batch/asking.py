"""Asking: forecasts of a few tickers, made by whichever process is told to."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecaster.batch.bundles import PackedBundle
from forecaster.batch.due import ends_of
from forecaster.batch.reading import Priced
from forecaster.batch.summary import TickerOutcome
from forecaster.data.calendar import as_day
from forecaster.errors import ConfigError, ForecasterError
from forecaster.forecast import Forecast
from forecaster.forecasting import Forecaster
from forecaster.ledger.recording import forecast_rows


@dataclass(frozen=True)
class Question:
    """What one task of the engine is to forecast.

    Attributes
    ----------
    bundle
        The network.
    asked
        Tickers with their prices.
    horizon
        Sessions; the network's own if None.
    levels
        Of further intervals.
    """

    bundle: PackedBundle
    asked: tuple[Priced, ...]
    horizon: int | None = None
    levels: tuple[float, ...] = ()


@dataclass(frozen=True)
class Made:
    """What came of one ticker.

    Attributes
    ----------
    outcome
        `forecast`, or why there is none.
    rows
        For `Ledger.write`, but for `model` and `run`.
    warnings
        Doubts about the prices or the forecast.
    traceback
        Of an error that no part of the program expects.
    """

    outcome: TickerOutcome
    rows: pd.DataFrame | None = None
    warnings: tuple[str, ...] = ()
    traceback: str = ""


def answer(question: Question) -> list[Made]:
    """Forecast each ticker alone, so that none depends on which others were asked for.

    Runs in a worker: whatever is wrong with a ticker is part of the answer.
    """
    return [_answer_one(question, one) for one in question.asked]


def _answer_one(question: Question, asked: Priced) -> Made:
    trace = ""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            rows = _forecast(question, asked)
            outcome = TickerOutcome(asked.ticker, asked.origin, "forecast")
        except Exception as error:
            if not isinstance(error, ForecasterError):
                trace = traceback.format_exc()
            rows = None
            outcome = TickerOutcome.failure(asked.ticker, asked.origin, error)
    texts = dict.fromkeys(
        [
            *asked.warnings,
            *(str(one.message) for one in told if _is_ours(one.category)),
        ]
    )
    return Made(outcome, rows, tuple(texts), trace)


def _is_ours(category: type[Warning]) -> bool:
    return category.__module__.startswith("forecaster")


def _forecast(question: Question, asked: Priced) -> pd.DataFrame:
    prices, forecaster = asked.get(), question.bundle.load()
    _refuse_hindsight(forecaster, asked.ticker, asked.origin)
    forecast = forecaster.predict(
        prices, horizon=question.horizon, levels=question.levels
    )
    return rows_of(forecast, question.levels)


def _refuse_hindsight(forecaster: Forecaster, ticker: str, origin: date) -> None:
    """Refuse to call a forecast what was trained on later prices.

    Raises
    ------
    ConfigError
        With the first origin that is possible.
    """
    last = as_day(forecaster.trained_on.last).date()
    if origin < last:
        raise ConfigError(
            f"{ticker}: the network was trained on prices up to {last}, so from "
            f"{origin} it could only pretend to forecast. Use one that was trained "
            "before, or let the batch train one: name `model.settings`."
        )


def rows_of(forecast: Forecast, levels: Sequence[float] = ()) -> pd.DataFrame:
    """Return a forecast as rows of the ledger, with the ends of further intervals.

    Where the ends of the intervals, which of several sessions are those of joint
    paths, cross the network's own quantiles, they are put in order.

    Returns
    -------
    DataFrame
        ``ticker origin session quantile step value last_price``.

    References
    ----------
    .. [1] Chernozhukov, Fernández-Val & Galichon (2010), Quantile and probability
       curves without crossing, Econometrica 78(3).
    """
    from forecaster.ledger.schema import N_DIGITS, POINT

    rows = forecast_rows([forecast], model="", run=0).drop(columns=["model", "run"])
    known = set(rows["quantile"].round(N_DIGITS))
    further = []
    for level in levels:
        interval = forecast.intervals[level]
        ends = zip(ends_of(level), (interval.low, interval.high), strict=True)
        for quantile, values in ends:
            if quantile in known:
                continue
            known.add(quantile)
            own = rows.loc[rows["quantile"] == POINT]
            further.append(own.assign(quantile=quantile, value=values))
    if not further:
        return rows
    rows = pd.concat([rows, *further], ignore_index=True)
    rows = rows.sort_values(["step", "quantile"], ignore_index=True)
    spread = rows["quantile"] != POINT
    ordered = rows.loc[spread].groupby("step")["value"].transform(_in_order)
    return rows.assign(value=rows["value"].where(~spread, ordered))


def _in_order(values: pd.Series[float]) -> pd.Series[float]:
    return pd.Series(sorted(values), index=values.index)
