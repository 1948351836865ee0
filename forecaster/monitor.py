"""Monitoring: whether a network still meets the inputs and makes the errors it did."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.data.calendar import as_day
from forecaster.data.prices import ticker_of
from forecaster.data.splits import session_index
from forecaster.data.windows import Windows
from forecaster.drift import MIN_SAMPLE
from forecaster.errors import (
    ConfigError,
    DataError,
    ForecastWarning,
    NoDataInRange,
    NotEnoughHistory,
)
from forecaster.evaluation import Evaluation
from forecaster.forecasting import Forecaster
from forecaster.ranges import windows_between
from forecaster.watching import (
    Found,
    State,
    watch_coverage,
    watch_errors,
    watch_input,
    worst,
)

ADVICE = {
    "ok": "Nothing to do: look again when there are new prices.",
    "watch": "Look again soon, and train again if the errors grow too.",
    "refit": "Train again on a range that reaches closer to today, and evaluate the "
    "new run on sessions that neither has seen.",
}


@dataclass(frozen=True, eq=False)
class Report:
    """What has changed since training, and whether to train again.

    Attributes
    ----------
    ticker, target
        Whose price, and which one.
    first, last
        First and last session watched.
    inputs
        One row for each input column: `feature psi ks p_value outside state`, with
        the share of sessions outside the range of training.
    errors
        `mae_ratio` to last-value over the sessions watched, `reference_ratio` and
        `reference` (which sessions that was), `statistic`, `p_value` and `alarm` (the
        session of the first alarm, or None) of the watch over losses.
    coverage
        One row for each central interval: `level coverage reference p_value state`;
        empty without quantiles.
    verdict
        `ok`, `watch` or `refit`.
    reasons
        A sentence for each thing found.
    """

    ticker: str
    target: str
    first: date
    last: date
    inputs: pd.DataFrame
    errors: dict[str, Any]
    coverage: pd.DataFrame
    verdict: State
    reasons: tuple[str, ...] = field(default=())

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "ticker": self.ticker,
            "target": self.target,
            "first_session": str(self.first),
            "last_session": str(self.last),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "advice": self.advice,
            "inputs": _rows(self.inputs),
            "errors": _plain(self.errors),
            "coverage": _rows(self.coverage),
        }

    def __str__(self) -> str:
        return " ".join([f"{self.verdict}:", *self.reasons, self.advice])


def monitor(
    forecaster: Forecaster,
    prices: pd.DataFrame,
    *,
    start: str | date | None = None,
    end: str | date | None = None,
) -> Report:
    """Compare recent inputs and errors with those that the network was chosen by.

    Inputs, as the network reads them at each origin, are held against the training
    range: a feature is `watch` if its distribution has changed (test at 1% over all
    features, and a stability index above 0.25) or a tenth of its values is new, and
    `refit` if most are. Errors are held against those of the run's test range, or of
    its validation where that is not earlier: `refit` if the absolute error, less that
    of last-value, has risen for good (5% for ever, however often one looks). Intervals
    are `refit` if they do not cover what they promise and did before, else `watch`.

    Parameters
    ----------
    prices
        Checked price frame from the training range to the sessions watched.
    start, end
        First and last date watched. Without `start` from the end of the test range,
        without `end` to the end of the prices.

    Raises
    ------
    ConfigError
        If the range begins before training ends, or a date is no date.
    DataError
        If it has fewer than 20 forecasts, or the prices do not cover training.

    References
    ----------
    .. [1] Gama et al. (2014), A survey on concept drift adaptation.
    """
    config = forecaster.config
    begin = config.evaluation.end + timedelta(days=1) if start is None else start
    first = as_day(begin).date()
    if first <= config.training.end:
        raise ConfigError(
            f"monitoring needs sessions after training, which ends on "
            f"{config.training.end}, and begins on {first}. Choose a later start."
        )
    newest = session_index(prices)[-1].date()
    if newest < first:
        raise NoDataInRange(
            f"there are no sessions from {first} on yet to watch: the prices end on "
            f"{newest}. Fetch newer ones, or give --start."
        )
    recent = forecaster.evaluate(prices, first, end)
    n_forecasts = recent.verdict.n_forecasts
    if n_forecasts < MIN_SAMPLE:
        raise DataError(
            f"{recent.ticker}: drift is told by at least {MIN_SAMPLE} forecasts, found "
            f"{n_forecasts} from {first}. Choose an earlier start, or wait for prices."
        )
    reference, called = _reference(forecaster, prices, first)
    inputs, about_inputs = _watch_inputs(forecaster, prices, first, end)
    errors, about_errors = watch_errors(recent, reference, called)
    coverage, about_coverage = watch_coverage(recent, reference)
    found = [*about_errors, *about_coverage, *about_inputs]
    sessions = recent.predictions["session"]
    return Report(
        ticker=ticker_of(prices, forecaster.config),
        target=config.data.target,
        first=sessions.min().date(),
        last=sessions.max().date(),
        inputs=inputs,
        errors=errors,
        coverage=coverage,
        verdict=worst(found),
        reasons=tuple(sentence for _, sentence in found)
        or ("Inputs and errors are as they were.",),
    )


def _reference(
    forecaster: Forecaster, prices: pd.DataFrame, first: date
) -> tuple[Evaluation | None, str]:
    """Return the errors to compare with: of the test range, else of validation."""
    config, before = forecaster.config, first - timedelta(days=1)
    test, trained = config.evaluation, as_day(forecaster.trained_on.last).date()
    ranges = {
        "test": (test.start, min(test.end, before)),
        "validation": (trained + timedelta(days=1), config.training.end),
    }
    for called, (start, end) in ranges.items():
        if start > end:
            continue
        try:
            with warnings.catch_warnings():
                # Validation lies in the training range; the report says so.
                warnings.simplefilter("ignore", ForecastWarning)
                found = forecaster.evaluate(prices, start, end)
        except DataError:
            continue
        if found.verdict.n_forecasts >= MIN_SAMPLE:
            return found, called
    return None, "none"


def _watch_inputs(
    forecaster: Forecaster,
    prices: pd.DataFrame,
    first: date,
    end: str | date | None,
) -> tuple[pd.DataFrame, Found]:
    trained = forecaster.trained_on
    old = _newest_rows(_training_windows(forecaster, prices))
    new = _newest_rows(windows_between(forecaster, prices, first, end))
    names, rows, found = forecaster.config.features.columns, [], Found()
    for place, name in enumerate(names):
        row, sentences = watch_input(name, old[:, place], new[:, place], len(names))
        rows.append(row)
        found += sentences
    if any(state == "refit" for state, _ in found):
        found.append(("refit", f"The network was trained to {trained.last}."))
    return pd.DataFrame(rows), found


def _training_windows(forecaster: Forecaster, prices: pd.DataFrame) -> Windows:
    trained = forecaster.trained_on
    settings, sessions = forecaster.config, prices.loc[trained.first : trained.last]
    needed = settings.window.shortest or settings.window.lookback
    if len(sessions) <= needed:
        raise NotEnoughHistory(
            ticker_of(prices, forecaster.config),
            needed + 1,
            len(sessions),
            where="in the training range, to compare with",
        )
    return windows_between(
        forecaster, prices, sessions.index[needed:][0].date(), trained.last
    )


def _newest_rows(windows: Windows) -> FloatArray:
    """Return what the network reads at each origin, (n_windows, n_features)."""
    return np.asarray(windows.inputs[:, -1], dtype=float)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plain(row) for row in table.to_dict("records")]


def _plain(row: Any) -> dict[str, Any]:
    plain = {}
    for name, value in row.items():
        missing = isinstance(value, float) and not math.isfinite(value)
        plain[str(name)] = None if missing else value
    return {k: str(v) if isinstance(v, date) else v for k, v in plain.items()}
