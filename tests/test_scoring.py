"""Scoring: verdicts and scores of forecasts of one series, by hand."""

import math

import numpy as np
import pytest

from forecaster.errors import NoSkill
from forecaster.metrics import pinball_losses
from forecaster.models.baselines import Outlook
from forecaster.scoring import (
    judge_direction,
    judge_points,
    judge_quantiles,
    quantile_losses,
    score_forecasts,
)
from forecaster.significance import diebold_mariano, ratio_interval
from forecaster.verdict import Verdict, judge, ratio_of

random = np.random.default_rng(3)
GOOD, BAD, WORSE = (scale * random.exponential(1, 120) for scale in (1, 2, 9))


def test_the_best_baseline_is_the_one_that_counts():
    verdict = judge(GOOD, {"last_value": WORSE, "drift": BAD}, horizon=1)
    assert verdict.against == "drift"
    assert verdict.outcome == "beats"
    assert verdict.ratio == pytest.approx(math.sqrt(GOOD.mean() / BAD.mean()))
    test = diebold_mariano(GOOD, BAD, horizon=1)
    assert verdict.p_value == test.p_value < 0.05
    interval = ratio_interval(GOOD, BAD, level=0.95, root=True, horizon=1, seed=0)
    assert (verdict.low, verdict.high) == (interval.low, interval.high)
    assert verdict.low < verdict.ratio < verdict.high < 1
    assert str(verdict) == (
        f"The model beats the best baseline, drift: its RMSE is {verdict.ratio:.4g} "
        f"times as large (95% interval {verdict.low:.4g} to {verdict.high:.4g}; 120 "
        "forecasts, Diebold-Mariano p < 0.001)."
    )
    verdict.require_skill()


def test_a_mean_loss_has_no_root():
    verdict = judge(BAD, {"garch": GOOD}, horizon=3, measure="pinball loss")
    assert verdict.ratio == pytest.approx(BAD.mean() / GOOD.mean())
    assert verdict.outcome == "loses"
    assert verdict.p_value == diebold_mariano(BAD, GOOD, horizon=3).p_value
    with pytest.raises(NoSkill, match=r"no skill: The model loses to .* garch"):
        verdict.require_skill()


def test_equal_losses_are_no_skill():
    verdict = judge(GOOD, {"last_value": GOOD.copy()}, horizon=1)
    assert (verdict.outcome, verdict.ratio) == ("ties", 1.0)
    assert "simply repeating the last price" in str(verdict)
    with pytest.raises(NoSkill) as refused:
        verdict.require_skill()
    assert refused.value.exit_code == 11


def test_too_few_forecasts_prove_nothing():
    verdict = judge(GOOD[:3], {"last_value": 9 * GOOD[:3]}, horizon=1)
    assert verdict.outcome == "ties"
    assert math.isnan(verdict.p_value)
    assert "only 3 forecasts: too few for a test" in str(verdict)
    assert verdict.ratio == pytest.approx(1 / 3)


@pytest.mark.parametrize("n_forecasts", [3, 120])
def test_a_verdict_survives_its_dictionary(n_forecasts):
    verdict = judge(GOOD[:n_forecasts], {"drift": BAD[:n_forecasts]}, horizon=2)
    facts = verdict.to_dict()
    again = Verdict.from_dict(facts)
    assert again.to_dict() == facts
    assert facts["sentence"] == str(again) == str(verdict)
    assert not any(value is math.nan for value in facts.values())


def test_a_perfect_rival_and_none_have_ratios():
    assert ratio_of(0.0, 0.0) == 1.0
    assert ratio_of(1.0, 0.0) == math.inf
    assert judge(GOOD, {"drift": 0 * GOOD}, horizon=1).to_dict()["ratio"] is None


