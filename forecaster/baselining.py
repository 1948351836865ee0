"""Baselining: the baselines that settings name, fitted and asked beside a network."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from forecaster.config import Config
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table, usable_part
from forecaster.data.windows import Windows, cut_windows
from forecaster.errors import RunWarning
from forecaster.models.baselines import (
    FittedBaseline,
    Outlook,
    make_baseline,
    scene_of,
)

WITHOUT_LOGARITHMS = ("last_value", "drift", "seasonal_naive", "moving_average")


@dataclass(frozen=True, eq=False)
class Tested:
    """One ticker's windows to be forecast, and the table that they were cut from."""

    table: Table
    windows: Windows


def fit_baselines(
    names: Sequence[str],
    tables: Mapping[str, Table],
    config: Config,
    scaler: Scaler,
) -> dict[str, FittedBaseline]:
    """Fit baselines on all rows of tables, by ticker.

    Those that take logarithms are left out where a series is not positive.

    Parameters
    ----------
    tables
        The sessions to fit on; ready, and at least one window long.
    scaler
        Of the network, fitted on training rows alone.

    Raises
    ------
    DataError
        If the prices do not suit a baseline.
    """
    training = {
        ticker: scene_of(table, cut_windows(table, config, scaler))
        for ticker, table in tables.items()
    }
    positive = all((table.target > 0).all() for table in tables.values())
    fitted = {
        name: make_baseline(name).fit(
            training,
            levels=config.model.quantiles if config.model.has_quantiles else (),
            horizon=config.window.horizon,
            seed=config.training.seed,
        )
        for name in names
        if positive or name in WITHOUT_LOGARITHMS
    }
    for name, baseline in fitted.items():
        for ticker, reason in getattr(baseline, "fallbacks", {}).items():
            message = f"{ticker}: {name} could not be fitted: {reason}"
            warnings.warn(message, RunWarning, stacklevel=2)
    return fitted


def ask_baselines(
    fitted: Mapping[str, FittedBaseline], tested: Mapping[str, Tested]
) -> dict[str, dict[str, Outlook]]:
    """Return the forecasts of each baseline at the origins of each ticker's windows.

    Parameters
    ----------
    tested
        The tables begin with the same session as those that were fitted on.
    """
    scenes = {
        ticker: scene_of(one.table, one.windows) for ticker, one in tested.items()
    }
    return {
        name: {
            ticker: baseline.forecast(ticker, scene) for ticker, scene in scenes.items()
        }
        for name, baseline in fitted.items()
    }


class Trained(Protocol):
    """What a network was trained with."""

    @property
    def config(self) -> Config:
        """The settings."""

    @property
    def scaler(self) -> Scaler:
        """Fitted on training rows alone."""


def baselines_before(
    table: Table, windows: Windows, stop: int, trained: Trained
) -> dict[str, Outlook]:
    """Return the baselines of one ticker, fitted on the rows before a test.

    That is from the first training session on if there are enough, else on all.

    Parameters
    ----------
    windows
        The windows to be forecast.
    stop
        First row that is tested.

    Raises
    ------
    NotEnoughHistory
        If not even one window lies before the test.
    """
    config = trained.config
    rows = rows_to_fit(table, stop, config)
    seen = {table.ticker: table.rows(rows)}
    fitted = fit_baselines(config.evaluation.baselines, seen, config, trained.scaler)
    known = table.rows(slice(rows.start, len(table)))
    asked = ask_baselines(fitted, {table.ticker: Tested(known, windows)})
    return {name: outlooks[table.ticker] for name, outlooks in asked.items()}


def rows_to_fit(table: Table, stop: int, config: Config) -> slice:
    """Return the rows before a test that baselines are fitted on.

    Raises
    ------
    NotEnoughHistory
        If not even one window lies before the test.
    """
    window = config.window
    needed = (window.shortest or window.lookback) + window.horizon
    start = int(table.sessions.searchsorted(pd.Timestamp(config.training.start)))
    if stop - max(start, table.n_unready) < needed:
        start = 0
    return usable_part(table, slice(start, stop), needed, where="before the test")
