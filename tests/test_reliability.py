"""Reliability: shares and bands are those that can be counted by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from forecaster.backtest_scores import score_backtest
from forecaster.errors import ConfigError
from forecaster.metrics import pit, pit_histogram
from forecaster.reliability import coverage_by_level, coverage_by_year, pit_by_bin
from tests.plotting import subjects


def test_coverage_is_that_of_the_evaluation_at_one_step():
    evaluation = subjects.evaluation(n=80, horizon=1)
    table = coverage_by_level(evaluation)
    assert dict(zip(table["level"], table["observed"], strict=True)) == (
        evaluation.coverages
    )
    assert list(table["level"]) == [0.5, 0.9]
    assert (table["n_origins"] == 80).all()


def test_of_several_steps_the_nearest_is_counted():
    evaluation = subjects.evaluation(horizon=3)
    rows = evaluation.predictions.query("step == 1")
    inside = rows["actual"].between(rows["q0.25"], rows["q0.75"])
    table = coverage_by_level(evaluation)
    assert table["observed"].iloc[0] == inside.mean()
    assert (table["n_origins"] == len(rows)).all()


def test_the_band_holds_nineteen_of_twenty_calibrated_forecasts():
    table = coverage_by_level(subjects.evaluation(n=100, horizon=1))
    half = table.set_index("level").loc[0.5]
    assert (half["low"], half["high"]) == (0.40, 0.60)  # binomial tables, n = 100
    inside = binom.cdf(60, 100, 0.5) - binom.cdf(39, 100, 0.5)
    assert 0.95 <= inside <= 0.97


def test_a_wider_band_for_more_certainty():
    evaluation = subjects.evaluation(n=100, horizon=1)
    usual, sure = (coverage_by_level(evaluation, level=one) for one in (0.95, 0.999))
    assert (sure["low"] < usual["low"]).all()
    assert (sure["high"] >= usual["high"]).all()


def test_tickers_of_one_day_count_as_one_origin():
    alone = coverage_by_level(subjects.backtest(("AAA",)))
    both = coverage_by_level(subjects.backtest(("AAA", "AAA2")))
    assert (both["n_origins"] == alone["n_origins"]).all()
    assert (both["low"] == alone["low"]).all()


def test_only_the_model_is_counted_and_missing_quantiles_are_left_out():
    backtest = subjects.backtest(("AAA",))
    rows = backtest.frame[backtest.frame["model"] == "model"]
    inside = rows["actual"].between(rows["q0.05"], rows["q0.95"])
    table = coverage_by_level(backtest).set_index("level")
    assert table.loc[0.9, "observed"] == inside.mean()
    frame = backtest.frame.copy()
    first = frame["origin"] == frame["origin"].min()
    names = [name for name in frame if str(name).startswith("q0.")]
    frame.loc[first & (frame["model"] == "model"), names] = np.nan
    table = coverage_by_level(score_backtest(frame)).set_index("level")
    assert table.loc[0.9, "n_origins"] == len(rows) - 1
    assert table.loc[0.9, "observed"] == inside.iloc[1:].mean()


def test_the_histogram_is_that_of_the_metrics():
    evaluation = subjects.evaluation(n=80, horizon=1)
    rows = evaluation.predictions
    names = [name for name in rows if str(name).startswith("q0.")]
    levels = [float(name.removeprefix("q")) for name in names]
    values = pit(rows["actual"].to_numpy(), rows[names].to_numpy(), levels)
    known = pit_histogram(values, levels)
    table = pit_by_bin(evaluation)
    widths = table["right"] - table["left"]
    np.testing.assert_allclose(table["density"] * widths, known.counts / 80)
    np.testing.assert_allclose((table["density"] * widths).sum(), 1)
    assert table["left"].iloc[0] == 0
    assert table["right"].iloc[-1] == 1
    assert table.attrs["p_value"] == known.p_value
    assert ((table["low"] <= 1) & (table["high"] >= 1)).all()


def test_of_several_tickers_nothing_is_tested():
    assert np.isnan(pit_by_bin(subjects.backtest()).attrs["p_value"])
    assert pit_by_bin(subjects.backtest(("AAA",))).attrs["p_value"] > 0


def test_a_calibrated_forecast_lies_in_the_bands():
    random = np.random.default_rng(1)
    n = 2000
    levels = np.array(subjects.LEVELS)
    frame = pd.DataFrame(
        {
            "ticker": "T",
            "fold": 1,
            "origin": pd.bdate_range("2000-01-03", periods=n),
            "session": pd.bdate_range("2000-01-04", periods=n),
            "step": 1,
            "actual": 100 + random.normal(0, 1, n),
            "predicted": 100.1,
            "last_value": 100.0,
        }
    )
    for level in levels:
        frame[f"q{level:g}"] = 100 + norm.ppf(level)
    naive = frame.assign(predicted=100.0)
    both = pd.concat([frame.assign(model="model"), naive.assign(model="last_value")])
    backtest = score_backtest(both.reset_index(drop=True))
    table = coverage_by_level(backtest)
    assert table["observed"].between(table["low"], table["high"]).all()
    bins = pit_by_bin(backtest)
    assert bins["density"].between(bins["low"], bins["high"]).all()


@pytest.mark.parametrize("function", [coverage_by_level, pit_by_bin])
def test_what_has_no_quantiles_or_no_level_is_refused(function):
    for plain in (
        subjects.evaluation(quantiles=False),
        subjects.backtest(quantiles=False),
    ):
        with pytest.raises(ConfigError, match="have no quantiles"):
            function(plain)
    with pytest.raises(ConfigError, match="level must lie between 0 and 1, not 95"):
        function(subjects.evaluation(), level=95)


def test_quantiles_without_pairs_have_no_intervals():
    evaluation = subjects.evaluation()
    rows = evaluation.predictions.drop(columns=["q0.05", "q0.25"])
    evaluation = replace(evaluation, predictions=rows)
    with pytest.raises(ConfigError, match="central interval"):
        coverage_by_level(evaluation)


def test_coverage_by_year_is_that_of_the_backtest():
    backtest = subjects.backtest()
    table = coverage_by_year(backtest)
    scores = backtest.by("year").xs("model", level="model")
    assert list(table) == sorted(table, reverse=True)
    assert list(table.index) == [2023, 2024]
    np.testing.assert_allclose(table[0.9], scores["coverage_0.9"], rtol=1e-12)


def test_coverage_by_year_looks_at_the_nearest_step_as_coverage_by_level_does():
    known = subjects.backtest()
    names = [name for name in known.frame if str(name).startswith("q0.")]
    second = known.frame.assign(step=2)
    second[names] += 1000  # no interval of the second step holds a price
    backtest = replace(known, frame=pd.concat([known.frame, second]))
    pd.testing.assert_frame_equal(coverage_by_year(backtest), coverage_by_year(known))
    rows = known.frame.query("model == 'model'")
    counts = rows.groupby(rows["session"].dt.year).size()
    mean = coverage_by_year(backtest).mul(counts, axis=0).sum() / counts.sum()
    by_level = coverage_by_level(backtest).set_index("level")["observed"]
    assert {*mean.index} == {*by_level.index}
    for level, held in by_level.items():
        assert mean[level] == pytest.approx(held)
    assert (by_level > 0).all()


def test_coverage_by_year_wants_intervals():
    with pytest.raises(ConfigError, match="have no quantiles"):
        coverage_by_year(subjects.backtest(quantiles=False))
    known = subjects.backtest()
    half = replace(known, frame=known.frame.drop(columns=["q0.05", "q0.25"]))
    with pytest.raises(ConfigError, match="central interval"):
        coverage_by_year(half)
