"""Folds: the training and test ranges of a walk-forward test, in order.

A fold trains on sessions before its test range alone, and no training target reaches
into it. With ``purge`` further sessions are left out between the two (see López de
Prado, 2018, Advances in financial machine learning, chapter 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecaster.config import Config
from forecaster.errors import NotEnoughHistory


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
    """Divide the sessions from the end of training to the end of the test into folds.

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
        start = sessions[max(place + 1 - (end - begin), 0)].date()
        start = max(start, training.start)
    return start, sessions[place].date()