@pytest.mark.parametrize("n_forecasts", [3, 120])
def test_a_rival_that_makes_no_error_has_a_sentence(n_forecasts):
    loss = GOOD[:n_forecasts]
    verdict = judge(loss, {"last_value": 0 * loss}, horizon=1)
    again = Verdict.from_dict(verdict.to_dict())
    for one in (verdict, again):
        text = str(one)
        assert "simply repeating the last price, which makes no error at all" in text
        assert "nan" not in text and "inf" not in text
    assert verdict.outcome == ("ties" if n_forecasts < 8 else "loses")


def test_pinball_losses_by_hand():
    actual = np.array([[10.0, 20.0]])
    quantiles = np.array([[[8.0, 12.0], [21.0, 25.0]]])
    # 0.1 of 2 above the first, 0.1 of 2 below the second; then 0.9 of 1 and 0.1 of 5.
    found = pinball_losses(actual, quantiles, (0.1, 0.9)).mean(axis=(1, 2))
    assert found == pytest.approx([(0.2 + 0.2 + 0.9 + 0.5) / 4])


def outlooks():
    actual = np.array([[11.0, 12.0], [9.0, 8.0]])
    naive = Outlook(np.array([[10.0, 10.0], [10.0, 10.0]]))
    model = Outlook(np.array([[11.0, 11.0], [10.0, 11.0]]))
    return actual, {"model": model, "last_value": naive}


def test_scores_of_each_step_and_of_all_by_hand():
    actual, found = outlooks()
    history = np.array([8.0, 9.0, 10.0])
    scores = score_forecasts(found, actual, np.array([10.0, 10.0]), history)
    model, naive = scores.loc["model"], scores.loc["last_value"]
    assert list(model.index) == [1, 2, "all"]
    assert model["rmse"].to_numpy() == pytest.approx(
        [math.sqrt(0.5), math.sqrt(5), math.sqrt(11 / 4)]
    )
    assert naive["rmse"].to_numpy() == pytest.approx([1, 2, math.sqrt(2.5)])
    assert model["rmse_ratio"].to_numpy() == pytest.approx(
        (model["rmse"] / naive["rmse"]).to_numpy()
    )
    assert (naive[["rmse_ratio", "mae_ratio"]] == 1).all(axis=None)
    assert "pinball" not in scores


def test_points_are_judged_by_the_mean_over_steps():
    actual, found = outlooks()
    verdict = judge_points(found, actual)
    assert verdict.ratio == pytest.approx(math.sqrt((11 / 4) / (10 / 4)))
    assert verdict.n_forecasts == 2
    assert judge_quantiles(quantile_losses(found, actual, ())) is None


def test_quantiles_are_judged_beside_those_that_have_any():
    actual, found = outlooks()
    wide = np.stack([found["model"].centre - 5, found["model"].centre + 5], axis=-1)
    narrow = np.stack([actual - 1, actual + 1], axis=-1)
    found["model"] = Outlook(found["model"].centre, wide)
    assert judge_quantiles(quantile_losses(found, actual, (0.1, 0.9))) is None
    found["garch"] = Outlook(actual, narrow)
    verdict = judge_quantiles(quantile_losses(found, actual, (0.1, 0.9)))
    assert (verdict.against, verdict.measure) == ("garch", "pinball loss")
    assert verdict.ratio == pytest.approx(5)


def test_a_direction_is_held_against_a_coin_and_the_share_of_past_rises():
    history = np.array([1.0, 2.0, 3.0, 2.0, 3.0])  # rose three times of four
    actual = np.tile([[4.0], [2.0]], (30, 1))
    origin = np.full(60, 3.0)
    rose = actual > origin[:, None]
    verdict = judge_direction(np.where(rose, 0.9, 0.2), actual, origin, history)
    assert verdict.against == "a_coin"
    assert verdict.ratio == pytest.approx((0.01 + 0.04) / 2 / 0.25)
    assert (verdict.outcome, verdict.measure) == ("beats", "Brier score")
    always = judge_direction(
        np.full((60, 1), 0.6), np.full((60, 1), 4.0), origin, history
    )
    assert always.against == "share_of_past_rises"
    assert always.ratio == pytest.approx(0.16 / 0.0625)
