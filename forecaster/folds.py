"""Folds: the training and test ranges of a walk-forward test, in order.

A fold trains on sessions before its test range alone, and no training target reaches
into it. With ``purge`` further sessions are left out between the two (see López de
Prado, 2018, Advances in financial machine learning, chapter 7).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecaster.config import Config
from forecaster.data.splits import session_index
from forecaster.errors import NotEnoughHistory, RunWarning


@dataclass(frozen=True)
class Fold:
    """One training range and the test range behind it; all dates are included.

    Attributes
    ----------
    number
        From 1 on.
    model
        Number of the fold whose training serves this one: its own, or an earlier one.
    training_start, training_end
        Of that training.
    start, end
        First and last session that may be forecast first (step 1).
    """

    number: int
    model: int
    training_start: date
    training_end: date
    start: date
    end: date


def make_folds(sessions: pd.DatetimeIndex, config: Config) -> tuple[Fold, ...]:
    """Divide the sessions of the test range into folds, each behind its training.

    Parameters
    ----------
    sessions
        Sessions of the prices; of several tickers, all of them together.

    Raises
    ------
    NotEnoughHistory
        If nothing lies in the training or the test range, or `purge` leaves nothing to
        train on.
    """
    settings, training = config.backtest, config.training
    ticker = config.data.ticker
    tested = sessions[
        (sessions >= pd.Timestamp(config.evaluation.start))
        & (sessions <= pd.Timestamp(config.evaluation.end))
    ]
    if tested.empty:
        raise NotEnoughHistory(ticker, 1, 0, where="in the test range")
    folds: list[Fold] = []
    for number, part in enumerate(_parts(tested, settings.stride), start=1):
        fresh = not folds or (settings.refit and (number - 1) % settings.refit == 0)
        if fresh:
            model = number
            first, last = _training_dates(sessions, part[0], config)
        folds.append(Fold(number, model, first, last, part[0].date(), part[-1].date()))
    if folds[0].training_end < training.start:
        raise NotEnoughHistory(ticker, 1, 0, where="in the training range")
    return tuple(folds)


def models_of(folds: Sequence[Fold]) -> list[list[Fold]]:
    """Return the folds that share a training, in order."""
    numbers = dict.fromkeys(fold.model for fold in folds)
    return [[fold for fold in folds if fold.model == number] for number in numbers]


def untrainable(
    sessions: pd.DatetimeIndex, n_unready: int, fold: Fold, config: Config, ticker: str
) -> NotEnoughHistory | None:
    """Return why a ticker cannot be trained on for a fold; None if it can.

    Parameters
    ----------
    sessions
        Of the ticker.
    n_unready
        Sessions at their beginning that are not ready, see `Table.n_unready`.
    """
    window = config.window
    first = int(sessions.searchsorted(pd.Timestamp(fold.training_start)))
    stop = int(sessions.searchsorted(pd.Timestamp(fold.training_end), side="right"))
    n_validation = math.ceil((stop - first) * config.training.validation_fraction)
    n_usable = max(stop - n_validation - max(first, n_unready), 0)
    needed = (window.shortest or window.lookback) + window.horizon
    if n_usable < needed:
        place = f"to train on before {fold.start}"
        return NotEnoughHistory(ticker, needed, n_usable, where=place)
    if 0 < n_validation < window.horizon:
        return NotEnoughHistory(
            ticker, window.horizon, n_validation, where="to validate on"
        )
    return None


def is_testable(sessions: pd.DatetimeIndex, fold: Fold, config: Config) -> bool:
    """Return whether a ticker's sessions hold all targets of a forecast of a fold."""
    begin = int(sessions.searchsorted(pd.Timestamp(fold.start)))
    if begin + config.window.horizon > len(sessions):
        return False
    return bool(sessions[begin] <= pd.Timestamp(fold.end))


class Absences:
    """Collects which tickers are left out of which folds, and why."""

    def __init__(self) -> None:
        self.reasons: list[NotEnoughHistory] = []
        self._folds: dict[tuple[str, str], list[int]] = {}

    def without_untrainable(
        self,
        frames: Mapping[str, pd.DataFrame],
        n_unready: Mapping[str, int],
        folds: Sequence[Fold],
        config: Config,
    ) -> dict[str, pd.DataFrame]:
        """Return the frames that a training can use."""
        left = {}
        for ticker, frame in frames.items():
            sessions, unready = session_index(frame), n_unready[ticker]
            reason = untrainable(sessions, unready, folds[0], config, ticker)
            if reason is None:
                left[ticker] = frame
            else:
                self._note(ticker, folds, "too few sessions to train on", reason)
        return left

    def testable(
        self, frames: Mapping[str, pd.DataFrame], folds: Sequence[Fold], config: Config
    ) -> tuple[str, ...]:
        """Return the tickers that any of the folds can test."""
        found, horizon = [], config.window.horizon
        for ticker, frame in frames.items():
            sessions = session_index(frame)
            missed = [f for f in folds if not is_testable(sessions, f, config)]
            if missed:
                reason = NotEnoughHistory(ticker, horizon, 0, where="in a fold")
                self._note(ticker, missed, "too few sessions to test on", reason)
            if len(missed) < len(folds):
                found.append(ticker)
        return tuple(found)

    def warn(self) -> None:
        """Tell which tickers are left out."""
        for (ticker, phrase), numbers in self._folds.items():
            folds = ", ".join(str(number) for number in sorted(numbers))
            warnings.warn(
                f"{ticker} is left out of fold {folds}: {phrase}.",
                RunWarning,
                stacklevel=3,
            )

    def _note(
        self, ticker: str, folds: Sequence[Fold], phrase: str, reason: NotEnoughHistory
    ) -> None:
        self.reasons.append(reason)
        numbers = [fold.number for fold in folds]
        self._folds.setdefault((ticker, phrase), []).extend(numbers)


def _parts(tested: pd.DatetimeIndex, stride: str | int) -> list[pd.DatetimeIndex]:
    if isinstance(stride, int):
        cuts = range(stride, len(tested), stride)
        return [tested[part] for part in np.split(np.arange(len(tested)), list(cuts))]
    periods = tested.to_period({"year": "Y", "quarter": "Q", "month": "M"}[stride])
    return [tested[periods == period] for period in periods.unique()]


def _training_dates(
    sessions: pd.DatetimeIndex, first_tested: pd.Timestamp, config: Config
) -> tuple[date, date]:
    """Return the first and the last date of the training before a test range."""
    settings, training = config.backtest, config.training
    place = int(sessions.searchsorted(first_tested)) - 1 - settings.purge
    if place < 0:
        raise NotEnoughHistory(
            config.data.ticker, 2 + settings.purge, place + 1, where="before the test"
        )
    start = training.start
    if settings.window == "rolling":
        begin = int(sessions.searchsorted(pd.Timestamp(start)))
        end = int(sessions.searchsorted(pd.Timestamp(training.end), side="right"))
        if end == begin:  # the length of the window is not known
            raise NotEnoughHistory(
                config.data.ticker, 1, 0, where="in the training range"
            )
        start = sessions[max(place + 1 - (end - begin), 0)].date()
        start = max(start, training.start)
    return start, sessions[place].date()
