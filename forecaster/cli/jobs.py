"""Jobs: the settings and the prices that a command line asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.cli import console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import pandas as pd

    from forecaster.config import Config
    from forecaster.preparing import Prices

    Reader = Callable[[Config, "PriceChoice"], pd.DataFrame]


LONGEST_NAME = 100


@dataclass(frozen=True)
class PriceChoice:
    """Which prices a command line asks for; what is absent, the settings say."""

    ticker: str | None = None
    path: Path | None = None
    source: str | None = None
    offline: bool = False

    def is_own_file(self, config: Config) -> bool:
        """Return whether the prices are of a file, named here or by the settings."""
        return self.path is not None or config.data.path is not None


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

    A file that the command line names, and no ticker beside it, names its own. Prices
    of one's own that the dates of shipped settings do not fit, or settings without
    dates, are divided: see `forecaster.data.dating`.
    """
    import pandas as pd

    from forecaster.config import list_configs, load_config
    from forecaster.data.dating import dates_are_chosen, divide_dates

    others, chosen = _split_dates(overrides)
    config = load_config(name, others)
    meant = name not in list_configs() and dates_are_chosen(config)
    if not choice.is_own_file(config) or config.data.tickers or meant:
        return with_prices(load_config(name, overrides), overrides, choice, prices_for)
    config, prices = with_prices(config, others, choice, prices_for)
    if not isinstance(prices, pd.DataFrame):
        return config, prices
    return divide_dates(config, prices, chosen, stacklevel=3), prices


def named_after_prices(config: Config, name: str) -> Config:
    """Return settings with a run's name that tells the ticker, if it is another.

    Parameters
    ----------
    config
        As `load_job` returns them.
    name
        What they were loaded from.
    """
    import re

    from forecaster.config import config_from_dict, load_config

    ticker = config.data.ticker
    if ticker == load_config(name).data.ticker:
        return config
    words = re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", ticker)
    named = "-".join([*words, config.name])[:LONGEST_NAME]
    return config_from_dict(config.resolved() | {"name": named})


def _split_dates(overrides: Sequence[str]) -> tuple[list[str], dict[str, date]]:
    """Return the overrides that are no dates, and the dates by setting.

    Raises
    ------
    ConfigError
        If one of them is no date.
    """
    from forecaster.data.dating import DATES, read_dates

    others, chosen = [], {}
    for override in overrides:
        key, _, value = override.partition("=")
        if key.strip() in DATES:
            chosen[key.strip()] = value.strip().strip("\"'")
        else:
            others.append(override)
    return others, read_dates(chosen)


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
    from forecaster.config.places import ticker_of_file
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
