"""Jobs: the settings and the prices that a command line asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.config import Config


def load_job(
    source: str, overrides: list[str], ticker: str | None, path: Path | None
) -> tuple[Config, pd.DataFrame]:
    """Return settings and prices, with the ticker and file of the command line.

    A file that the command line names, and no ticker beside it, names its own.
    """
    from forecaster.config import config_from_dict, load_config

    config = load_config(source, overrides)
    changed = {override.partition("=")[0].strip() for override in overrides}
    if path is None and "data.path" in changed and config.data.path:
        path = Path(config.data.path)
        ticker = ticker or (config.data.ticker if "data.ticker" in changed else None)
    prices = prices_for(config, ticker, path)
    settings = config.resolved()
    settings["data"]["ticker"] = prices.attrs["ticker"]
    if path is not None:
        settings["data"]["path"] = str(path.resolve())
    return config_from_dict(settings), prices


def prices_for(config: Config, ticker: str | None, path: Path | None) -> pd.DataFrame:
    """Return the prices of the settings, unless another ticker or file is wanted.

    The file of the settings holds their own ticker: another one is embedded.
    """
    from forecaster.data.sources import load_prices, ticker_of_file

    own = config.data
    if path is not None:
        return load_prices(ticker, path=path, calendar=own.calendar)
    if ticker is not None and ticker.upper() != own.ticker.upper():
        return load_prices(ticker, calendar=own.calendar)
    if own.path is not None and ticker_of_file(own.path) == own.ticker:
        return load_prices(path=own.path, calendar=own.calendar)
    return load_prices(own.ticker, path=own.path, calendar=own.calendar)
