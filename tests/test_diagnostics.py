"""Diagnostics: tables that agree with the scores, and with what is known beforehand."""

import numpy as np
import pandas as pd
import pytest

from forecaster.backtest_scores import score_backtest
from forecaster.diagnostics import (
    correlations_by_shift,
    errors_by_step,
    gains_by_origin,
    residuals_by_session,
    verdicts_by,
)
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation import evaluate_forecasts
from tests.plotting import subjects


def evaluation_of(actual, predicted, known):
    """Return the evaluation of one-step forecasts."""
    days = pd.bdate_range("2020-01-01", periods=len(actual) + 1).to_numpy()
    return evaluate_forecasts(
        predicted[:, None],
        actual[:, None],
        origin_price=known,
        history=known,
        origins=days[:-1],
        sessions=days[1:, None],
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp("2019-12-31"),
        },
    )


def returns(n=200):
    """Return a price path of random returns, and the returns."""
    moves = np.random.default_rng(0).normal(0, 0.01, n)
    return 100 * np.exp(np.cumsum(moves)), moves


def test_errors_by_step_are_those_of_the_scores():
    evaluation = subjects.evaluation(horizon=3)
    table = errors_by_step(evaluation).set_index(["forecast", "step"])
    for name in ("model", "last_value", "drift"):
        for step in (1, 2, 3):
            known = evaluation.steps.loc[(name, step), "rmse"]
            assert table.loc[(name, step), "rmse"] == pytest.approx(known)
    assert table.groupby(level="forecast").size().eq(3).all()
    assert table.index[0][0] == "model"


def test_the_interval_beside_last_value_is_that_of_the_verdict():
    actual, moves = returns()
    known = actual / np.exp(moves)
    evaluation = evaluation_of(actual, known * np.exp(moves / 2), known)
    table = errors_by_step(evaluation).set_index("forecast")
    naive, verdict = table.loc["last_value", "rmse"], evaluation.verdict
    assert table.loc["model", "low"] == pytest.approx(naive * verdict.low)
    assert table.loc["model", "high"] == pytest.approx(naive * verdict.high)
    assert table.loc["last_value", ["low", "high"]].isna().all()
    assert table.attrs["unit"] == "quote currency"


def test_errors_of_a_backtest_are_in_percent_over_all_tickers():
    backtest = subjects.backtest()
    table = errors_by_step(backtest).set_index("forecast")
    np.testing.assert_allclose(table["rmse"], backtest.scores.loc[table.index, "rmse"])
    assert table.attrs["unit"].startswith("%")


def test_residuals_are_actual_less_predicted():
    evaluation = subjects.evaluation(horizon=2)
    table = residuals_by_session(evaluation)
    rows = evaluation.predictions.query("step == 1")
    assert list(table) == ["session", "model", "last_value", "drift"]
    np.testing.assert_array_equal(table["model"], rows["actual"] - rows["predicted"])
    np.testing.assert_array_equal(table["drift"], rows["actual"] - rows["drift"])
    np.testing.assert_array_equal(table["session"], rows["session"])


def test_foresight_shows_at_shift_zero():
    actual, moves = returns()
    known = actual / np.exp(moves)
    table = correlations_by_shift(
        evaluation_of(actual, known * np.exp(moves / 3), known)
    )
    assert table["correlation"].iloc[0] == pytest.approx(1)
    assert (table["correlation"].iloc[1:].abs() < 0.25).all()
    assert list(table["shift"]) == list(range(11))
    assert (table["n_windows"] == 190).all()


@pytest.mark.parametrize(("sign", "expected"), [(1, 1.0), (-1, -1.0)])
def test_what_follows_the_last_move_shows_at_shift_one(sign, expected):
    actual, moves = returns()
    known = actual / np.exp(moves)
    last = np.concatenate([[0.0], moves[:-1]])
    forecasts = known * np.exp(sign * last / 2)
    table = correlations_by_shift(evaluation_of(actual, forecasts, known), max_shift=3)
    assert table["correlation"].iloc[1] == pytest.approx(expected)
    assert abs(table["correlation"].iloc[0]) < 0.25


