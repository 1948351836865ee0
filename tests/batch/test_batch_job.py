"""Who is told of a batch: a watcher on loopback, and Prometheus by a file."""

import os
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from forecaster.batch.evening import Evening
from forecaster.batch.job import run_scheduled
from forecaster.batch.working import Engine
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.errors import BundleError, ConfigError, LedgerBusy, LedgerHeld
from forecaster.interrupts import Terminated, heeded_termination
from forecaster.ledger import Ledger
from tests.batch.conftest import EVENING, Notes
from tests.support import faults
from tests.support.loopback import Answer, LoopbackServer


class Watcher(LoopbackServer):
    def respond(self, _):
        return Answer(b"OK", kind="text/plain"), ("ping",)

    @property
    def heard(self):
        return [ask.path for ask in self.requests]


@pytest.fixture
def watcher():
    with Watcher() as server:
        yield server


@pytest.fixture
def scheduled(desk, watcher):
    def run(*, as_of=None, heed=lambda: None, **changes):
        run.notes = Notes()
        metrics = str(desk.folder / "nightly.prom")
        wanted = {"outputs__ping": f"{watcher.url}/key", "outputs__metrics": metrics}
        settings = desk.settings(**(wanted | changes))
        return run_scheduled(
            check_settings(BatchConfig, settings),
            Evening(lambda: EVENING, as_of, heed=heed),
            engine=Engine(),
            journal=run.notes,
        )

    return run


def metrics(desk):
    text = (desk.folder / "nightly.prom").read_text()
    families = text_string_to_metric_families(text)
    return {
        (
            one.name.removeprefix("forecaster_batch_"),
            one.labels.get("status"),
        ): one.value
        for family in families
        for one in family.samples
    }


def test_success_is_told(scheduled, watcher, desk):
    assert scheduled().exit_code == 0
    assert watcher.heard == ["/key/start", "/key"]
    found = metrics(desk)
    assert found["last_success_timestamp_seconds", None] == EVENING.timestamp()
    assert found["tickers", "forecast"] == 4


def test_an_evening_with_nothing_to_do_is_a_success(scheduled, watcher, desk):
    scheduled()
    (desk.folder / "nightly.prom").unlink()
    assert scheduled().status == "up to date"
    assert watcher.heard[2:] == ["/key/start", "/key"]
    found = metrics(desk)
    assert found["last_success_timestamp_seconds", None] == EVENING.timestamp()


def test_a_failure_is_told_with_its_code(scheduled, watcher, desk):
    (desk.folder / "prices" / "BBB.csv").unlink()
    assert scheduled().exit_code == 5
    assert watcher.heard == ["/key/start", "/key/5"]
    assert metrics(desk)["last_success_timestamp_seconds", None] == 0


def test_an_error_before_there_is_a_summary_is_told(scheduled, watcher, tmp_path, desk):
    scheduled()
    before = metrics(desk)
    watcher.requests.clear()
    with pytest.raises(BundleError):
        scheduled(model={"bundle": str(tmp_path / "nothing")})
    assert watcher.heard == ["/key/4"]
    after = metrics(desk)
    assert after["exit_code", None] == 4
    assert ("tickers", "forecast") not in after
    name = "last_success_timestamp_seconds", None
    assert after[name] == before[name]


def test_a_ledger_that_does_not_answer_is_told(scheduled, watcher):
    with pytest.raises(LedgerBusy):
        scheduled(ledger__place="postgresql://nobody@127.0.0.1:1/none")
    assert watcher.heard == ["/key/75"]


def test_sigterm_is_told(scheduled, watcher, desk):
    with heeded_termination() as heed, pytest.raises(Terminated):
        scheduled(heed=lambda: (os.kill(os.getpid(), signal.SIGTERM), heed()))
    assert watcher.heard == ["/key/start", "/key/143"]
    assert [*desk.runs()["status"]] == ["abandoned"]
    # What had been made was kept.
    assert len(desk.rows()) == 1


def test_whoever_finds_the_lock_held_says_nothing_of_the_end(scheduled, watcher, desk):
    with (
        Ledger.open(desk.folder / "ledger.db") as ledger,
        ledger.lock("nightly"),
        pytest.raises(LedgerHeld),
    ):
        scheduled()
    assert watcher.heard == []
    assert not (desk.folder / "nightly.prom").exists()


def test_a_replay_tells_nobody(scheduled, watcher, desk):
    scheduled(as_of="2020-08-17")
    assert watcher.heard == []
    assert not (desk.folder / "nightly.prom").exists()


def test_a_deaf_watcher_changes_nothing(scheduled, watcher):
    watcher.plant("ping", faults.status(404), always=True)
    assert scheduled().exit_code == 0
    told = [one for one in scheduled.notes.told if one["event"] == "not heard"]
    assert len(told) == 2
    assert all("key" not in one["reason"] for one in told)


def test_metrics_that_cannot_be_written_change_nothing(scheduled):
    assert scheduled(outputs__metrics="/proc/nowhere/nightly.prom").exit_code == 0
    (told,) = [one for one in scheduled.notes.told if one["event"] == "no metrics"]
    assert "/proc/nowhere" in told["reason"]


def test_the_address_may_come_from_the_environment(
    scheduled, watcher, monkeypatch, desk
):
    monkeypatch.setenv("FORECASTER_PING", f"{watcher.url}/secret")
    scheduled(outputs__ping=None)
    assert watcher.heard == ["/secret/start", "/secret"]
    monkeypatch.setenv("FORECASTER_PING", "nonsense")
    with pytest.raises(ConfigError):
        scheduled(outputs__ping=None)
