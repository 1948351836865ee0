"""Scores of a backtest, by hand for a frame of few rows."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from forecaster import metrics
from forecaster.backtest_losses import losses_of
from forecaster.backtest_scores import score_backtest, score_frame
from forecaster.verdict import judge


def rows(model, predicted, quantiles=None, *, ticker="A", last=100.0, actual=None):
    """Two origins of two steps, the second in the next fold and year."""
    sessions = pd.to_datetime(["2020-12-30", "2020-12-31", "2021-01-04", "2021-01-05"])
    frame = pd.DataFrame(
        {
            "ticker": ticker,
            "fold": [1, 1, 2, 2],
            "origin": sessions[[0, 0, 2, 2]] - pd.Timedelta(days=1),
            "session": sessions,
            "step": [1, 2, 1, 2],
            "model": model,
            "actual": [102.0, 98.0, 101.0, 104.0] if actual is None else actual,
            "predicted": predicted,
            "last_value": last,
        }
    )
    if quantiles is not None:
        frame["q0.1"], frame["q0.9"] = np.transpose(quantiles)
    return frame


MODEL = rows("model", [101.0, 101.0, 101.0, 102.0], [[99.0, 103.0]] * 4)
NAIVE = rows("last_value", [100.0] * 4)
GARCH = rows("garch", [100.0] * 4, [[90.0, 110.0]] * 4)
FRAME = pd.concat([MODEL, NAIVE, GARCH], ignore_index=True)
NAMES = ("model", "last_value")


def test_all_rows_together():
    scores = score_frame(FRAME, ())
    model, naive = scores.loc["model"], scores.loc["last_value"]
    assert model["n_forecasts"] == 4
    assert model["rmse"] == pytest.approx(math.sqrt((1 + 9 + 0 + 4) / 4))
    assert model["mae"] == pytest.approx((1 + 3 + 0 + 2) / 4)
    assert naive["rmse"] == pytest.approx(math.sqrt((4 + 4 + 1 + 16) / 4))
    assert model["rmse_ratio"] == pytest.approx(math.sqrt(14 / 25))
    assert model["mae_ratio"] == pytest.approx(6 / 9)
    assert model["directional_accuracy"] == 0.75
    assert math.isnan(naive["directional_accuracy"])
    # Inside: 0.1 of both distances. 98 lies 1 below, 104 lies 1 above.
    pinball = [0.1 * 4 / 2, (0.9 + 0.5) / 2, 0.1 * 4 / 2, (0.5 + 0.9) / 2]
    assert model["pinball"] == pytest.approx(np.mean(pinball))
    assert model["coverage_0.8"] == 0.5
    assert scores.loc["garch", "coverage_0.8"] == 1.0
    assert scores.loc["garch", "pinball"] == pytest.approx(1.0)
    assert scores.loc["garch", "pinball_ratio"] == 1.0
    assert model["pinball_ratio"] == pytest.approx(np.mean(pinball))
    assert math.isnan(naive["pinball"])
    assert math.isnan(naive["coverage_0.8"])


@pytest.mark.parametrize(
    ("column", "values", "squares"),
    [
        ("fold", [1, 2], [10 / 2, 4 / 2]),
        ("year", [2020, 2021], [10 / 2, 4 / 2]),
        ("step", [1, 2], [1 / 2, 13 / 2]),
        ("ticker", ["A"], [14 / 4]),
    ],
)
def test_by_one_column(column, values, squares):
    scores = score_frame(FRAME, [column]).xs("model", level="model")
    assert list(scores.index) == values
    assert scores["rmse"].to_numpy() == pytest.approx(np.sqrt(squares))
    naive = score_frame(NAIVE, [column])["rmse"].to_numpy()
    assert scores["rmse_ratio"].to_numpy() == pytest.approx(np.sqrt(squares) / naive)


def test_by_two_columns():
    scores = score_backtest(FRAME).by("fold", "step")
    assert scores.loc[(2, 2, "model"), "rmse"] == pytest.approx(2)
    assert scores.loc[(2, 2, "model"), "rmse_ratio"] == pytest.approx(0.5)
    assert list(scores.index.names) == ["fold", "step", "model"]


def test_errors_are_percent_so_that_dear_tickers_weigh_no_more():
    dear = rows(
        "model",
        [1010.0, 1010.0, 1010.0, 1020.0],
        [[990.0, 1030.0]] * 4,
        ticker="B",
        last=1000.0,
        actual=[1020.0, 980.0, 1010.0, 1040.0],
    )
    found = score_frame(pd.concat([MODEL, dear]), ["ticker"])
    pd.testing.assert_series_equal(
        found.loc["A"].loc["model"], found.loc["B"].loc["model"]
    )


def test_verdicts_average_the_losses_of_an_origin():
    backtest = score_backtest(FRAME)
    own, naive = np.array([5.0, 2.0]), np.array([4.0, 8.5])
    expected = judge(own, {"last_value": naive, "garch": naive}, horizon=2)
    assert str(backtest.verdict) == str(expected)
    quantile = backtest.quantile_verdict
    assert (quantile.against, quantile.measure) == ("garch", "pinball loss")
    assert quantile.ratio == pytest.approx(0.45)
    assert backtest.best_verdict is quantile
    assert backtest.levels == (0.1, 0.9)
    assert "1 ticker(s), 2 fold(s)" in repr(backtest)
    assert "<table" in backtest._repr_html_()


def test_point_models_have_no_quantile_columns():
    frame = pd.concat([MODEL, NAIVE]).drop(columns=["q0.1", "q0.9"])
    backtest = score_backtest(frame)
    assert backtest.quantile_verdict is None
    assert backtest.best_verdict is backtest.verdict
    assert backtest.levels == ()
    assert not [name for name in backtest.scores if "pinball" in name]
    assert not [name for name in backtest.scores if "coverage" in name]


def test_uncalibrated_rows_are_scored_and_never_a_rival():
    before = MODEL.assign(model="uncalibrated", predicted=MODEL["actual"])
    before[["q0.1", "q0.9"]] = MODEL[["actual", "actual"]].to_numpy()
    backtest = score_backtest(pd.concat([FRAME, before]))
    assert backtest.scores.loc["uncalibrated", "rmse"] == 0
    assert backtest.verdict.against != "uncalibrated"
    assert backtest.quantile_verdict.against == "garch"
    assert backtest.scores.loc["garch", "pinball_ratio"] == 1.0


def test_a_baseline_that_lacks_an_origin_is_not_compared_with():
    cheap = rows("drift", [102.0, 98.0, 101.0, 104.0])[:2]
    table = pd.concat([FRAME, cheap]).assign(squared=1.0)
    assert "drift" not in losses_of(table, "squared")
    assert score_backtest(pd.concat([FRAME, cheap])).verdict.against != "drift"


def test_facts_are_plain_json():
    perfect = NAIVE.assign(predicted=NAIVE["actual"], last_value=NAIVE["actual"])
    facts = score_backtest(pd.concat([MODEL, perfect, GARCH])).to_dict()

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(json.dumps(facts), parse_constant=refuse) == facts
    assert facts["n_folds"] == 2
    assert {row["ticker"] for row in facts["scores_by_ticker"]} == {"A"}
    assert [row["model"] for row in facts["scores"]] == ["garch", "last_value", "model"]


def test_lags_are_told_by_ticker(make_prices):
    close = make_prices(90)["close"].to_numpy()
    n_rows = len(close) - 1
    nearest = pd.DataFrame(
        {
            "ticker": "A",
            "fold": 1,
            "origin": np.arange(n_rows),
            "session": pd.bdate_range("2020-01-01", periods=n_rows),
            "step": 1,
            "model": "model",
            "actual": close[1:],
            "predicted": close[:-1] * 1.0001,
            "last_value": close[:-1],
        }
    )
    seer = nearest.assign(ticker="B", predicted=close[1:] * 1.0001)
    rivals = [part.assign(model="last_value") for part in (nearest, seer)]
    lags = score_backtest(pd.concat([nearest, seer, *rivals])).lags
    assert {name: lag.outcome for name, lag in lags.items()} == {
        "A": "copies",
        "B": "clear",
    }


def test_a_series_that_crosses_zero_is_scored_by_its_size_and_has_no_returns():
    below = FRAME.assign(
        actual=FRAME["actual"] - 100,
        predicted=FRAME["predicted"] - 100,
        last_value=[1.0, 1.0, -3.0, -3.0] * 3,
    )
    below[["q0.1", "q0.9"]] -= 100
    backtest = score_backtest(below)
    assert backtest.lags == {}
    # Mean size 2: an error of 1 is half of it.
    assert backtest.scores.loc["model", "mae"] == pytest.approx(100 * 1.5 / 2)
    assert (backtest.scores["pinball"].dropna() > 0).all()


def test_the_other_scores_are_those_of_the_metrics():
    found = score_frame(FRAME, ()).loc["model"]
    actual, predicted = (
        MODEL[name].to_numpy()[:, None] for name in ("actual", "predicted")
    )
    origin = np.full((4, 1), 100.0)
    quantiles = MODEL[["q0.1", "q0.9"]].to_numpy()[:, None, :]
    assert found["smape"] == pytest.approx(metrics.smape(actual, predicted))
    assert found["r2_returns"] == pytest.approx(
        metrics.r2_returns(actual, predicted, origin)
    )
    assert found["majority_rate"] == metrics.majority_rate(actual, origin) == 0.75
    assert found["crps"] == pytest.approx(metrics.crps(actual, quantiles, [0.1, 0.9]))


def test_returns_of_negative_series_are_not_scored():
    negative = pd.concat(
        [rows(name, [-1.0] * 4, last=-2.0, actual=[-1.0] * 4) for name in NAMES]
    )
    found = score_frame(negative, ()).loc["model"]
    assert math.isnan(found["r2_returns"])
    assert found["mae"] == 0
