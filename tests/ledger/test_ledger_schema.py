"""The schema: made, brought up to date, or refused."""

import shutil
import sqlite3
from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pandas.testing import assert_frame_equal

from forecaster.errors import ConfigError, LedgerBusy, LedgerError, OutputError
from forecaster.ledger import Ledger, connecting, migrating
from forecaster.ledger.connecting import url_of
from forecaster.ledger.places import default_place
from forecaster.ledger.schema import metadata

NEXT = '''
"""Version 3: a note beside each run."""
import sqlalchemy as sa
from alembic import op
revision = "0003"
down_revision = "0002"
def upgrade():
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("note", sa.String, server_default="none"))
'''


@pytest.fixture
def next_version(monkeypatch, tmp_path):
    """Migrations of a later program, with one more step."""
    folder = shutil.copytree(migrating.MIGRATIONS, tmp_path / "migrations")
    (folder / "versions" / "v0003.py").write_text(NEXT)

    def use(wanted=True):
        monkeypatch.setattr(migrating, "MIGRATIONS", folder if wanted else OWN)

    return use


OWN = migrating.MIGRATIONS


def test_the_migrations_make_the_tables_that_the_program_knows(ledger):
    with ledger._engine.connect() as connection:
        options = {"version_table": migrating.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        assert migrating.schema_version(connection) == "0002"
        names = sa.inspect(connection).get_table_names()
    assert set(names) == {*metadata.tables, migrating.VERSION_TABLE}


def test_an_older_ledger_is_brought_up_to_date_and_a_newer_one_refused(
    place, begin, make_rows, next_version
):
    with Ledger.open(place) as ledger:
        ledger.write(make_rows(begin(ledger), [100, 101]))
        before = ledger.forecasts()
    next_version()
    with Ledger.open(place, create=False) as ledger:
        assert_frame_equal(ledger.forecasts(), before)
        with ledger._engine.connect() as connection:
            notes = connection.exec_driver_sql("SELECT note FROM runs").scalars()
            assert notes.all() == ["none"]
    next_version(False)
    with pytest.raises(
        LedgerError, match=r"schema 0003, and this .* up to 0002"
    ) as told:
        Ledger.open(place)
    assert told.value.exit_code == 4


@pytest.fixture
def version_1(monkeypatch, tmp_path):
    """Make ledgers as the first version of the schema had them."""
    folder = shutil.copytree(migrating.MIGRATIONS, tmp_path / "first")
    for step in (folder / "versions").glob("v*.py"):
        if step.name != "v0001.py":
            step.unlink()

    def make(place, statements):
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "MIGRATIONS", folder)
            engine, _ = migrating.open_database(place, create=True)
        with engine.execution_options(writes=True).begin() as connection:
            assert migrating.schema_version(connection) == "0001"
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    return make


RUN_OF_1 = """INSERT INTO runs VALUES (7, 'google', 'lstm', 'close', '1',
'2026-11-20T22:30:00+00:00', NULL, 'running', '{"tickers": 2}')"""
FORECAST_OF_1 = """INSERT INTO forecasts VALUES
('GOOG', 'lstm', '2020-01-02', '2020-01-03', 0, 1, 101.5, 100, 7)"""


def test_a_ledger_of_version_1_keeps_its_rows(place, version_1, begin):
    version_1(place, [RUN_OF_1, FORECAST_OF_1])
    with Ledger.open(place, create=False) as ledger:
        with ledger._engine.connect() as connection:
            assert migrating.schema_version(connection) == "0002"
        run = ledger.runs().iloc[0]
        assert (run["id"], run["counts"]) == (7, {"tickers": 2})
        assert run[["origin", "fingerprint"]].isna().all()
        assert ledger.forecasts()["value"].tolist() == [101.5]
        assert ledger.failures().empty
        assert ledger.verify() == ()
        rows = {"kind": ["E"], "reason": ["none"], "n_attempts": [1]}
        rows |= {"ticker": ["AAPL"], "origin": ["2020-01-02"]}
        assert ledger.add_failures(7, pd.DataFrame(rows)) == 1
        assert begin(ledger, origin=date(2020, 1, 3)) not in (None, 7)


