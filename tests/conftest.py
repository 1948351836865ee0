"""Shared makers: price frames, tiny networks, a Yahoo on loopback, a command line."""

from __future__ import annotations

import gc
import json
import os

import numpy as np
import pandas as pd
import pytest
import trustme
from hypothesis import settings
from typer.testing import CliRunner

from forecaster.cli.app import app
from forecaster.config import Config, config_from_dict
from forecaster.data.calendar import next_sessions
from forecaster.engine.threads import VARIABLES
from tests.support.chromium import NoChromium, start_chromium
from tests.support.fakeyahoo import FakeYahoo, Listing
from tests.support.fault_table import led_to
from tests.support.postgres import NoPostgres, Postgres

# The workers of the tests keep the cores busy: more threads of TensorFlow would only
# wait for each other. It reads these variables when it is imported, in children too.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in VARIABLES:
        os.environ.setdefault(variable, "1")

# A first example pays for imports, and a shared machine pauses: neither is a failure.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


@pytest.fixture(scope="module", autouse=True)
def _less_to_look_through():
    """Keep what earlier tests imported and made out of the search for garbage.

    What they left in circles stays in memory, which is little: networks of a few units.
    """
    gc.collect()
    gc.freeze()


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
            "evaluation": {
                "start": "2020-03-28",
                "end": "2020-12-31",
                "baselines": ["last_value", "drift"],
            },
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


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority, tmp_path_factory):
    """The file that makes a client trust the loopback server."""
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def yahoo(authority, certificate, tmp_path):
    """A loopback Yahoo that the client in this process takes for the real one."""
    listings = {ticker: Listing.embedded(ticker) for ticker in ("GOOG", "AAPL")}
    cache = tmp_path / "cache"
    with FakeYahoo(listings, authority) as server, led_to(server, certificate, cache):
        yield server


class CommandLine:
    """Runs commands and hands back exit code, stdout and stderr."""

    def __call__(self, *words):
        answer = CliRunner().invoke(app, [str(word) for word in words])
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer

    def json(self, *words, code=0):
        answer = self(*words, "--json")
        assert answer.exit_code == code, answer.stderr
        return json.loads(answer.stdout)


@pytest.fixture(scope="session")
def command():
    return CommandLine()


@pytest.fixture(scope="session")
def postgres():
    try:
        server = Postgres().__enter__()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    server.__exit__()


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests of a process: a second Playwright refuses to start."""
    block = start_chromium()
    try:
        browser = block.__enter__()
    except NoChromium as error:
        pytest.skip(str(error))
    yield browser
    block.__exit__(None, None, None)
