"""The API says what the ledger holds: numbers worked out by hand."""

import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from forecaster.ledger import Ledger
from tests.web.conftest import STARTED
from tests.web.demonstration import FAILING, MODEL, N_ORIGINS, POOR, TICKERS


def get(client, path, code=200, **query):
    answer = client.get(f"/api/{path}", params=query)
    assert answer.status_code == code, answer.text
    return answer.json()


def prices(days, values, first=0):
    index = days[first : first + len(values)]
    return pd.DataFrame({"close": [float(value) for value in values]}, index=index)


def test_a_row_of_the_universe(ledger, client, record, days):
    values = {0.0: 102.0, 0.05: 90.0, 0.25: 97.0, 0.75: 105.0, 0.95: 111.0}
    record(ledger, {(0, 1): {0.0: 99.0}, (3, 1): values, (3, 2): {0.0: 50.0}})
    answer = get(client, "universe")
    assert (answer["n_rows"], answer["offset"]) == (1, 0)
    (row,) = answer["rows"]
    assert row == {
        "ticker": "GOOG",
        "model": "lstm",
        "status": "current",
        "origin": days[3].date().isoformat(),
        "session": days[4].date().isoformat(),
        "last_price": 100.0,
        "predicted": 102.0,
        "change": pytest.approx(0.02),
        "interval": {"level": 0.9, "low": 90.0, "high": 111.0},
        "run": 1,
        "run_status": "finished",
        "skill": None,
        "failure": None,
    }


def test_without_a_point_forecast_the_median_stands_for_it(ledger, client, record):
    record(ledger, {(0, 1): {0.1: 90.0, 0.5: 101.0, 0.8: 120.0}})
    (row,) = get(client, "universe")["rows"]
    assert row["predicted"] == 101.0
    assert row["interval"] is None  # 0.1 and 0.8 are not as far from the ends


def test_a_ticker_left_behind_by_its_model_is_told(ledger, client, record):
    record(ledger, {(5, 1): {0.0: 101.0}}, ticker="AAPL")
    record(ledger, {(4, 1): {0.0: 101.0}}, ticker="GOOG")
    record(ledger, {(4, 1): {0.0: 101.0}}, ticker="GOOG", model="other")
    rows = get(client, "universe")["rows"]
    assert [(row["ticker"], row["model"], row["status"]) for row in rows] == [
        ("AAPL", "lstm", "current"),
        ("GOOG", "lstm", "behind"),
        ("GOOG", "other", "current"),
    ]


def test_a_failure_is_told_until_a_forecast_of_that_evening_comes(
    ledger, client, record, days
):
    record(ledger, {(4, 1): {0.0: 101.0}})
    run = ledger.begin_run("google", "lstm", started=STARTED, version="1")
    facts = {"kind": "RateLimited", "reason": "GOOG: too often.", "n_attempts": 2}
    names = {"ticker": ["GOOG", "NEW"], "origin": [days[5], days[5]]}
    ledger.add_failures(run, pd.DataFrame({**names, **facts}))
    rows = {row["ticker"]: row for row in get(client, "universe")["rows"]}
    assert {row["status"] for row in rows.values()} == {"failed"}
    assert rows["GOOG"]["failure"]["reason"] == "GOOG: too often."
    assert rows["GOOG"]["predicted"] == 101.0
    # A ticker that was never forecast is there too.
    assert rows["NEW"]["origin"] is None
    assert get(client, "ticker", ticker="NEW")["rows"] == [rows["NEW"]]
    record(ledger, {(5, 1): {0.0: 101.0}})
    rows = {row["ticker"]: row for row in get(client, "universe")["rows"]}
    assert (rows["GOOG"]["status"], rows["GOOG"]["failure"]) == ("current", None)
    assert rows["NEW"]["status"] == "failed"


def test_the_failures_of_a_run(shown):
    last = 2 * N_ORIGINS - 1
    answer = get(shown, "failures", run=last)
    assert [row["ticker"] for row in answer["rows"]] == sorted(FAILING)
    assert answer["rows"][1]["kind"] == "SourceTimeout"
    assert answer["rows"][1]["n_attempts"] == 3
    assert answer["n_rows"] == 2
    page = get(shown, "failures", run=last, offset=1, limit=1)
    assert [row["ticker"] for row in page["rows"]] == ["XOM"]
    assert get(shown, "failures", run=last + 1)["n_rows"] == 0
    (row,) = get(shown, "runs", limit=1, model=MODEL)["rows"]
    assert (row["id"], row["n_failures"], row["status"]) == (last, 2, "partly")


