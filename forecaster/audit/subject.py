"""Subjects: a pipeline, its settings and its prices, and where in them to cut."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.audit.changes import Change, as_numbers, change_rows
from forecaster.audit.pipeline import Pipeline
from forecaster.config import Config
from forecaster.data.splits import rows_between, session_index
from forecaster.data.table import Table
from forecaster.data.windows import Windows, ticker_id
from forecaster.errors import NotEnoughHistory
from forecaster.preparing import Prices, evaluated_frame, frames_of

Cut = Callable[[pd.DataFrame], int]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited.

    The boundaries are worked out here from the dates of the settings: an audit that
    asked the pipeline for them would believe what it is to check.

    Attributes
    ----------
    frames
        Price frames by ticker, every numeric column float64.
    evaluated
        The ticker whose forecasts are looked at.
    alone
        Whether the pipeline takes one frame rather than several by name.
    """

    pipeline: Pipeline
    config: Config
    frames: Mapping[str, pd.DataFrame]
    evaluated: str
    alone: bool

    @classmethod
    def of(cls, prices: Prices, config: Config, pipeline: Pipeline) -> Subject:
        """Return the subject of an audit.

        Raises
        ------
        ConfigError
            If the tickers of the prices are not those of the settings.
        DataError
            If the prices do not cover the training and the test range.
        """
        frames = frames_of(prices, config)
        tested = evaluated_frame(prices, config)
        name = next(ticker for ticker, frame in frames.items() if frame is tested)
        numbers = {ticker: as_numbers(frame) for ticker, frame in frames.items()}
        alone = isinstance(prices, pd.DataFrame)
        subject = cls(pipeline, config, numbers, name, alone)
        for frame in numbers.values():
            subject.training_rows(frame)
        subject.test_rows()
        return subject

    @property
    def frame(self) -> pd.DataFrame:
        """The prices whose forecasts are looked at."""
        return self.frames[self.evaluated]

    def prices(self, frames: Mapping[str, pd.DataFrame] | None = None) -> Prices:
        """Return frames in the form in which the pipeline takes them."""
        given = self.frames if frames is None else frames
        return next(iter(given.values())) if self.alone else dict(given)

    def changed(self, cut: Cut, change: Change) -> Prices:
        """Return the prices with other rows after a cut, for each ticker its own."""
        return self.prices(
            {
                ticker: change_rows(frame, slice(cut(frame) + 1, None), change)
                for ticker, frame in self.frames.items()
            }
        )

    def training_rows(self, frame: pd.DataFrame) -> slice:
        """Return the rows of the training range, those that validate included."""
        wanted = self.config.training
        return rows_between(
            session_index(frame),
            wanted.start,
            wanted.end,
            ticker=self.evaluated,
            what="training",
        )

    def end_of_range(self, frame: pd.DataFrame) -> int:
        """Return the last row of the training range."""
        return int(self.training_rows(frame).stop) - 1

    def end_of_training(self, frame: pd.DataFrame) -> int:
        """Return the last row that trains; those up to the range's end validate."""
        rows = self.training_rows(frame)
        share = self.config.training.validation_fraction
        n_validation: int = math.ceil((rows.stop - rows.start) * share)
        return int(rows.stop) - 1 - n_validation

    def test_rows(self) -> slice:
        """Return the rows of the test range.

        Raises
        ------
        DataError
            If fewer sessions lie in it than are forecast at once.
        """
        wanted, horizon = self.config.evaluation, self.config.window.horizon
        rows = rows_between(
            session_index(self.frame),
            wanted.start,
            wanted.end,
            ticker=self.evaluated,
            what="test",
        )
        if rows.stop - rows.start < horizon:
            found = rows.stop - rows.start
            raise NotEnoughHistory(
                self.evaluated, horizon, found, where="in the test range"
            )
        return rows

    def middle_of_test(self) -> int:
        """Return an origin inside the test range, with a forecast before it if any."""
        rows, horizon = self.test_rows(), self.config.window.horizon
        return int(rows.start - 1 + rows.stop - horizon) // 2

    def table(self, frame: pd.DataFrame, ticker: str = "") -> Table:
        """Return the pipeline's table of a frame."""
        name = ticker or self.evaluated
        return self.pipeline.make_table(frame, self.config, ticker=name)

    def day(self, row: int) -> str:
        """Return the date of a row of the evaluated prices."""
        return str(session_index(self.frame)[row].date())

    def by_ticker(self, windows: Windows) -> dict[str, Windows]:
        """Return the windows of each ticker."""
        if self.alone or len(self.frames) == 1:
            return {self.evaluated: windows}
        places = {name: ticker_id(self.config, name) for name in self.frames}
        return {
            name: windows[np.asarray(windows.ticker_ids) == place]
            for name, place in places.items()
        }
