"""Walk-forward: who is forecast when, from which past, and from which weights."""

import warnings

import numpy as np
import pandas as pd
import pytest

from forecaster.backtest import join_frames, tasks_for, walk
from forecaster.backtesting import walk_forward
from forecaster.bundle import load_bundle
from forecaster.errors import ConfigError, NotEnoughHistory, RunWarning
from forecaster.training import train

COLUMNS = [
    *("ticker", "fold", "origin", "session", "step", "model"),
    *("actual", "predicted", "last_value"),
]
TWO = {
    "data__tickers": ("A", "B"),
    "data__ticker": "A",
    "features__columns": ("log_return",),
    "features__scaling": "standard",
    "target__form": "log_return",
}


@pytest.fixture(scope="module")
def config(tiny_config):
    """Folds of 8 sessions from 30 March to 22 April 2020: 8, 8 and 1."""

    def make(*, stride=8, **changes):
        backtest = {"stride": stride, **changes.pop("backtest", {})}
        settings = {"training__epochs": 1, "evaluation__end": "2020-04-22"}
        return tiny_config(**{**settings, **changes}, backtest=backtest)

    return make


@pytest.fixture(scope="module")
def walked(make_prices, config):
    """The frame of a walk with three folds, one step."""
    return walk_forward(make_prices(90), config(), progress=False)


def rows_of(frame, model="model", **chosen):
    for column, value in {"model": model, **chosen}.items():
        frame = frame[frame[column] == value]
    return frame.reset_index(drop=True)


def test_every_session_is_forecast_once_from_the_one_before(walked, make_prices):
    close = make_prices(90)["close"]
    tested = close.loc["2020-03-28":"2020-04-22"].index
    assert list(walked.columns) == COLUMNS
    for model in ("model", "last_value", "drift"):
        rows = rows_of(walked, model)
        assert list(rows["session"]) == list(tested)
        assert list(rows["fold"]) == [1] * 8 + [2] * 8 + [3]
        before = close.index.get_indexer(tested) - 1
        assert list(rows["origin"]) == list(close.index[before])
        assert rows["actual"].to_numpy() == pytest.approx(close[tested].to_numpy())
        assert rows["last_value"].to_numpy() == pytest.approx(
            close.iloc[before].to_numpy()
        )
    naive = rows_of(walked, "last_value")
    assert naive["predicted"].equals(naive["last_value"])
    assert np.isfinite(rows_of(walked)["predicted"]).all()


def test_forecasts_of_several_steps_cross_the_folds(make_prices, config):
    prices = make_prices(90)
    with pytest.warns(RunWarning, match="TEST is left out of fold 3: .* to test on"):
        frame = walk_forward(prices, config(window__horizon=3), progress=False)
    tested = prices.loc["2020-03-28":"2020-04-22"].index
    for model in ("model", "last_value", "drift"):
        rows = rows_of(frame, model)
        assert list(rows["session"]) == [
            session for n in range(15) for session in tested[n : n + 3]
        ]
        assert list(rows["step"]) == [1, 2, 3] * 15
        firsts = rows_of(rows, model, step=1)
        assert list(firsts["fold"]) == [1] * 8 + [2] * 7
        assert set(rows.groupby("origin")["fold"].nunique()) == {1}


@pytest.mark.parametrize("refit", [1, 0])
def test_later_prices_change_no_earlier_row(make_prices, config, refit):
    names = ("last_value", "drift", "historical_mean", "moving_average", "ets")
    names = (*names, "scaled_volatility", "garch", "ridge")
    settings = config(
        evaluation__baselines=names, backtest={"refit": refit}, window__horizon=2
    )
    prices = make_prices(90)
    changed = prices.copy()
    # The second step of the last forecasts reaches a session into the next fold.
    last = prices.loc["2020-03-28":].index[8]
    columns = ["open", "high", "low", "close"]
    changed.loc[changed.index > last, columns] *= 1.7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = (
            walk_forward(frame, settings, progress=False) for frame in (prices, changed)
        )
    assert set(one["model"]) == {"model", *names}
    pd.testing.assert_frame_equal(
        one[one["fold"] == 1].reset_index(drop=True),
        other[other["fold"] == 1].reset_index(drop=True),
        check_exact=True,
    )
    for name in ("model", *names):
        later = [rows_of(frame, name, fold=2)["predicted"] for frame in (one, other)]
        assert not later[0].equals(later[1])


def test_a_fold_alone_is_the_fold_within_the_walk(walked, make_prices, config):
    second = tasks_for(make_prices(90), config())[1]
    assert max(second.frames["TEST"].index) == pd.Timestamp(second.folds[0].end)
    alone = join_frames([walk(second)])
    pd.testing.assert_frame_equal(
        alone,
        walked[walked["fold"] == 2].reset_index(drop=True),
        check_exact=True,
    )