def test_stored_scores_are_told_as_they_are(demonstration, shown):
    with Ledger.open(demonstration) as ledger:
        table = ledger.score().set_index(["ticker", "model"])
    rows = get(shown, "universe", limit=500)["rows"]
    assert len(rows) == len(table) == 18
    for row in rows:
        wanted, skill = table.loc[(row["ticker"], row["model"])], row["skill"]
        assert skill["outcome"] == wanted["outcome"]
        assert skill["through"] == wanted["through"].date().isoformat()
        for name in ("n_origins", "rmse_ratio", "rmse_ratio_low", "p_value"):
            assert skill[name] == pytest.approx(wanted[name])
        found = {one["level"]: one["share"] for one in skill["coverage"]}
        assert found == pytest.approx(
            {0.5: wanted["coverage_0.5"], 0.9: wanted["coverage_0.9"]}
        )


def test_a_ratio_by_hand(ledger, client, record, days):
    # Relative errors of the model 0.01, of the last price 0.02: half as much.
    for origin in range(12):
        record(ledger, {(origin, 1): {0.0: 101.0}}, last=100.0)
    ledger.add_actuals("GOOG", prices(days, [100, 102] * 7))
    assert ledger.score(keep=True)["n_origins"].tolist() == [12]
    (row,) = get(client, "universe")["rows"]
    # Even origins stand at 100 and go to 102; of odd ones, the footing makes 102 to
    # 100 a fall of 2 from 102, where the forecast was 1 above 100.
    even = (0.01**2 + 0.02**2) * 6
    odd = ((100 / 102 - 1.01) ** 2 + (100 / 102 - 1) ** 2) * 6
    own = 6 * 0.01**2 + 6 * (100 / 102 - 1.01) ** 2
    naive = even + odd - own
    assert row["skill"]["rmse_ratio"] == pytest.approx(math.sqrt(own / naive))
    assert row["skill"]["n_origins"] == 12


def test_how_many_beat_the_last_price(shown):
    answer = get(shown, "summary")
    rows = get(shown, "universe", limit=500)["rows"]
    outcomes = [row["skill"]["outcome"] for row in rows]
    assert answer["outcomes"] == {
        **{name: outcomes.count(name) for name in ("beats", "ties", "loses")},
        "too_few": 0,
        "unscored": 0,
    }
    assert answer["outcomes"]["beats"] >= 1  # GOOG, which trends
    assert answer["outcomes"]["loses"] == 6  # all of the poor model
    assert (answer["n_tickers"], answer["n_models"]) == (12, 2)
    assert answer["n_runs"] == 2 * N_ORIGINS
    assert get(shown, "models") == {"rows": answer["models"]}
    models = {row["model"]: row for row in answer["models"]}
    assert {name: row["n_tickers"] for name, row in models.items()} == {
        MODEL: 12,
        POOR: 6,
    }
    assert models[POOR]["outcomes"]["loses"] == 6
    ratios = sorted(r["skill"]["rmse_ratio"] for r in rows if r["model"] == POOR)
    assert models[POOR]["median_rmse_ratio"] == pytest.approx(sum(ratios[2:4]) / 2)


def test_the_history_is_on_the_footing_of_the_prices_stored_now(
    ledger, client, record, days
):
    """A split in two halves all earlier prices, and what was forecast of them."""
    record(ledger, {(0, 1): {0.0: 204.0, 0.1: 190.0, 0.9: 210.0}}, last=200.0)
    record(ledger, {(1, 1): {0.0: 103.0, 0.1: 95.0, 0.9: 106.0}}, last=101.0)
    ledger.add_actuals("GOOG", prices(days, [100, 101]))
    answer = get(client, "history", ticker="GOOG", model="lstm")
    assert (answer["target"], answer["steps"]) == ("close", [1])
    first, second = answer["rows"]
    assert (first["last_price"], first["predicted"]) == (100.0, 102.0)
    assert first["intervals"] == [{"level": 0.8, "low": 95.0, "high": 105.0}]
    assert first["actual"] == 101.0
    assert second["predicted"] == 103.0
    assert second["actual"] is None


def test_a_later_price_changes_no_earlier_row(ledger, client, record, days):
    for origin in range(4):
        record(ledger, {(origin, 1): {0.0: 101.0 + origin}}, last=100.0 + origin)
    ledger.add_actuals("GOOG", prices(days, [100, 101, 102]))
    asked = {"ticker": "GOOG", "model": "lstm"}
    before = get(client, "history", **asked)["rows"]
    fan = get(client, "fan", **asked, origin=days[1].date().isoformat())
    ledger.add_actuals("GOOG", prices(days, [102, 103, 500], first=2))
    record(ledger, {(4, 1): {0.0: 7.0}}, last=500.0)
    after = get(client, "history", **asked)["rows"]
    assert before[:2] == after[:2]
    assert before[2]["actual"] is None
    assert after[2]["actual"] == 103.0
    again = get(client, "fan", **asked, origin=days[1].date().isoformat())
    assert again["rows"] == fan["rows"]