def test_one_that_never_moves_correlates_with_nothing():
    actual, moves = returns()
    known = actual / np.exp(moves)
    table = correlations_by_shift(evaluation_of(actual, known, known))
    assert table["correlation"].isna().all()


def test_shifts_that_cannot_be_tried_are_refused():
    actual, moves = returns(20)
    known = actual / np.exp(moves)
    few = evaluation_of(actual, known * 1.01, known)
    with pytest.raises(DataError, match=r"more than 20 forecasts .* found 20"):
        correlations_by_shift(few)
    for wrong in ({"max_shift": 0}, {"level": 1.0}):
        with pytest.raises(ConfigError, match="max_shift at least 1 and level"):
            correlations_by_shift(few, **wrong)
    below = evaluation_of(actual - 200, known - 200, known - 200)
    with pytest.raises(DataError, match="prices above zero"):
        correlations_by_shift(below)


def test_gains_end_at_the_difference_of_the_sums():
    backtest = subjects.backtest(quantiles=False)
    gains = gains_by_origin(backtest)
    mse = backtest.scores["rmse"] ** 2
    for name in ("last_value", "drift"):
        wanted = 100 * (1 - mse["model"] / mse[name])
        assert gains[name].iloc[-1] == pytest.approx(wanted)
    assert list(gains.index) == sorted(set(backtest.frame["origin"]))


def test_a_verdict_on_one_ticker_is_that_of_its_own_backtest():
    backtest = subjects.backtest()
    found = verdicts_by(backtest, "ticker")
    assert list(found) == ["AAA", "BBB"]
    for ticker, verdict in found.items():
        frame = backtest.frame[backtest.frame["ticker"] == ticker]
        alone = score_backtest(frame.reset_index(drop=True)).best_verdict
        assert alone.against == backtest.best_verdict.against
        assert verdict == alone


def test_the_loss_is_that_of_the_best_verdict():
    assert {v.measure for v in verdicts_by(subjects.backtest(), "fold").values()} == {
        "pinball loss"
    }
    plain = subjects.backtest(quantiles=False)
    assert {v.measure for v in verdicts_by(plain, "year").values()} == {"RMSE"}
    assert set(verdicts_by(plain, "year")) == {"2023", "2024"}
    assert set(verdicts_by(plain, "step")) == {"1"}


def test_ratios_by_year_are_those_of_the_scores():
    backtest = subjects.backtest(quantiles=False)
    scores = backtest.by("year")["rmse"]
    for year, verdict in verdicts_by(backtest, "year", against="drift").items():
        ratio = scores[(int(year), "model")] / scores[(int(year), "drift")]
        assert verdict.ratio == pytest.approx(ratio)
        assert verdict.against == "drift"


def test_beside_each_baseline_there_is_one_verdict():
    backtest = subjects.backtest()
    found = verdicts_by(backtest, "baseline")
    assert set(found) == {"last_value", "drift"}
    assert found[backtest.best_verdict.against] == backtest.best_verdict


def test_a_direction_is_judged_beside_a_coin():
    frame = subjects.backtest(("AAA",), quantiles=False).frame.copy()
    said = np.where(frame["predicted"] > frame["last_value"], 0.9, 0.1)
    frame["probability_up"] = np.where(frame["model"] == "model", said, np.nan)
    backtest = score_backtest(frame)
    found = verdicts_by(backtest, "ticker")["AAA"]
    assert found == backtest.best_verdict
    assert found.measure == "Brier score"
    assert set(verdicts_by(backtest, "baseline")) == {"a_coin"}


def test_groups_and_baselines_that_are_not_there_are_refused():
    backtest = subjects.backtest()
    with pytest.raises(ConfigError, match="no group 'month'; there: ticker, fold"):
        verdicts_by(backtest, "month")
    with pytest.raises(ConfigError, match="not all forecasts of 'garch'"):
        verdicts_by(backtest, "ticker", against="garch")
    frame = backtest.frame
    lacking = frame[~((frame["ticker"] == "BBB") & (frame["model"] == "drift"))]
    with pytest.raises(DataError, match=r"ticker BBB: .* there: last_value"):
        verdicts_by(
            score_backtest(lacking.reset_index(drop=True)), "ticker", against="drift"
        )
