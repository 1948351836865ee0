"""The same rows from every engine, and the death of a worker is no end."""

import contextlib
import os
import signal
import threading
import time

import pandas as pd
import pytest

from forecaster.batch.journal import Journal
from forecaster.batch.models import SavedModel
from forecaster.batch.reading import Reader
from forecaster.batch.working import Engine, Forecasting
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.errors import ConfigError
from tests.batch.conftest import TICKERS, Desk
from tests.support import batch_tasks
from tests.support.dask_cluster import DaskCluster

ORIGIN = pd.Timestamp("2020-08-19").date()


def forecasting(desk, function, engine):
    batch = check_settings(BatchConfig, desk.settings())
    model = SavedModel(desk.bundle, "tiny")
    reader = Reader(batch.source, model.config)
    return Forecasting(model, batch.forecast, reader, engine, Journal(), function)


def outcomes(desk, function, engine):
    made = forecasting(desk, function, engine).forecast([(ORIGIN, t) for t in TICKERS])
    return {one.outcome.ticker: one.outcome for one in made}


def test_processes_give_the_same_rows(desk):
    desk.run(catch_up=9)
    place = str(desk.folder / "b.db")
    summary = desk.run(catch_up=9, engine=Engine(n_workers=2), ledger__place=place)
    assert summary.counts["forecast"] == 40
    pd.testing.assert_frame_equal(desk.rows("b.db"), desk.rows(), check_exact=True)


def test_a_poisoned_ticker_fails_alone(desk):
    found = outcomes(desk, batch_tasks.answer_unless_poisoned, Engine(n_workers=2))
    assert {*found} == {*TICKERS}
    poisoned = found.pop(batch_tasks.POISON)
    assert poisoned.kind == "WorkerLost"
    assert poisoned.n_attempts >= 2
    assert {one.status for one in found.values()} == {"forecast"}


def test_a_worker_without_memory_is_no_end(desk):
    engine = Engine(n_workers=2)
    found = outcomes(desk, batch_tasks.answer_unless_memory_ends, engine)
    assert found.pop(batch_tasks.POISON).kind == "MemoryError"
    assert {one.status for one in found.values()} == {"forecast"}


def test_workers_and_a_cluster_exclude_each_other(desk):
    with pytest.raises(ConfigError, match="scheduler"):
        desk.run(engine=Engine(2, "tcp://127.0.0.1:1"))


@pytest.fixture
def many(tmp_path, make_prices, bundle):
    """Two hundred tickers."""
    prices = {
        name: make_prices(80, seed=number, ticker=name)
        for number, name in enumerate(f"T{number:03}" for number in range(200))
    }
    return Desk(tmp_path, prices, bundle)


def kill_a_worker_in_the_middle(cluster, ledger_file, killed):
    """Kill one of the two workers once the first rows are in the ledger."""
    import sqlite3

    for _ in range(1200):
        time.sleep(0.05)
        with contextlib.suppress(sqlite3.Error), sqlite3.connect(ledger_file) as db:
            (n_rows,) = db.execute("select count(*) from forecasts").fetchone()
            if n_rows:
                pid = worker_pids(cluster)[0]
                os.kill(pid, signal.SIGKILL)
                killed.append((pid, n_rows))
                return


def worker_pids(cluster):
    from distributed import Client

    with Client(cluster.address, timeout=30) as client:
        return sorted(client.run(os.getpid).values())


def test_two_hundred_tickers_on_a_cluster_of_which_a_worker_is_killed(
    many, tmp_path, tmp_path_factory
):
    pytest.importorskip("distributed")
    universe = {"tickers": [*many.prices]}
    evening = {"as_of": "2020-04-27", "universe": universe}
    many.run(**evening)
    wanted = many.rows()
    assert len(wanted) == 200
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    killed = []
    try:
        cluster.start()
        place = tmp_path / "b.db"
        killer = threading.Thread(
            target=kill_a_worker_in_the_middle, args=(cluster, place, killed)
        )
        killer.start()
        summary = many.run(
            **evening,
            engine=Engine(scheduler=cluster.address),
            ledger__place=str(place),
        )
        killer.join()
    finally:
        cluster.stop()
    ((_, n_rows),) = killed
    assert 0 < n_rows < 200
    assert summary.counts == {"forecast": 200, "known": 0, "failed": 0}
    pd.testing.assert_frame_equal(many.rows("b.db"), wanted, check_exact=True)
