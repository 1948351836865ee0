"""Pipelines: the functions that lead from prices to forecasts, to be audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pandas as pd

from forecaster.config import Config
from forecaster.data.companions import join_companions
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table, make_table
from forecaster.data.windows import Windows
from forecaster.evaluation import Evaluation
from forecaster.forecasting import Forecaster
from forecaster.models.recurrent import Network, network_for
from forecaster.preparing import (
    Prices,
    TrainingData,
    prepare_training,
    windows_ending_in,
)
from forecaster.training import train


class _Join(Protocol):
    def __call__(
        self,
        prices: pd.DataFrame,
        names: list[str],
        load: _Load,
        *,
        calendar: str,
    ) -> pd.DataFrame: ...


class _Load(Protocol):
    def __call__(self, ticker: str, /) -> pd.DataFrame: ...


class _MakeTable(Protocol):
    def __call__(
        self, prices: pd.DataFrame, config: Config, *, ticker: str
    ) -> Table: ...


class _Prepare(Protocol):
    def __call__(self, prices: Prices, config: Config) -> TrainingData: ...


class _CutTest(Protocol):
    def __call__(
        self, table: Table, rows: slice, config: Config, scaler: Scaler
    ) -> Windows: ...


class _Build(Protocol):
    def __call__(self, config: Config) -> Network: ...


class _Train(Protocol):
    def __call__(
        self, prices: Prices, config: Config, *, progress: bool | None
    ) -> Forecaster: ...


class _Forecast(Protocol):
    def __call__(
        self,
        forecaster: Forecaster,
        /,
        prices: pd.DataFrame,
        start: str | date | None,
        end: str | date | None,
    ) -> Evaluation: ...


@dataclass(frozen=True)
class Pipeline:
    """The stages of a forecast; the defaults are what every other command runs.

    Replace one with `dataclasses.replace` to audit a pipeline of your own.

    Attributes
    ----------
    join
        Puts the features of companions beside a ticker's own prices.
    make_table
        Prices to features and target, row by row.
    prepare
        Prices to the scaler and the windows that train and validate: the split, the
        scaler and the cutting of windows are in it.
    cut_test
        Rows of a table to the windows that are forecast.
    build
        Settings to a network with its first weights.
    train
        Prices to a trained `Forecaster`.
    forecast
        A `Forecaster` and prices to the forecasts of a range of dates.
    """

    join: _Join = join_companions
    make_table: _MakeTable = make_table
    prepare: _Prepare = prepare_training
    cut_test: _CutTest = windows_ending_in
    build: _Build = network_for
    train: _Train = train
    forecast: _Forecast = Forecaster.evaluate
