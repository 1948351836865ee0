"""Jobs: the settings and the prices that a command line asks for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.cli import console

# Of the sessions of a file that lies outside the dates of shipped settings.
TRAINING_SHARE = 0.8
DATES_IN_ORDER = (
    *("training.start", "training.end"),
    *("evaluation.start", "evaluation.end"),
)
DATES = {*DATES_IN_ORDER}

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from forecaster.config import Config
    from forecaster.preparing import Prices

    Reader = Callable[[Config, "PriceChoice"], pd.DataFrame]


@dataclass(frozen=True)
class PriceChoice:
    """Which prices a command line asks for; what is absent, the settings say."""

    ticker: str | None = None
    path: Path | None = None
    source: str | None = None
    offline: bool = False


def refuse_one_file(path: Path | None, names: Sequence[str]) -> None:
    """Refuse one file of prices for several tickers: all would get the same prices.

    Raises
    ------
    ConfigError
        With what to do instead.
    """
    from forecaster.errors import ConfigError

    if path is not None and not path.is_dir() and len(names) > 1:
        raise ConfigError(
            f"{path} holds the prices of one ticker, and {len(names)} are asked for: "
            f"{', '.join(names)}. Name one with `--ticker`, or give a folder with a "
            "file for each."
        )


def load_job(
    name: str, overrides: list[str], choice: PriceChoice
) -> tuple[Config, Prices]:
    """Return settings and prices, with the ticker and file of the command line.

    A file that the command line names, and no ticker beside it, names its own.
    """
    from forecaster.config import list_configs, load_config

    config, prices = with_prices(
        load_config(name, overrides), overrides, choice, prices_for
    )
    if choice.path is not None and name in list_configs() and not config.data.tickers:
        config = _with_dates(config, prices, overrides)
    return config, prices


def _with_dates(config: Config, prices: Any, overrides: Sequence[str]) -> Config:
    """Return shipped settings with dates that fit prices of the user's own.

    Where these lie outside the ranges of training or test, and no date was chosen, the
    first 80% of the sessions train, and the rest tests; that is told.
    """
    from forecaster.config import with_values
    from forecaster.errors import RunWarning

    chosen = {override.partition("=")[0].strip() for override in overrides}
    days, held = prices.index, (config.training, config.evaluation)
    inside = [
        ((str(part.start) <= days) & (days <= str(part.end))).any() for part in held
    ]
    first_tested = round(TRAINING_SHARE * len(days))
    if all(inside) or chosen & DATES or not 0 < first_tested < len(days):
        return config
    ends = (days[0], days[first_tested - 1], days[first_tested], days[-1])
    values = dict(zip(DATES_IN_ORDER, (day.date() for day in ends), strict=True))
    warnings.warn(
        f"no prices in {held[0].start} to {held[0].end} and {held[1].start} to "
        f"{held[1].end}, the dates of these settings: the first {TRAINING_SHARE:.0%} "
        f"of the sessions train, {ends[0]:%F} to {ends[1]:%F}, and the rest tests, "
        f"{ends[2]:%F} to {ends[3]:%F}. Other dates: --set training.end=... --set "
        "evaluation.start=...",
        RunWarning,
        stacklevel=2,
    )
    return with_values(config, values)


def with_prices(
    config: Config, overrides: list[str], choice: PriceChoice, read: Reader
) -> tuple[Config, Prices]:
    """Return loaded settings and their prices, as `load_job` does."""
    from forecaster.config import config_from_dict

    if config.data.tickers:
        return _load_many(config, choice, read)
    changed = {override.partition("=")[0].strip() for override in overrides}
    if choice.path is None and "data.path" in changed and config.data.path:
        named = config.data.ticker if "data.ticker" in changed else None
        path, ticker = Path(config.data.path), choice.ticker or named
        choice = replace(choice, path=path, ticker=ticker)
    prices = read(config, choice)
    settings = config.resolved()
    settings["data"]["ticker"] = prices.attrs["ticker"]
    if choice.path is not None:
        settings["data"]["path"] = str(Path(prices.attrs["source"]).resolve())
    elif choice.source is not None:
        settings["data"]["source"] = choice.source
        settings["data"].pop("path", None)
    return config_from_dict(settings), prices


def prices_for(config: Config, choice: PriceChoice) -> pd.DataFrame:
    """Return the prices of the settings, unless others are wanted.

    The file of the settings holds their own ticker; another one comes from a source,
    or from the folder that the settings name.
    """
    from forecaster.config.files import ticker_of_file
    from forecaster.loading import load_prices_for

    own, ticker, path = config.data, choice.ticker, choice.path
    if path is None:
        ticker = ticker or own.ticker
        its_own = ticker.upper() == own.ticker.upper()
        folder = own.path is not None and Path(own.path).is_dir()
        if own.path is not None and (its_own or folder) and choice.source is None:
            path = Path(own.path)
            of_file = not folder and ticker_of_file(path) == own.ticker
            ticker = None if of_file else ticker
    return load_prices_for(
        config,
        ticker=ticker,
        source=choice.source,
        path=path,
        offline=choice.offline,
        now=console.now(),
    )


def _load_many(
    config: Config, choice: PriceChoice, read: Reader
) -> tuple[Config, Prices]:
    """Return settings and prices of one model over many tickers.

    Raises
    ------
    ConfigError
        If the command line asks for one ticker's prices.
    """
    from forecaster.config import config_from_dict
    from forecaster.errors import ConfigError

    names = ", ".join(config.data.tickers)
    if choice.ticker is not None:
        raise ConfigError(
            f"{config.name} trains one model over {names}: leave out --ticker, or "
            "change data.tickers with --set."
        )
    folder = choice.path
    if folder is not None and not folder.is_dir():
        raise ConfigError(
            f"{config.name} trains one model over {names}, and {folder} is no folder. "
            "Give a folder with a file for each, or leave out --csv."
        )
    if folder is not None:
        settings = config.resolved()
        settings["data"]["path"] = str(folder.resolve())
        config = config_from_dict(settings)
        choice = replace(choice, path=None)
    prices = {
        ticker: read(config, replace(choice, ticker=ticker))
        for ticker in config.data.tickers
    }
    return config, prices
