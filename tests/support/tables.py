"""Tables whose numbers say where they stand."""

import numpy as np
import pandas as pd

from forecaster.config import config_from_dict
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table
from forecaster.data.windows import cut_windows


def make_position_table(n, n_features=1, sign=1, ticker="TEST"):
    """Make a table of features `position + 1000 * place` and target `position`."""
    days = pd.date_range("2024-01-01", periods=n, name="session")
    position = np.arange(n, dtype=float)
    features = position[:, None] + 1000 * np.arange(n_features)
    names = [f"column{place}" for place in range(n_features)]
    nothing = pd.DataFrame(index=days)
    return Table(
        ticker=ticker,
        features=pd.DataFrame(features, index=days, columns=names),
        target=sign * position,
        volatility=np.empty(0),
        known=nothing,
        static=nothing,
    )


def cut_positions(table, **window):
    """Cut a position table without scaling it."""
    names = tuple(table.features.columns)
    config = config_from_dict(
        {"features": {"columns": names, "scaling": "none"}, "window": window}
    )
    columns = [*names, config.data.target]
    scaler = Scaler(dict.fromkeys(columns, 0.0), dict.fromkeys(columns, 1.0), "none")
    return cut_windows(table, config, scaler)
