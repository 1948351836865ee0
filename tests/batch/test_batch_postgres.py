"""A batch whose ledger is in PostgreSQL behaves as with a file."""

import pandas as pd
import pytest

from forecaster.errors import LedgerBusy
from forecaster.ledger import Ledger
from tests.batch.conftest import EVENING, ROWS


@pytest.fixture
def place(postgres, request):
    return postgres.url(f"batch_{request.node.name}"[:60])


def test_the_rows_are_the_same_and_made_once(desk, place):
    desk.run(catch_up=3)
    (desk.folder / "prices" / "BBB.csv").rename(desk.folder / "BBB.csv")
    partly = desk.run(catch_up=3, ledger__place=place)
    assert partly.counts == {"forecast": 12, "known": 0, "failed": 4}
    (desk.folder / "BBB.csv").rename(desk.folder / "prices" / "BBB.csv")
    rest = desk.run(catch_up=3, ledger__place=place)
    assert rest.counts == {"forecast": 4, "known": 12, "failed": 0}
    assert desk.run(catch_up=3, ledger__place=place).status == "up to date"
    with Ledger.open(place) as ledger:
        rows = ledger.forecasts()[[*ROWS, "last_price"]]
        assert ledger.verify() == ()
        assert len(ledger.runs()) == 8
    pd.testing.assert_frame_equal(rows, desk.rows(), check_exact=True)


def test_its_lock_and_its_killed_runs(desk, place):
    with Ledger.open(place) as ledger:
        ledger.begin_run("nightly", "tiny", started=EVENING, version="1")
        with ledger.lock("nightly"), pytest.raises(LedgerBusy):
            desk.run(ledger__place=place)
        assert desk.run(ledger__place=place).status == "finished"
        assert [*ledger.runs()["status"]] == ["abandoned", "finished"]


def test_a_password_is_shown_nowhere(desk, place):
    secret = place.replace("ledger@", "ledger:hush@")
    assert secret != place
    summary = desk.run(ledger__place=secret)
    assert summary.status == "finished"
    told = str([*desk.notes.told, summary.to_dict()])
    files = (desk.folder / "batches").rglob("*.*")
    texts = [f.read_bytes() for f in files if f.is_file()]
    assert "postgresql" in told
    assert "hush" not in told
    assert texts
    assert not any(b"hush" in text for text in texts)
