"""Shared makers: small price frames on real sessions, and settings of tiny networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from forecaster.config import Config, config_from_dict
from forecaster.data.calendar import next_sessions

# A first example pays for imports, and a shared machine pauses: neither is a failure.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture(scope="session")
def make_prices():
    """Make a checked-looking price frame of `n` sessions from 2020 on."""

    def make(n: int = 60, seed: int = 0, ticker: str = "TEST") -> pd.DataFrame:
        random = np.random.default_rng(seed)
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
        open_ = close * np.exp(random.normal(0, 0.003, n))
        prices = pd.DataFrame(
            {
                "open": open_,
                "high": np.maximum(open_, close) * 1.002,
                "low": np.minimum(open_, close) * 0.998,
                "close": close,
                "volume": random.integers(1_000, 9_000, n).astype(float),
            },
            index=next_sessions("2020-01-01", n).rename("session"),
        )
        prices.attrs = {"ticker": ticker, "source": "made for a test", "issues": []}
        return prices

    return make


@pytest.fixture(scope="session")
def tiny_config():
    """Make settings of a tiny network: 60 sessions train and validate, then test."""

    def make(**changes) -> Config:
        settings = {
            "name": "tiny",
            "data": {"ticker": "TEST"},
            "window": {"lookback": 4},
            "model": {"layers": [{"units": 3, "dropout": 0.2}]},
            "training": {
                "start": "2020-01-01",
                "end": "2020-03-27",
                "epochs": 3,
                "batch_size": 8,
            },
            "evaluation": {"start": "2020-03-28", "end": "2020-12-31"},
        }
        for key, value in changes.items():
            section, _, setting = key.partition("__")
            if setting:
                settings.setdefault(section, {})[setting] = value
            else:
                settings[section] = value
        return config_from_dict(settings)

    return make


@pytest.fixture(scope="session")
def trained(make_prices, tiny_config):
    """A tiny Forecaster and the prices that it was trained on and is tested on."""
    from forecaster.training import train

    prices = make_prices(80)
    return train(prices, tiny_config(), progress=False), prices