def test_a_failed_migration_changes_nothing(place, begin, tmp_path, next_version):
    with Ledger.open(place) as ledger:
        begin(ledger)
    next_version()
    step = tmp_path / "migrations" / "versions" / "v0003.py"
    step.write_text(NEXT + "    raise RuntimeError('in the middle')\n")
    with pytest.raises(RuntimeError, match="in the middle"):
        Ledger.open(place)
    next_version(False)
    with Ledger.open(place, create=False) as ledger:
        assert len(ledger.runs()) == 1
        columns = sa.inspect(ledger._engine).get_columns("runs")
        assert "note" not in [column["name"] for column in columns]


def test_no_ledger_is_made_where_one_is_wanted_to_be(place, tmp_path):
    with pytest.raises(LedgerError, match="there is no ledger at"):
        Ledger.open(place, create=False)
    assert list(tmp_path.iterdir()) == []
    if place.startswith("postgresql"):
        engine = sa.create_engine(url_of(place))
        assert sa.inspect(engine).get_table_names() == []
        engine.dispose()


def test_another_programs_database_is_no_ledger(tmp_path):
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE trials (id INTEGER)")
    connection.close()
    with pytest.raises(LedgerError, match="there is no ledger at"):
        Ledger.open(file, create=False)


def test_readers_do_not_wait_for_writers(small, begin):
    run = begin(small)
    with small._write() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        assert mode == "wal"
        assert small.runs()["id"].tolist() == [run]


def test_a_ledger_that_others_hold_is_busy(small, begin, monkeypatch):
    monkeypatch.setattr(connecting, "SECONDS_TO_WAIT", 0.1)
    with (
        Ledger.open(small.place) as other,
        small._write(),
        pytest.raises(LedgerBusy, match="locked") as told,
    ):
        begin(other)
    assert told.value.exit_code == 75


def test_a_server_that_is_not_there_is_busy(monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setattr(connecting, "SECONDS_TO_WAIT", 2)
    with pytest.raises(LedgerBusy, match="does not answer") as told:
        Ledger.open("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(told.value)
    assert "me:***@127.0.0.1:1" in str(told.value)


def test_a_database_that_does_not_exist_is_no_matter_of_waiting(postgres):
    server = postgres.url("beside").removesuffix("beside")
    with pytest.raises(LedgerError, match='"none" does not exist') as told:
        Ledger.open(f"{server}none")
    assert told.value.exit_code == 4


def test_damage_is_told(tmp_path):
    file = tmp_path / "ledger.db"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match="damaged, or no ledger") as told:
        Ledger.open(file)
    assert told.value.exit_code == 4
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger.open(tmp_path)


def test_a_full_disk_keeps_what_was_written(small, begin, make_rows):
    run = begin(small)
    small.write(make_rows(run, [100]))
    with small._engine.connect() as connection:  # the pool's only connection
        n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {n_pages}")
    with pytest.raises(OutputError, match="disk is full"):
        small.write(make_rows(run, [100] * 370, ticker="AAPL"))
    assert small.known("lstm")["ticker"].tolist() == ["GOOG"]


def test_a_folder_that_cannot_be_made_is_told():
    with pytest.raises(OutputError, match="cannot write"):
        Ledger.open("/proc/none/ledger.db")


@pytest.mark.parametrize(
    "place",
    [
        "mysql://me:secret@host/name",
        "sqlite://",
        "sqlite:///file:x?mode=ro&uri=true",
        "postgresql://host:port/x",
        "duckdb:///x.db",
        "postgresql+asyncpg://host/x",
    ],
)
def test_other_places_are_refused(place):
    with pytest.raises(ConfigError, match="in a SQLite file or in PostgreSQL") as told:
        Ledger.open(place)
    assert "secret" not in str(told.value)


def test_postgresql_without_its_driver_is_told(monkeypatch):
    monkeypatch.setattr(connecting.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'forecaster\[postgres\]'"):
        url_of("postgresql://host/name")


def test_a_file_may_be_named_as_a_url(tmp_path, begin):
    with Ledger.open(f"sqlite:///{tmp_path}/of url.db") as ledger:
        begin(ledger)
    with Ledger.open(tmp_path / "of url.db", create=False) as ledger:
        assert len(ledger.runs()) == 1


def test_the_ledgers_own_place(monkeypatch, tmp_path):
    monkeypatch.delenv("FORECASTER_LEDGER", raising=False)
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path))
    assert default_place() == str(tmp_path / "ledger.db")
    monkeypatch.setenv("FORECASTER_LEDGER", "postgresql://host/name")
    assert default_place() == "postgresql://host/name"
