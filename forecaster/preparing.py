"""Preparing: prices and settings to all that training may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.data.calendar import as_day
from forecaster.data.prices import prices_fingerprint, ticker_of
from forecaster.data.scaling import Kind, Scaler
from forecaster.data.splits import Split, session_index, split_training
from forecaster.data.table import Table, make_table, usable_part
from forecaster.data.windows import Windows, cut_windows
from forecaster.errors import ConfigError, DataError, NotEnoughHistory
from forecaster.forecast import TrainedOn

Prices = pd.DataFrame | Mapping[str, pd.DataFrame]
SCALERS: dict[str, Kind] = {
    "minmax": "minmax",
    "standard": "standard",
    "window": "standard",
    "none": "none",
}


@dataclass(frozen=True, eq=False)
class TrainingData:
    """All that training may see: nothing here is later than the training range."""

    scaler: Scaler
    training: Windows
    validation: Windows | None
    trained_on: TrainedOn


def prepare_training(prices: Prices, config: Config) -> TrainingData:
    """Cut the training range into scaled windows; nothing later is looked at.

    Parameters
    ----------
    prices
        A checked price frame, or one for each of `data.tickers`.

    Raises
    ------
    DataError
        If the prices do not cover the training range or are too few.
    ConfigError
        If the tickers of the prices are not those of the settings.
    """
    parts = [
        _part(frame, ticker, config)
        for ticker, frame in frames_of(prices, config).items()
    ]
    scaler = fit_scaler([part.training for part in parts], config)
    windows = Windows.join(
        [cut_windows(part.training, config, scaler) for part in parts]
    )
    return TrainingData(
        scaler=scaler,
        training=windows,
        validation=_validation(parts, config, scaler),
        trained_on=_trained_on(parts, windows),
    )


def frames_of(prices: Prices, config: Config) -> dict[str, pd.DataFrame]:
    """Return price frames by ticker.

    Raises
    ------
    ConfigError
        If the tickers of the prices are not those of the settings, or either is
        something else.
    """
    if not isinstance(config, Config) or not isinstance(prices, pd.DataFrame | Mapping):
        raise ConfigError(
            f"want checked prices and then settings, as in `train(prices, config)`; "
            f"got {type(prices).__name__} and {type(config).__name__}. `load_prices` "
            "and `load_config` make them."
        )
    if isinstance(prices, pd.DataFrame):
        frames = {ticker_of(prices, config): prices}
    else:
        frames = {str(ticker).upper(): frame for ticker, frame in prices.items()}
    wanted = {name.upper() for name in config.data.tickers}
    if wanted and wanted != {name.upper() for name in frames}:
        raise ConfigError(
            f"the settings train one model over {', '.join(sorted(wanted))}, and the "
            f"prices are those of {', '.join(sorted(frames))}. Pass a price frame for "
            "each ticker, by name."
        )
    if len(frames) > 1 and not wanted:
        raise ConfigError(
            f"prices of {len(frames)} tickers came, and the settings know one. Set "
            "`data.tickers` to train one model over all."
        )
    return frames


def evaluated_frame(prices: Prices, config: Config) -> pd.DataFrame:
    """Return the prices that a run is evaluated on: those of `data.ticker`."""
    frames = frames_of(prices, config)
    return frames.get(config.data.ticker.upper(), next(iter(frames.values())))


def only_frame(prices: Prices) -> pd.DataFrame:
    """Return the price frame of one ticker.

    Raises
    ------
    ConfigError
        If there are several.
    """
    if isinstance(prices, pd.DataFrame):
        return prices
    raise ConfigError(
        f"this searches with the prices of one ticker, and data.tickers names "
        f"{', '.join(prices)}. Leave data.tickers out."
    )


def fit_scaler(tables: list[Table], config: Config) -> Scaler:
    """Fit the scaler on training rows alone, of all tickers together."""
    name = config.data.target
    rows = [
        pd.concat([table.features, table.static], axis="columns", sort=False).assign(
            **({} if name in table.features else {name: table.target})
        )
        for table in tables
    ]
    for table in tables:
        table.check()
    returns = [
        np.diff(np.log(table.target))
        for table in tables
        if config.target.form != "price"
    ]
    unit = float(np.std(np.concatenate(returns))) if returns else 1.0
    kind = SCALERS[config.features.scaling]
    return Scaler.fit(pd.concat(rows), kind, unit or 1.0)


@dataclass(frozen=True, eq=False)
class _Part:
    """One ticker's rows: those that train, and all up to the end of validation."""

    table: Table
    split: Split
    source: str

    @property
    def training(self) -> Table:
        return self.table.rows(self.split.training)


