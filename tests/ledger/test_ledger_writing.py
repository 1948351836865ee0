"""Writing: a key is there once, and never says two things."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forecaster.errors import ConfigError, DataError, LedgerError

LATER = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


def test_what_is_written_is_read_back_bit_by_bit(ledger, begin, make_rows):
    rows = make_rows(begin(ledger), [1 / 3, 0.1 + 0.2, 1e-9, 123456789.123456789])
    assert ledger.write(rows.sample(frac=1, random_state=0)) == 12
    found = ledger.forecasts()
    assert found["target"].unique() == ["close"]
    assert found["actual"].isna().all()
    assert_frame_equal(found[rows.columns], rows, check_dtype=False, check_exact=True)


def test_writing_again_does_nothing(ledger, begin, make_rows):
    assert ledger.write(make_rows(begin(ledger), [100, 101])) == 6
    before = ledger.forecasts()
    assert ledger.write(make_rows(begin(ledger), [100, 101])) == 0
    assert ledger.write(make_rows(begin(ledger), [100, 101, 102])) == 3
    assert_frame_equal(ledger.forecasts().head(6), before)


@pytest.mark.parametrize("column", ["value", "last_price", "step"])
def test_another_value_for_a_key_is_refused_with_its_whole_ticker(
    ledger, begin, make_rows, column
):
    run = begin(ledger)
    ledger.write(make_rows(run, [100]))
    rows = make_rows(run, [100, 101]).astype({"step": "float64"})
    rows.loc[2, column] += 1
    others = [make_rows(run, [5], ticker=ticker) for ticker in ("AAPL", "MSFT")]
    with pytest.raises(LedgerError, match="GOOG: the ledger says otherwise of 1 rows"):
        ledger.write(pd.concat([rows, *others]))
    # Tickers are written in the order of the alphabet.
    known = ledger.known("lstm")
    assert known["ticker"].tolist() == ["AAPL", "GOOG"]
    assert known["n_rows"].tolist() == [3, 3]


def test_replacement_is_asked_for(ledger, begin, make_rows):
    ledger.write(make_rows(begin(ledger), [100, 101]))
    run = begin(ledger)
    rows = make_rows(run, [100, 101, 102])
    rows.loc[0, "value"] = 99.5
    assert ledger.write(rows, replace=True) == 4  # one replaced, three new
    found = ledger.forecasts()
    assert found["value"].tolist() == rows["value"].tolist()
    assert found["run"].tolist() == [run, *[run - 1] * 5, *[run] * 3]


def test_a_probability_has_one_key_however_it_was_computed(ledger, begin, make_rows):
    rows = make_rows(begin(ledger), [100], factors={0.1: 0.9})
    assert ledger.write(rows) == 1
    assert 1 - 0.9 != 0.1
    assert ledger.write(rows.assign(quantile=1 - 0.9, ticker="goog ")) == 0


def test_many_rows_of_one_ticker(ledger, begin, make_rows):
    factors = {level / 10_000: 1.0 for level in range(5000)}
    rows = make_rows(begin(ledger), [100], factors=factors)
    assert ledger.write(rows) == len(rows)
    assert ledger.write(rows.assign(value=7.0), replace=True) == len(rows)
    assert ledger.forecasts()["value"].eq(7).all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("quantile", float("nan"), "quantile has gaps"),
        ("quantile", 1.0, "0 for the point forecast"),
        ("quantile", -0.1, "0 for the point forecast"),
        ("value", float("inf"), "value has gaps or infinite"),
        ("value", "much", "no number"),
        ("last_price", 0.0, "last_price has a price of 0"),
        ("step", 0, "not 1, 2, 3"),
        ("step", 1.5, "not 1, 2, 3"),
        ("origin", "someday", "not an ISO date"),
        ("session", None, "session has gaps"),
    ],
)
def test_rows_that_are_not_fit_are_refused(
    small, begin, make_rows, column, value, message
):
    rows = make_rows(begin(small), [100])
    with pytest.raises(DataError, match=message):
        small.write(rows.assign(**{column: value}))
    with pytest.raises(DataError, match=f"{column} not among"):
        small.write(rows.drop(columns=column))
    assert small.forecasts().empty


def test_a_key_twice_in_one_table_is_refused(small, begin, make_rows):
    rows = make_rows(begin(small), [100])
    with pytest.raises(DataError, match=r"GOOG lstm 2020-01-02 2020-01-03 0\.0 is the"):
        small.write(pd.concat([rows, rows.head(1)]))


def test_forecasts_belong_to_a_run_of_their_model(ledger, begin, make_rows):
    with pytest.raises(LedgerError, match="no run 17"):
        ledger.write(make_rows(17, [100]))
    run = begin(ledger, "gru")
    with pytest.raises(DataError, match="of the model gru, its forecasts of lstm"):
        ledger.write(make_rows(run, [100]))
    assert ledger.forecasts().empty


def test_a_run_tells_how_it_ended(ledger, begin):
    first, second = begin(ledger), begin(ledger, "gru", target="adj_close")
    ledger.finish_run(first, "partly", {"written": 3, "failed": 1}, finished=LATER)
    found = ledger.runs()
    assert found["id"].tolist() == [first, second]
    assert found["status"].tolist() == ["partly", "running"]
    assert found["counts"].tolist() == [{"failed": 1, "written": 3}, {}]
    assert found["started"].tolist() == ["2026-11-20T22:30:00+00:00"] * 2
    assert found["finished"].tolist()[0] == "2026-11-20T23:00:00+00:00"
    assert found["target"].tolist() == ["close", "adj_close"]


def test_a_run_cannot_end_anyhow(small, begin):
    with pytest.raises(LedgerError, match="no run 5"):
        small.finish_run(5, "finished", finished=LATER)
    with pytest.raises(ConfigError, match="not as 'done'"):
        small.finish_run(begin(small), "done", finished=LATER)
    with pytest.raises(ConfigError, match="no time zone"):
        small.finish_run(1, "finished", finished=LATER.replace(tzinfo=None))


def test_what_is_known_need_not_be_made_again(ledger, begin, make_rows, days):
    run, other = begin(ledger), begin(ledger, "gru")
    ledger.write(make_rows(run, [100, 101], horizon=2))
    ledger.write(make_rows(run, [50], ticker="AAPL"))
    ledger.write(make_rows(other, [100], model="gru"))
    assert [*ledger.known("lstm").itertuples(index=False, name=None)] == [
        ("AAPL", days[0], 1, 3),
        ("GOOG", days[0], 2, 6),
        ("GOOG", days[1], 2, 6),
    ]
    known = ledger.known("lstm", origin="2020-01-03", tickers=["goog", "AAPL"])
    assert known["ticker"].tolist() == ["GOOG"]
    assert ledger.known("lstm", tickers=[]).empty
    assert ledger.known("tcn").empty


def test_the_newest_origins_of_each_ticker_and_model(ledger, begin, make_rows, days):
    run, other = begin(ledger), begin(ledger, "gru")
    ledger.write(make_rows(run, [100, 101, 102], horizon=2))
    ledger.write(make_rows(other, [100], model="gru"))
    found = ledger.forecasts(last=2)[["model", "origin"]].drop_duplicates()
    assert [*found.itertuples(index=False, name=None)] == [
        ("gru", days[0]),
        ("lstm", days[1]),
        ("lstm", days[2]),
    ]
    assert set(ledger.forecasts(model="gru")["model"]) == {"gru"}
    with pytest.raises(ConfigError, match="`last` is 1 or more"):
        ledger.forecasts(last=0)
