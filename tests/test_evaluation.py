"""Evaluation: baselines beside the model, ratios and verdicts worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from forecaster.evaluation import Evaluation, evaluate_forecasts
from forecaster.models.baselines import Outlook, drift
from forecaster.scoring import judge_points, score_forecasts
from forecaster.verdict import Verdict


def judge(predicted, naive, actual):
    return judge_points(
        {"model": Outlook(predicted), "last_value": Outlook(naive)}, actual
    )


def with_drift(origin_price, horizon, history):
    return {"drift": Outlook(drift(origin_price, horizon, history))}


def evaluation_of(predicted, actual, origin_price, history):
    days = pd.date_range("2024-01-01", periods=len(actual) + 1).to_numpy()
    return evaluate_forecasts(
        np.array(predicted, float)[:, None],
        np.array(actual, float)[:, None],
        origin_price=np.array(origin_price, float),
        history=np.array(history, float),
        origins=days[:-1],
        sessions=days[1:, None],
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp("2023-12-29"),
        },
        baselines=with_drift(np.array(origin_price, float), 1, np.array(history)),
    )


def test_scores_by_hand():
    evaluation = evaluation_of(
        predicted=[12, 12], actual=[11, 13], origin_price=[10, 11], history=[8, 9, 10]
    )
    model, naive, drift = (
        evaluation.scores.loc[name] for name in ("model", "last_value", "drift")
    )
    assert model["rmse"] == 1
    assert naive["rmse"] == pytest.approx((2.5) ** 0.5)
    assert drift["mae"] == pytest.approx(0.5)  # forecasts 11 and 12
    assert model["mape"] == pytest.approx((1 / 11 + 1 / 13) / 2)
    assert model["mase"] == 1  # the history moves by 1 a session
    assert model["directional_accuracy"] == 1
    assert np.isnan(naive["directional_accuracy"])
    assert model["rmse_ratio"] == pytest.approx(1 / 2.5**0.5)
    assert naive["mae_ratio"] == 1


def test_a_model_that_knows_more_beats_last_value():
    random = np.random.default_rng(0)
    actual = random.normal(100, 1, (60, 1))
    naive = actual + random.normal(0, 1, (60, 1))
    close = actual + random.normal(0, 0.2, (60, 1))
    better = judge(close, naive, actual)
    worse = judge(naive, close, actual)
    assert better.outcome == "beats"
    assert better.ratio < 0.5
    assert worse.outcome == "loses"
    assert worse.p_value == pytest.approx(better.p_value)
    assert "beats simply repeating the last price" in str(better)
    assert "p < 0.001" in str(better)


def test_a_copy_of_last_value_ties():
    actual = np.random.default_rng(0).normal(100, 1, (60, 1))
    verdict = judge(actual + 1, actual + 1, actual)
    assert (verdict.outcome, verdict.ratio, verdict.p_value) == ("ties", 1.0, 1.0)


def test_few_forecasts_prove_nothing():
    actual = np.full((5, 1), 10.0)
    verdict = judge(actual, actual + 1, actual)
    assert verdict.outcome == "ties"
    assert "only 5 forecasts: too few for a test" in str(verdict)


def test_an_evaluation_survives_its_own_json():
    evaluation = evaluation_of(
        np.arange(20) + 1.5, np.arange(20) + 1, np.arange(20), [1, 2, 4]
    )
    facts = json.loads(json.dumps(evaluation.to_dict(), sort_keys=True))
    again = Evaluation.from_dict(facts, evaluation.predictions)
    pd.testing.assert_frame_equal(again.scores, evaluation.scores)
    assert again.verdict == evaluation.verdict
    assert again.trained_until == evaluation.trained_until


def test_prices_that_never_move_have_no_ratio_problem():
    actual = np.full((10, 1), 5.0)
    forecasts = {"model": Outlook(actual), "last_value": Outlook(actual)}
    scores = score_forecasts(forecasts, actual, np.full(10, 5.0), np.array([5.0, 6.0]))
    assert scores["rmse_ratio"].tolist() == [1, 1, 1, 1]
    assert judge(actual + 1, actual, actual).ratio == np.inf


def test_a_verdict_states_ratio_and_p_value():
    text = str(Verdict("ties", 1.012, 0.4321, 251))
    assert "1.012 times" in text
    assert "251 forecasts, Diebold-Mariano p = 0.432" in text


def test_rows_are_ordered_by_origin_then_step_and_drift_grows_by_the_step():
    days = pd.date_range("2024-01-01", periods=6).to_numpy()
    actual = np.array([[11.0, 12.0, 13.0], [12.0, 13.0, 14.0]])
    evaluation = evaluate_forecasts(
        actual + 1,
        actual,
        origin_price=np.array([10.0, 11.0]),
        history=np.array([4.0, 9.0, 10.0]),  # 3 a session
        origins=days[:2],
        sessions=np.array([days[1:4], days[2:5]]),
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp("2023-12-29"),
        },
        baselines=with_drift(np.array([10.0, 11.0]), 3, np.array([4.0, 9.0, 10.0])),
    )
    rows = evaluation.predictions
    assert list(rows.columns) == [
        *("origin", "session", "step", "actual", "predicted", "last_value", "drift")
    ]
    assert rows["step"].tolist() == [1, 2, 3, 1, 2, 3]
    assert (
        rows["origin"].tolist()
        == [pd.Timestamp(days[0])] * 3 + [pd.Timestamp(days[1])] * 3
    )
    assert rows["session"].tolist() == [
        *map(pd.Timestamp, [*days[1:4], *days[2:5]]),
    ]
    assert rows["actual"].tolist() == [11, 12, 13, 12, 13, 14]
    assert rows["last_value"].tolist() == [10, 10, 10, 11, 11, 11]
    assert rows["drift"].tolist() == [13, 16, 19, 14, 17, 20]
    assert evaluation.scores.loc["model", "mae"] == 1
    assert evaluation.scores.loc["last_value", "mae"] == 2
    assert evaluation.scores.loc["model", "mae_ratio"] == 0.5
    assert evaluation.verdict.n_forecasts == 2
