"""Dating: ranges of training and test for prices that settings were not written for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from forecaster.config import Config, config_from_dict, list_configs, load_config
from forecaster.data.calendar import as_day
from forecaster.data.prices import ticker_of
from forecaster.data.splits import session_index
from forecaster.errors import ConfigError, RunWarning

TRAINING_SHARE = 0.8
# Of the sessions: dates that leave out more than the rest were meant for other prices.
LEAST_INSIDE = 0.8
PARTS = ("training", "evaluation")
DATES = ("training.start", "training.end", "evaluation.start", "evaluation.end")
SOURCES = ("embedded", "yahoo", "tiingo")
IN_PYTHON = '`with_dates(config, prices, {"training.end": DATE})`'

Dates = dict[str, date]


def with_dates(
    config: Config,
    prices: pd.DataFrame,
    chosen: Mapping[str, str | date] | None = None,
) -> Config:
    """Return settings that go with prices: with ranges inside them, and their ticker.

    Dates that somebody wrote down for these prices stay. Those that were left out, and
    those of shipped settings, stay where both ranges hold sessions and together at
    least 80% of all. Else the first 80% of the sessions train and the rest tests.
    The test follows on the training: a border that is chosen, by the end of the one or
    by the start of the other, moves both, unless the settings leave out sessions
    between them.

    Parameters
    ----------
    config
        Settings as `load_config` gives them. After a training they hold the dates that
        it used, which stay.
    prices
        Checked price frame (see `load_prices`) of one ticker.
    chosen
        Dates by setting, such as ``{"training.end": "2020-12-31"}``; the others are
        made to go with them.

    Raises
    ------
    ConfigError
        If one of the chosen names or dates is none, the dates contradict each other,
        or the settings train one model over several tickers.

    Warns
    -----
    RunWarning
        If the sessions were divided: with the first and last session of both ranges.

    Examples
    --------
    >>> import forecaster as fc
    >>> prices = fc.load_prices("AAPL", start="2012-01-01", end="2017-12-31")
    >>> chosen = {"training.end": "2015-12-31", "evaluation.start": "2016-01-01"}
    >>> dated = fc.with_dates(fc.load_config("own-close"), prices, chosen)
    >>> dated.data.ticker, str(dated.training.end), str(dated.evaluation.end)
    ('AAPL', '2015-12-31', '2017-12-31')
    """
    if not isinstance(config, Config):
        raise ConfigError(
            "the settings come first, and the prices second: "
            "`with_dates(config, prices)`."
        )
    if config.data.tickers or not isinstance(prices, pd.DataFrame):
        raise ConfigError(
            "the dates of one model over several tickers are not made. Write "
            f"{', '.join(DATES)} into the settings."
        )
    own, meant = read_dates(chosen or {}), dates_are_chosen(config)
    config = _of_prices(config, prices)
    if meant:
        days = session_index(prices)
        return _dated(config, _adjoined(_of_settings(config), own, days))
    return divide_dates(config, prices, own, hint=IN_PYTHON, stacklevel=3)


def dates_are_chosen(config: Config) -> bool:
    """Return whether somebody wrote dates into settings with their prices in mind.

    Nobody did if they were left out, or are still those of the shipped settings of the
    same name.
    """
    parts = (config.training, config.evaluation)
    if not any({"start", "end"} & part.model_fields_set for part in parts):
        return False
    shipped = config.name in list_configs()
    return not shipped or _of_settings(config) != _of_settings(load_config(config.name))


def read_dates(chosen: Mapping[str, str | date]) -> Dates:
    """Return dates by setting, in their order.

    Raises
    ------
    ConfigError
        If a setting is no date of a range, or a value is no date.
    """
    unknown = [name for name in chosen if name not in DATES]
    if unknown:
        raise ConfigError(
            f"{unknown[0]} is no date of a range. These are: {', '.join(DATES)}."
        )
    return {name: as_day(chosen[name]).date() for name in DATES if name in chosen}


def divide_dates(
    config: Config,
    prices: pd.DataFrame,
    chosen: Mapping[str, date],
    *,
    hint: str = "`--set training.end=DATE`",
    stacklevel: int = 2,
) -> Config:
    """Return settings whose dates fit the prices, whoever wrote those they have.

    As `with_dates`, for settings whose dates nobody chose.

    Parameters
    ----------
    chosen
        As `read_dates` returns them.
    hint
        What puts the border elsewhere.
    stacklevel
        Whose line the warning names.
    """
    days = session_index(prices)
    own = _adjoined(_of_settings(config), chosen, days)
    inside = [_held(days, own[f"{part}.start"], own[f"{part}.end"]) for part in PARTS]
    ordered = list(own.values()) == sorted(own.values())
    enough = bool(chosen) or sum(inside) >= LEAST_INSIDE * len(days)
    made = None if ordered and all(inside) and enough else _divided(days, chosen)
    if made is None:
        return _dated(config, own)
    dated = _dated(config, made)
    ticker = ticker_of(prices, config)
    told = f"{ticker}: {_told(days, made, chosen)}"
    if ordered and any(inside) and not chosen:
        told += _left(own, sum(inside) / len(days))
    if "training.end" not in chosen:
        told += f" {hint} puts the border elsewhere."
    warnings.warn(told, RunWarning, stacklevel=stacklevel)
    return dated


def _adjoined(
    own: Dates, chosen: Mapping[str, date], days: pd.DatetimeIndex
) -> dict[str, date]:
    """Return dates with those that were chosen, and no sessions between the ranges.

    Where sessions were left out between the ranges, they are meant to be.
    """
    made, (end, tested) = own | dict(chosen), DATES[1:3]
    border = [name for name in (end, tested) if name in chosen]
    left_out = days[(days > as_day(own[end])) & (days < as_day(own[tested]))]
    if len(border) == 1 and own[end] < own[tested] and not len(left_out):
        made[tested] = made[end] + timedelta(1) if border == [end] else made[tested]
        made[end] = made[tested] - timedelta(1)
    return made


def _dated(config: Config, dates: Mapping[str, date]) -> Config:
    if dates == _of_settings(config):
        return config
    settings = config.resolved()
    for name, day in dates.items():
        part, _, end = name.partition(".")
        settings[part][end] = day
    return config_from_dict(settings)


def _of_prices(config: Config, prices: pd.DataFrame) -> Config:
    """Return settings that name the ticker of the prices, and where they came from."""
    own, source = config.data, str(prices.attrs.get("source", ""))
    data: dict[str, object] = {"ticker": prices.attrs.get("ticker", own.ticker)}
    if Path(source).is_file():
        data["path"] = str(Path(source).resolve())
    elif source in SOURCES:
        data |= {"source": source, "path": None}
    elif data["ticker"] != own.ticker:
        data["path"] = None
    if all(getattr(own, name) == value for name, value in data.items()):
        return config
    settings = config.resolved()
    settings["data"] |= data
    return config_from_dict(settings)


def _of_settings(config: Config) -> Dates:
    training, tested = config.training, config.evaluation
    days = (training.start, training.end, tested.start, tested.end)
    return dict(zip(DATES, days, strict=True))


def _held(days: pd.DatetimeIndex, start: date, end: date) -> int:
    return len(_between(days, start, end))


def _between(days: pd.DatetimeIndex, start: date, end: date) -> pd.DatetimeIndex:
    first = days.searchsorted(as_day(start))
    return days[first : days.searchsorted(as_day(end), side="right")]


def _divided(days: pd.DatetimeIndex, chosen: Mapping[str, date]) -> Dates | None:
    """Return dates that divide the sessions; None if there are too few of them."""
    if not len(days):
        return None
    start = chosen.get("training.start", days[0].date())
    stop = chosen.get("evaluation.end", days[-1].date())
    within = _between(days, start, stop)
    border = round(TRAINING_SHARE * len(within))
    if not 0 < border < len(within):
        return None
    end, tested = _border(within[border - 1], days, chosen)
    return dict(zip(DATES, (start, end, tested, stop), strict=True))


def _border(
    share: pd.Timestamp, days: pd.DatetimeIndex, chosen: Mapping[str, date]
) -> tuple[date, date]:
    """Return the end of training and the start of the test, sessions if they can be."""
    tested = chosen.get(DATES[2])
    if tested is None:
        end = chosen.get(DATES[1], share.date())
        later = days[days > as_day(end)]
        return end, later[0].date() if len(later) else end + timedelta(1)
    earlier = days[days < as_day(tested)]
    last = earlier[-1].date() if len(earlier) else tested - timedelta(1)
    return chosen.get(DATES[1], last), tested


def _told(
    days: pd.DatetimeIndex, made: Mapping[str, date], chosen: Mapping[str, date]
) -> str:
    """Return which sessions train and which test."""
    trained, tested = (
        _shown(_between(days, made[f"{part}.start"], made[f"{part}.end"]))
        for part in PARTS
    )
    if chosen:
        return f"training from {trained}, test from {tested}."
    return (
        f"the first {TRAINING_SHARE:.0%} of the sessions train ({trained}), "
        f"the rest tests ({tested})."
    )


def _shown(days: pd.DatetimeIndex) -> str:
    return f"{days[0].date()} to {days[-1].date()}" if len(days) else "no session"


def _left(own: Mapping[str, date], share: float) -> str:
    """Return why the dates of settings did not stay that hold some of the sessions."""
    return (
        f" The dates of the settings ({own[DATES[0]]} to {own[DATES[1]]}, "
        f"{own[DATES[2]]} to {own[DATES[3]]}) hold {share:.0%} of them."
    )
