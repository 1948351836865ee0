"""SQLite and PostgreSQL give the same answers, and neither can be written."""

import pandas as pd
import pytest
import sqlalchemy as sa

from forecaster.errors import ConfigError, LedgerError
from forecaster.ledger import Ledger
from forecaster.web.opening import Reader
from tests.web.conftest import STARTED

ASKED = (
    *("summary", "universe", "universe?model=lstm&text=o&limit=1", "runs?limit=2"),
    *("ticker?ticker=GOOG", "ticker?ticker=%5EGSPC", "failures?run=1"),
    *("history?ticker=GOOG&model=lstm&origins=5", "fan?ticker=GOOG&model=lstm"),
    *("history?ticker=GOOG&model=lstm&step=2", "ticker?ticker=NONE"),
)


def fill(place, record, days):
    values = {0.0: 101.0, 0.1: 95.0, 0.5: 100.0, 0.9: 107.0}
    with Ledger.open(place) as ledger:
        for model in ("lstm", "Other one"):
            for ticker in ("GOOG", "^GSPC", "a.b", "AAPL"):
                forecasts = {(n, s): values for n in range(12) for s in (1, 2)}
                run = record(ledger, forecasts, ticker=ticker, model=model)
        prices = pd.DataFrame({"close": [100.0, 104.0] * 6}, index=days[:12])
        ledger.add_actuals("GOOG", prices)
        ledger.score(keep=True)
        facts = {"kind": "BadResponse", "reason": "x", "n_attempts": 1}
        late = {"ticker": ["GOOG", "NEW"], "origin": [days[20]] * 2}
        ledger.add_failures(run, pd.DataFrame({**late, **facts}))
        early = {"ticker": ["GOOG"], "origin": [days[3]]}
        ledger.add_failures(1, pd.DataFrame({**early, **facts}))
        ledger.begin_run("google", "unused", started=STARTED, version="1")


def test_both_databases_give_the_same_answers(postgres, place, record, days, client_of):
    answers = []
    for where in (place, postgres.url("same")):
        fill(where, record, days)
        client = client_of(where)
        found = {path: client.get(f"/api/{path}") for path in ASKED}
        assert {path: one.status_code for path, one in found.items()} == {
            path: 404 if path.endswith("NONE") else 200 for path in ASKED
        }
        documents = {path: one.json() for path, one in found.items()}
        documents["summary"].pop("read")
        answers.append(documents)
    assert answers[0] == answers[1]
    assert answers[0]["universe"]["n_rows"] >= 8


def test_no_reader_can_write(postgres, place):
    for where in (place, postgres.url("reading")):
        Ledger.open(where).close()
        reader = Reader.open(where)
        with (
            pytest.raises(sa.exc.DBAPIError, match=r"read-?only"),
            reader._engine.begin() as connection,
        ):
            connection.execute(sa.text("DELETE FROM forecasts"))
        reader.close()


def test_a_reader_shows_no_password(postgres):
    url = postgres.url("secret").replace("ledger@", "ledger:word@")
    Ledger.open(url).close()
    reader = Reader.open(url)
    assert "word" not in reader.place
    reader.close()


def test_a_postgres_without_a_ledger_is_told(postgres):
    with pytest.raises(LedgerError, match="there is no ledger"):
        Reader.open(postgres.url("empty"))


def test_another_kind_of_database_is_refused():
    with pytest.raises(ConfigError, match="SQLite file or in PostgreSQL"):
        Reader.open("mysql://localhost/ledger")


def test_a_folder_with_signs_of_urls_is_found(tmp_path, record):
    """SQLite reads its place as a URL here, where % and ? would mean something."""
    place = tmp_path / "50% of? #all" / "my ledger.db"
    with Ledger.open(place) as ledger:
        record(ledger, {(0, 1): {0.0: 1.0}})
    reader = Reader.open(place)
    with reader.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM forecasts")) == 1
    reader.close()
