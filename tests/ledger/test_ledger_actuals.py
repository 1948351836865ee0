"""Actuals: on one footing, and beside the forecasts that were made on another."""

import pandas as pd
import pytest

from forecaster.errors import DataError


def test_prices_that_came_stand_beside_their_forecasts(
    ledger, begin, make_rows, price_frame
):
    ledger.write(make_rows(begin(ledger), [100, 110], factors={0.0: 1.0}))
    assert ledger.add_actuals("goog", price_frame([100, 110])) == 2
    found = ledger.forecasts()["actual"].tolist()
    assert found[0] == pytest.approx(110, rel=1e-12)
    assert pd.isna(found[1])
    assert ledger.add_actuals("GOOG", price_frame([100, 110, 99])) == 1
    assert ledger.forecasts()["actual"].tolist() == pytest.approx([110, 99], rel=1e-12)


def test_an_actual_price_is_on_the_footing_of_its_forecast(
    ledger, begin, make_rows, price_frame
):
    """A split of 20 for 1 comes between the forecasts and the scoring."""
    ledger.write(make_rows(begin(ledger), [1000, 1100], factors={0.0: 1.0}))
    ledger.add_actuals("GOOG", price_frame([50, 55, 44]))
    assert ledger.forecasts()["actual"].tolist() == pytest.approx([1100, 880])


def test_each_run_has_the_price_that_it_forecasts(
    ledger, begin, make_rows, price_frame
):
    ledger.write(make_rows(begin(ledger), [100], factors={0.0: 1.0}))
    run = begin(ledger, "adjusted", target="adj_close")
    ledger.write(make_rows(run, [50], factors={0.0: 1.0}, model="adjusted"))
    prices = price_frame([100, 102]).assign(adj_close=[50.0, 53.0])
    assert ledger.add_actuals("GOOG", prices) == 2
    assert ledger.add_actuals("GOOG", prices, target="adj_close") == 2
    found = ledger.forecasts().set_index("model")["actual"]
    assert found["lstm"] == pytest.approx(102)
    assert found["adjusted"] == pytest.approx(53)


def test_only_what_is_new_is_written(ledger, price_frame):
    assert ledger.add_actuals("GOOG", price_frame([100, 101, 102])) == 3
    assert ledger.add_actuals("GOOG", price_frame([100, 101, 102])) == 0
    # A corrected close, and a new one, behind a price that is the same.
    assert ledger.add_actuals("GOOG", price_frame([101, 103, 104], first=1)) == 2
    # All on another footing, from the first on.
    assert ledger.add_actuals("GOOG", price_frame([10, 10.1, 10.3, 10.4])) == 4
    # Older prices too.
    assert ledger.add_actuals("AAPL", price_frame([7, 8], first=5)) == 2
    assert ledger.add_actuals("AAPL", price_frame([5, 6, 7, 8], first=3)) == 2


@pytest.mark.parametrize(
    ("prices", "first", "found"),
    [([50.5, 51], 1, "has 101"), ([104, 105], 4, "has no price")],
)
def test_prices_of_an_unknown_footing_are_refused(
    small, price_frame, prices, first, found
):
    small.add_actuals("GOOG", price_frame([100, 101, 102]))
    with pytest.raises(DataError, match=f"{found}.*from 2020-01-02 on"):
        small.add_actuals("GOOG", price_frame(prices, first=first))


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan")])
def test_prices_that_are_none_are_refused(small, price_frame, price):
    with pytest.raises(DataError, match="close has"):
        small.add_actuals("GOOG", price_frame([100, price]))


def test_prices_need_their_column_and_each_session_once(small, price_frame):
    with pytest.raises(DataError, match="adj_close not among close"):
        small.add_actuals("GOOG", price_frame([100]), target="adj_close")
    twice = pd.concat([price_frame([100]), price_frame([101])])
    with pytest.raises(DataError, match="2020-01-02 twice"):
        small.add_actuals("GOOG", twice)


def test_the_ledger_says_which_prices_it_waits_for(
    ledger, begin, make_rows, price_frame, days
):
    ledger.write(make_rows(begin(ledger), [100, 110]))
    run = begin(ledger, "other", target="open")
    ledger.write(make_rows(run, [5], model="other", ticker="AAPL"))
    ledger.write(make_rows(run, [5], model="other"))
    wanted = [("AAPL", "open", days[0]), ("GOOG", "close", days[0])]
    wanted.append(("GOOG", "open", days[0]))
    found = ledger.awaited()
    assert [*found.itertuples(index=False, name=None)] == wanted
    # The footing of older prices that are stored has to be followed.
    early = price_frame([90, 100]).shift(freq="-1D")
    ledger.add_actuals("GOOG", early)
    first = ledger.awaited(tickers=["GOOG"], model="lstm")["first"]
    assert first.tolist() == [pd.Timestamp("2020-01-01")]