def test_without_refits_it_is_a_training_and_its_evaluation(make_prices, config):
    prices, settings = make_prices(90), config(backtest={"refit": 0})
    frame = walk_forward(prices, settings, progress=False)
    evaluation = train(prices, settings, progress=False).evaluate(prices)
    table = evaluation.predictions
    assert frame["fold"].nunique() == 3
    for name, column in {
        "model": "predicted",
        "last_value": "last_value",
        "drift": "drift",
    }.items():
        rows = rows_of(frame, name)
        for known in ("origin", "session", "step", "actual"):
            assert rows[known].tolist() == table[known].tolist()
        np.testing.assert_array_equal(rows["predicted"], table[column])


def test_a_warm_start_goes_on_from_the_fold_before(
    walked, make_prices, config, tmp_path
):
    settings = config(backtest={"warm_start": True})
    prices = make_prices(90)
    with pytest.raises(ConfigError, match="give a folder, and one worker"):
        walk_forward(prices, settings, progress=False)
    with pytest.raises(ConfigError, match="give a folder, and one worker"):
        walk_forward(prices, settings, folder=tmp_path / "w", n_workers=2)
    frame = walk_forward(prices, settings, folder=tmp_path / "w", progress=False)
    for fold, same in ((1, True), (2, False), (3, False)):
        own, fresh = (rows_of(f, fold=fold)["predicted"] for f in (frame, walked))
        assert own.equals(fresh) is same
    first, second = (load_bundle(tmp_path / f"w/fold-{n}/bundle") for n in (1, 2))
    task = tasks_for(prices, settings)[1]
    again = train(task.frames["TEST"], second.config, start_from=first, progress=False)
    for one, other in zip(
        again.network.get_weights(), second.network.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_another_network_is_no_warm_start(trained, tiny_config):
    forecaster, prices = trained
    other = tiny_config(model__layers=[{"units": 4}])
    with pytest.raises(ConfigError, match="the weights of the same network"):
        train(prices, other, start_from=forecaster, progress=False)


def test_tickers_are_left_out_where_they_have_no_prices(make_prices, config):
    early, late = make_prices(90, ticker="A"), make_prices(90, seed=1, ticker="B")
    early = early.loc[:"2020-04-08"]  # the eighth session of the test
    late = late.loc["2020-03-30":]
    frames = {"A": early, "B": late}
    with pytest.warns(RunWarning) as told:
        frame = walk_forward(frames, config(**TWO), progress=False)
    assert [str(warning.message) for warning in told] == [
        "B is left out of fold 1: too few sessions to train on.",
        "A is left out of fold 2, 3: too few sessions to test on.",
    ]
    found = rows_of(frame).groupby("ticker")["fold"].unique()
    assert {name: list(folds) for name, folds in found.items()} == {
        "A": [1],
        "B": [2, 3],
    }
    assert len(rows_of(frame, ticker="A")) == 8
    assert len(rows_of(frame, ticker="B")) == 9
    assert set(frame["model"]) == {"model", "last_value", "drift"}


def test_a_session_that_a_ticker_skips_costs_it_no_forecast(make_prices, config):
    frames = {name: make_prices(90, seed=n, ticker=name) for n, name in enumerate("AB")}
    frames["B"] = frames["B"].drop(pd.Timestamp("2020-04-13"))  # first after a fold
    settings = config(**TWO, window__horizon=2, evaluation__end="2020-04-30")
    tasks = tasks_for(frames, settings)
    first = {name: frame.index[-1] for name, frame in tasks[0].frames.items()}
    assert tasks[0].folds[0].end.isoformat() == "2020-04-08"
    assert {name: day.day for name, day in first.items()} == {"A": 9, "B": 9}
    assert tasks[1].folds[0].end.isoformat() == "2020-04-21"
    shut = {**frames, "B": frames["B"].drop(pd.Timestamp("2020-04-09"))}
    task = tasks_for(shut, settings)[0]
    assert task.frames["B"].index[-1] == pd.Timestamp("2020-04-14")


def test_too_little_for_any_fold_is_refused(make_prices, config):
    prices = make_prices(90)
    with pytest.raises(NotEnoughHistory, match=r"TEST: need at least 5 .* to train on"):
        walk_forward(
            prices.loc["2020-04-20":],
            config(
                stride="year",
                training__end="2020-04-21",
                evaluation__start="2020-04-22",
            ),
        )
    with pytest.raises(NotEnoughHistory, match="in the test range"):
        walk_forward(prices.loc[:"2020-03-20"], config())
