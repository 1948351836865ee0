"""Recording: forecasts just made, put into a ledger as one run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Any

import pandas as pd

from forecaster.config import Config
from forecaster.errors import ForecasterError, LedgerBusy, LedgerError
from forecaster.forecast import Forecast
from forecaster.ledger.ledger import Ledger
from forecaster.ledger.schema import POINT


def record_forecasts(
    ledger: Ledger,
    forecasts: Collection[Forecast],
    config: Config,
    *,
    model: str,
    now: datetime,
    errors: dict[str, ForecasterError] | None = None,
) -> int:
    """Write forecasts of one model, and return how many rows are new.

    Parameters
    ----------
    config
        Settings that the model was trained with.
    model
        Its name in the ledger.
    now
        With a time zone.
    errors
        Takes the error of each ticker that is refused; without it the first is raised.

    Raises
    ------
    LedgerError
        If the ledger holds other values for the same sessions. Other tickers are
        written; the run is noted as partly done.
    """
    origins = {forecast.origin for forecast in forecasts}
    run = ledger.begin_run(
        config.name,
        model,
        started=now,
        version=version("forecaster"),
        target=config.data.target,
        origin=origins.pop() if len(origins) == 1 else None,
    )
    n_new, refused = 0, {} if errors is None else errors
    for forecast in forecasts:
        try:
            n_new += ledger.write(forecast_rows([forecast], model=model, run=run))
        except LedgerBusy:
            raise
        except LedgerError as error:
            refused[forecast.ticker] = error
    counts = {"tickers": len(forecasts), "new": n_new}
    status = "partly" if refused else "finished"
    ledger.finish_run(run, status, counts, finished=now)
    if errors is None and refused:
        raise next(iter(refused.values()))
    return n_new


def forecast_rows(
    forecasts: Collection[Forecast], *, model: str, run: int
) -> pd.DataFrame:
    """Return the rows of forecasts as `Ledger.write` wants them.

    A step has a row for the price, with the quantile 0, and one for each quantile that
    the network forecasts.
    """
    rows = [row for one in forecasts for row in _rows(one)]
    return pd.DataFrame(rows).assign(model=model, run=run)


def _rows(forecast: Forecast) -> Iterator[dict[str, Any]]:
    for place, session in enumerate(forecast.sessions):
        values = {POINT: forecast.price[place]}
        if forecast.quantiles is not None:
            own = forecast.quantiles[place]
            values |= dict(zip(forecast.levels, own, strict=True))
        for quantile, value in values.items():
            yield {
                "ticker": forecast.ticker,
                "origin": forecast.origin,
                "session": session,
                "quantile": quantile,
                "step": place + 1,
                "value": float(value),
                "last_price": forecast.last_price,
            }
