"""Verification: what cannot be true is found, and nothing else."""

import re

import pandas as pd
import pytest

from forecaster.errors import LedgerError
from forecaster.ledger import Ledger

PAGE = 4096


def spoil(ledger, *statements):
    with ledger._engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN")
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


@pytest.fixture
def filled(ledger, begin, make_rows, price_frame):
    ledger.write(make_rows(begin(ledger), [100, 101], horizon=2))
    ledger.write(make_rows(begin(ledger, "gru"), [50], ticker="AAPL", model="gru"))
    ledger.add_actuals("GOOG", price_frame([100, 101, 102]))
    return ledger


def test_a_sound_ledger_has_no_problems(filled):
    assert filled.verify() == ()


ONE = "ticker = 'GOOG' AND origin = '2020-01-02' AND session = '2020-01-03'"


@pytest.mark.parametrize(
    ("statement", "kinds", "where", "message"),
    [
        (
            f"UPDATE forecasts SET value = 200 WHERE {ONE} AND quantile = 0.1",
            {"crossing"},
            "GOOG lstm 2020-01-02 2020-01-03",
            "the quantile 0.9 is below a smaller one",
        ),
        (
            f"UPDATE forecasts SET session = '2020-01-02' WHERE {ONE}",
            {"not_ahead"},
            "GOOG lstm 2020-01-02",
            "its session 2020-01-02 is not after its origin",
        ),
        (
            f"UPDATE forecasts SET step = 2 WHERE {ONE}",
            {"duplicate"},
            "GOOG lstm 2020-01-02",
            "step 2 stands for several sessions",
        ),
        (
            f"UPDATE forecasts SET step = 7 WHERE {ONE} AND quantile = 0.1",
            {"duplicate"},
            "GOOG lstm 2020-01-02",
            "the session 2020-01-03 has several steps",
        ),
        (
            f"UPDATE forecasts SET last_price = 7 WHERE {ONE}",
            {"last_price"},
            "GOOG lstm 2020-01-02",
            "there are 2 last prices of one origin",
        ),
        (
            "UPDATE actuals SET price = -1 WHERE session = '2020-01-06'",
            {"value"},
            "GOOG close 2020-01-06",
            "the price -1.0 is not above zero",
        ),
        (
            "UPDATE forecasts SET run = 2 WHERE origin = '2020-01-03'",
            {"orphan"},
            "GOOG lstm 2020-01-03",
            "its run 2 is of another model",
        ),
    ],
)
def test_what_cannot_be_true_is_found(filled, statement, kinds, where, message):
    spoil(filled, statement)
    problems = filled.verify()
    assert {problem.kind for problem in problems} == kinds
    assert [problem.where for problem in problems] == [where]
    assert [problem.message for problem in problems] == [message]


def test_forecasts_without_a_run_are_found(small, begin, make_rows):
    small.write(make_rows(begin(small), [100, 101]))
    spoil(small, "DELETE FROM runs")
    found = [(problem.kind, problem.where) for problem in small.verify()]
    assert found == [
        ("orphan", "GOOG lstm 2020-01-02"),
        ("orphan", "GOOG lstm 2020-01-03"),
    ]
    assert small.verify()[0].to_dict()["message"] == "its run 1 is not in the ledger"


def failed(ticker, origin):
    facts = {"kind": "DataError", "reason": "none", "n_attempts": 1}
    return pd.DataFrame([{"ticker": ticker, "origin": origin, **facts}])


def test_failures_that_cannot_be_true_are_found(filled):
    filled.add_failures(1, failed("MSFT", "2020-01-02"))
    filled.add_failures(2, failed("GOOG", "2020-01-02"))  # run 1 has its forecasts
    assert filled.verify() == ()
    filled.add_failures(1, failed("GOOG", "2020-01-02"))
    spoil(filled, "UPDATE failures SET n_attempts = 0 WHERE ticker = 'MSFT'")
    found = [(one.kind, one.where, one.message) for one in filled.verify()]
    assert found == [
        ("value", "MSFT 2020-01-02", "a failure after 0 attempts"),
        (
            "failure",
            "GOOG 2020-01-02",
            "it failed in run 1, which has forecasts of it",
        ),
    ]


def test_failures_without_a_run_are_found(small, begin):
    small.add_failures(begin(small), failed("GOOG", "2020-01-02"))
    spoil(small, "DELETE FROM runs")
    (problem,) = small.verify()
    assert (problem.kind, problem.where) == ("orphan", "GOOG 2020-01-02")
    assert problem.message == "its failure's run 1 is not in the ledger"


def damage(file, pages):
    content = bytearray(file.read_bytes())
    for page in pages:
        place = page * PAGE + 3000
        content[place : place + 200] = content[place : place + 200][::-1]
    file.write_bytes(content)


@pytest.fixture
def large_file(tmp_path, begin, make_rows):
    file = tmp_path / "ledger.db"
    with Ledger.open(file) as ledger:
        ledger.write(make_rows(begin(ledger), [100.0] * 300))
    assert file.stat().st_size > 10 * PAGE
    return file


def test_a_damaged_page_is_found(large_file):
    damage(large_file, [large_file.stat().st_size // PAGE // 2])
    with Ledger.open(large_file) as ledger:
        problems = ledger.verify()
    assert {problem.kind for problem in problems} == {"damage"}
    assert re.search(r"on page|of page", problems[0].message)


def test_damage_that_ends_the_check_is_told(large_file):
    n_pages = large_file.stat().st_size // PAGE
    damage(large_file, range(n_pages // 2, n_pages))
    with Ledger.open(large_file) as ledger, pytest.raises(LedgerError, match="damaged"):
        ledger.verify()