def test_a_fan_has_all_steps_and_the_prices_around(ledger, client, record, days):
    values = {0.0: 101.0, 0.1: 90.0, 0.25: 95.0, 0.75: 105.0, 0.9: 112.0}
    record(ledger, {(4, 1): values, (4, 2): values, (3, 1): {0.0: 1.0}}, last=104.0)
    ledger.add_actuals("GOOG", prices(days, range(100, 106)))
    answer = get(client, "fan", ticker="goog", model="lstm", before=3)
    day = [one.date().isoformat() for one in days]
    assert (answer["origin"], answer["last_price"]) == (day[4], 104.0)
    assert answer["origins"] == [day[4], day[3]]
    assert answer["adjusted"] is False
    assert [(p["session"], p["price"]) for p in answer["prices"]] == [
        *((day[2], 102.0), (day[3], 103.0), (day[4], 104.0)),
        (day[5], 105.0),
    ]
    assert [row["step"] for row in answer["rows"]] == [1, 2]
    assert [one["level"] for one in answer["rows"][0]["intervals"]] == [0.8, 0.5]
    assert [row["actual"] for row in answer["rows"]] == [105.0, None]
    earlier = get(client, "fan", ticker="GOOG", model="lstm", origin=day[3])
    assert [row["predicted"] for row in earlier["rows"]] == [pytest.approx(103 / 104)]
    assert earlier["adjusted"] is True


def test_the_newest_origins_of_a_history(shown):
    asked = {"ticker": "AAPL", "model": MODEL, "step": 3}
    whole = get(shown, "history", **asked, origins=1000)["rows"]
    assert len(whole) == N_ORIGINS
    assert {row["step"] for row in whole} == {3}
    assert get(shown, "history", **asked, origins=7)["rows"] == whole[-7:]


def test_runs_newest_first_in_pages(ledger, client, record):
    for model in ("one", "two", "one"):
        record(ledger, {(0, 1): {0.0: 1.0}}, model=model, ticker=model)
    ledger.begin_run("google", "two", started=STARTED, version="1")
    answer = get(client, "runs", limit=3)
    assert (answer["n_rows"], [row["id"] for row in answer["rows"]]) == (4, [4, 3, 2])
    assert [row["seconds"] for row in answer["rows"]] == [None, 90.0, 90.0]
    assert answer["rows"][1]["counts"] == {"tickers": 1}
    assert [r["id"] for r in get(client, "runs", offset=3)["rows"]] == [1]
    assert [r["id"] for r in get(client, "runs", model="one")["rows"]] == [3, 1]
    running = get(client, "runs", status="running")
    assert (running["n_rows"], running["rows"][0]["id"]) == (1, 4)


def test_filters_and_pages_of_the_universe(shown):
    def names(**query):
        return [row["ticker"] for row in get(shown, "universe", **query)["rows"]]

    assert names(model=MODEL) == sorted(TICKERS)
    assert names(text="us", model=MODEL) == ["EURUSD=X"]
    assert names(text="^") == ["^GSPC"]
    assert names(text="_") == []  # no pattern of SQL
    whole = names(limit=500)
    pages = [names(offset=first, limit=7) for first in range(0, 21, 7)]
    assert [name for page in pages for name in page] == whole
    assert get(shown, "universe", offset=1000)["rows"] == []


def test_each_answer_is_read_anew(ledger, client, record):
    assert get(client, "universe")["n_rows"] == 0
    assert get(client, "summary")["origin"] is None
    record(ledger, {(0, 1): {0.0: 101.0}})
    assert get(client, "universe")["n_rows"] == 1
    record(ledger, {(0, 1): {0.0: 101.0}}, ticker="AAPL")
    assert get(client, "summary")["n_tickers"] == 2


def test_the_time_of_reading_is_now(client):
    read = datetime.fromisoformat(get(client, "summary")["read"])
    assert abs((datetime.now(UTC) - read).total_seconds()) < 60


@pytest.mark.parametrize(
    "query",
    [
        {"ticker": "NONE"},
        {"ticker": "GOOG", "model": "none"},
        {"ticker": "GOOG", "model": "lstm", "origin": "1999-01-04"},
    ],
)
def test_what_the_ledger_does_not_know_is_not_found(ledger, client, record, query):
    record(ledger, {(0, 1): {0.0: 101.0}})
    path = "fan" if "model" in query else "ticker"
    answer = get(client, path, code=404, **query)
    assert answer == {"detail": "the ledger has nothing of that name"}


def test_nothing_is_written_by_reading(place, ledger, record, client):
    record(ledger, {(0, 1): {0.0: 101.0}})
    ledger.close()
    before = place.read_bytes()
    for path in ("summary", "universe", "runs", "ticker?ticker=GOOG"):
        assert client.get(f"/api/{path}").status_code == 200
    assert place.read_bytes() == before
