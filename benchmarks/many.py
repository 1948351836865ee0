"""Many tickers: a thousand forecasts in one call, beside a loop of `model.predict`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.case import Side
from benchmarks.settings import reference_config
from benchmarks.stock import plain_keras

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.config import Config
    from forecaster.forecasting import Forecaster

N_TICKERS, QUICK_TICKERS = 1000, 5
N_SESSIONS, N_STEPS = 300, 5
N_WARM = 5  # tickers of the loop's warm-up


def many_config(quick: bool) -> Config:
    """Return the reference network with five steps, scaled within each window."""
    return reference_config(
        quick,
        f"window.horizon={N_STEPS}",
        "features.scaling='window'",
        "training.epochs=1",
    )


def made_prices(n_tickers: int) -> dict[str, pd.DataFrame]:
    """Return random walks on real sessions, one frame for each made ticker."""
    import numpy as np
    import pandas as pd

    from forecaster.data.calendar import next_sessions

    random = np.random.default_rng(0)
    index = next_sessions("2020-01-01", N_SESSIONS).rename("session")
    frames = {}
    for number in range(n_tickers):
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, N_SESSIONS)))
        prices = dict.fromkeys(("open", "high", "low", "close"), close)
        frame = pd.DataFrame(prices | {"volume": np.full(N_SESSIONS, 1e6)}, index=index)
        frame.attrs = {"ticker": f"T{number}", "source": "made", "issues": []}
        frames[f"T{number}"] = frame
    return frames


def briefly_trained(quick: bool) -> Forecaster:
    """Return a network of full size after one epoch: speed asks no more."""
    from forecaster.data.sources import load_prices
    from forecaster.training import train

    return train(load_prices("GOOG"), many_config(quick), progress=False)


def ours(quick: bool, *, n_tickers: int | None = None) -> Side:
    """Build one call for all tickers, from prices to dated forecasts."""
    n_wanted = n_tickers or (QUICK_TICKERS if quick else N_TICKERS)
    forecaster, prices = briefly_trained(quick), made_prices(n_wanted)

    def run() -> None:
        forecaster.predict_many(prices)

    def facts() -> dict[str, Any]:
        return {
            "n_parameters": forecaster.network.count_params(),
            "n_tickers": len(prices),
            "size": len(prices),
        }

    return Side(run, facts=facts)


def keras(quick: bool) -> Side:
    """Build the loop: scale the newest window, ask the model, undo the scaling.

    It makes no dated, checked forecast, as ours does; that work is on our account.
    """
    import numpy as np

    config = many_config(quick)
    model, lookback = plain_keras(config), config.window.lookback
    prices = made_prices(QUICK_TICKERS if quick else N_TICKERS)

    def predict(n_tickers: int) -> None:
        forecasts = {}
        for ticker in list(prices)[:n_tickers]:
            close = prices[ticker]["close"].to_numpy()[-lookback:]
            centre, spread = close.mean(), close.std()
            window = ((close - centre) / spread).astype(np.float32)[None, :, None]
            scaled = model.predict(window, verbose=0)
            forecasts[ticker] = scaled[0] * spread + centre

    def facts() -> dict[str, Any]:
        return {"n_parameters": model.count_params(), "n_tickers": len(prices)}

    return Side(lambda: predict(len(prices)), lambda: predict(N_WARM), facts)