def _part(prices: pd.DataFrame, ticker: str, config: Config) -> _Part:
    settings = config.training
    session_index(prices)
    known = prices.loc[: pd.Timestamp(settings.end)]
    if known.empty:
        known = prices  # the split says what the prices cover
    table = make_table(known, config, ticker=ticker)
    split = split_training(
        session_index(known),
        start=settings.start,
        end=settings.end,
        validation_fraction=settings.validation_fraction,
        ticker=ticker,
    )
    needed = (config.window.shortest or config.window.lookback) + config.window.horizon
    training = usable_part(table, split.training, needed)
    source = str(prices.attrs.get("source", "a table"))
    return _Part(table, replace(split, training=training), source)


def _validation(parts: list[_Part], config: Config, scaler: Scaler) -> Windows | None:
    """Return windows whose targets all validate; their inputs may reach back."""
    windows = [
        _validation_windows(part, config, scaler)
        for part in parts
        if part.split.validation.start != part.split.validation.stop
    ]
    return Windows.join(windows) if windows else None


def _validation_windows(part: _Part, config: Config, scaler: Scaler) -> Windows:
    rows = part.split.validation
    n_sessions = rows.stop - rows.start
    if n_sessions < config.window.horizon:
        raise NotEnoughHistory(
            part.table.ticker,
            config.window.horizon,
            n_sessions,
            where="to validate on",
        )
    return windows_ending_in(part.table, rows, config, scaler)


def windows_ending_in(
    table: Table, rows: slice, config: Config, scaler: Scaler
) -> Windows:
    """Return the windows whose targets all lie in these rows.

    Their inputs reach back before the rows.

    Raises
    ------
    NotEnoughHistory
        If too few rows are before them.
    """
    lookback, horizon = config.window.lookback, config.window.horizon
    if rows.stop - rows.start < horizon:
        raise DataError(
            f"{table.ticker}: the range has {rows.stop - rows.start} sessions, and "
            f"{horizon} are forecast at once. Choose a longer range, or lower "
            "`window.horizon`."
        )
    begin = max(rows.start - lookback, min(table.n_unready, rows.start))
    n_before, needed = rows.start - begin, config.window.shortest or lookback
    if n_before < needed:
        first = table.sessions[rows.start].date()
        raise NotEnoughHistory(table.ticker, needed, n_before, where=f"before {first}")
    windows = cut_windows(table.rows(slice(begin, rows.stop)), config, scaler)
    return windows[windows.origins >= table.sessions[rows.start - 1].to_datetime64()]


def _trained_on(parts: list[_Part], windows: Windows) -> TrainedOn:
    tables = [part.training for part in parts]
    seen = [
        part.table.rows(slice(part.split.training.start, part.split.validation.stop))
        for part in parts
    ]
    rows = pd.concat([table.features.assign(target=table.target) for table in seen])
    return TrainedOn(
        ticker=" ".join(table.ticker for table in tables),
        source=", ".join(dict.fromkeys(part.source for part in parts)),
        first=str(min(table.sessions[0] for table in tables).date()),
        last=str(max(table.sessions[-1] for table in tables).date()),
        n_sessions=sum(len(table) for table in tables),
        n_windows=len(windows),
        fingerprint=prices_fingerprint(rows),
    )


def test_dates(
    prices: pd.DataFrame,
    config: Config,
    start: str | date | None,
    end: str | date | None,
) -> tuple[date, date]:
    """Return the first and the last date to evaluate on.

    Without either, the test range of the settings; with `start` alone, to the end of
    the prices.

    Raises
    ------
    ConfigError
        If a date is no date, or the range is empty.
    """
    test = config.evaluation
    newest = session_index(prices)[-1] if len(prices) else test.end
    first = as_day(test.start if start is None else start).date()
    last = as_day((test.end if start is None else newest) if end is None else end)
    if first > last.date():
        raise ConfigError(
            f"the test range begins on {first} and ends before, on {last.date()}. "
            "Choose an earlier start, or a later end."
        )
    return first, last.date()


def history_before(target: pd.Series[float], stop: int, start: date) -> FloatArray:
    """Return the prices before the test, from the start of training if it can be."""
    before = target.iloc[:stop]
    recent = before.loc[pd.Timestamp(start) :]
    return (recent if len(recent) > 1 else before).to_numpy(dtype=float)
