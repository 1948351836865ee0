"""A small universe in a folder of files, a tiny network, and batches over them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecaster.batch.evening import Evening
from forecaster.batch.journal import Journal
from forecaster.batch.run import run_batch
from forecaster.batch.working import Engine
from forecaster.bundle import save_bundle
from forecaster.config import dump_config
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.ledger import Ledger

TICKERS = ("AAA", "BBB", "CCC", "DDD")
# The last of 160 sessions from 2020 on, and the evening after it.
LAST = "2020-08-19"
EVENING = datetime(2020, 8, 19, 22, 0, tzinfo=UTC)
ROWS = ["ticker", "model", "origin", "session", "quantile", "step", "value"]


def write_prices(folder: Path, prices) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{prices.attrs['ticker']}.csv"
    prices.rename_axis("date").to_csv(file)


class Notes(Journal):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[dict] = []

    def tell(self, event, *, level="info", **facts):
        self.told.append({"event": event, "level": level, **facts})


class Desk:
    """A folder with prices and a network, where batches are run again and again."""

    def __init__(self, folder: Path, prices: dict, bundle: Path) -> None:
        self.folder, self.bundle, self.prices = folder, bundle, prices
        for frame in prices.values():
            write_prices(folder / "prices", frame)

    def settings(self, **changes) -> dict:
        """Return plain settings; names such as `model__name` change one."""
        made = {
            "name": "nightly",
            "universe": {"tickers": list(TICKERS)},
            "source": {"path": str(self.folder / "prices")},
            "model": {"bundle": str(self.bundle)},
            "ledger": {"place": str(self.folder / "ledger.db")},
            "outputs": {"folder": str(self.folder / "batches")},
        }
        for key, value in changes.items():
            section, _, name = key.partition("__")
            if name:
                made.setdefault(section, {})[name] = value
            else:
                made[section] = value
        return made

    def run(
        self,
        *,
        as_of=None,
        catch_up=0,
        now=EVENING,
        engine=None,
        heed=lambda: None,
        **changes,
    ):
        self.notes = Notes()
        return run_batch(
            check_settings(BatchConfig, self.settings(**changes)),
            Evening(lambda: now, as_of, catch_up, heed),
            engine=engine or Engine(),
            journal=self.notes,
        )

    def rows(self, name="ledger.db"):
        """Return all forecasts in the ledger, without the numbers of runs."""
        with Ledger.open(self.folder / name, create=False) as ledger:
            return ledger.forecasts()[[*ROWS, "last_price"]]

    def runs(self):
        with Ledger.open(self.folder / "ledger.db", create=False) as ledger:
            return ledger.runs()

    def write_toml(self, **changes) -> Path:
        import tomli_w

        file = self.folder / "nightly.toml"
        file.write_text(tomli_w.dumps(self.settings(**changes)))
        return file

    def summary_file(self, origin):
        file = self.folder / "batches" / "nightly" / origin / "summary.json"
        return json.loads(file.read_text())


@pytest.fixture(scope="session")
def universe(make_prices):
    return {
        name: make_prices(160, seed=number, ticker=name)
        for number, name in enumerate(TICKERS)
    }


@pytest.fixture(scope="session")
def bundle(trained, tmp_path_factory):
    """The bundle of a network that was trained on sessions up to 2020-03-27."""
    return save_bundle(trained[0], tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="session")
def quantile_bundle(make_prices, tiny_config, tmp_path_factory):
    from forecaster.training import train

    config = tiny_config(
        model={
            "layers": [{"units": 3}],
            "head": "quantiles",
            "quantiles": [0.05, 0.25, 0.5, 0.75, 0.95],
        },
        window={"lookback": 4, "horizon": 2},
    )
    forecaster = train(make_prices(80), config, progress=False)
    return save_bundle(forecaster, tmp_path_factory.mktemp("bundle") / "quantiles")


@pytest.fixture
def desk(tmp_path, universe, bundle):
    return Desk(tmp_path, universe, bundle)


@pytest.fixture
def training_file(tmp_path, tiny_config):
    """Settings for a batch that trains."""
    file = tmp_path / "tiny.toml"
    config = tiny_config(training__epochs=1, features={"scaling": "window"})
    file.write_text(dump_config(config))
    return file
