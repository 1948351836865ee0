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

    A file without a ticker names its own.
    """
    from forecaster.config import config_from_dict, load_config

    config = load_config(source, overrides)
    prices = prices_for(config, ticker, path)
    settings = config.resolved()
    settings["data"]["ticker"] = prices.attrs["ticker"]
    if path is not None:
        settings["data"]["path"] = str(path.resolve())
    return config_from_dict(settings), prices


def prices_for(config: Config, ticker: str | None, path: Path | None) -> pd.DataFrame:
    """Return the prices of the settings, unless another ticker or file is wanted."""
    from forecaster.data.sources import load_prices

    calendar = config.data.calendar
    if path is not None:
        return load_prices(ticker, path=path, calendar=calendar)
    if ticker is not None and config.data.path is None:
        return load_prices(ticker, calendar=calendar)
    return load_prices(
        ticker or config.data.ticker, path=config.data.path, calendar=calendar
    )
