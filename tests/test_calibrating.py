"""Calibrating: only earlier forecasts correct, and only the model is corrected."""

import numpy as np
import pandas as pd
import pytest

from forecaster.calibrating import calibrate_frame
from forecaster.calibration import calibrate_online
from forecaster.errors import DataError

LEVELS = (0.1, 0.5, 0.9)
NAMES = ["q0.1", "q0.5", "q0.9"]
N_ORIGINS, N_FOLD, HORIZON = 120, 40, 2


def frame_of(ticker="A", seed=0, model="model"):
    """Forecasts whose intervals are far too narrow, three folds long."""
    random = np.random.default_rng(seed)
    sessions = pd.bdate_range("2020-01-01", periods=N_ORIGINS + HORIZON)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(sessions))))
    places, step = np.arange(N_ORIGINS).repeat(HORIZON), np.arange(HORIZON) + 1
    steps = np.tile(step, N_ORIGINS)
    frame = pd.DataFrame(
        {
            "ticker": ticker,
            "fold": 1 + places // N_FOLD,
            "origin": sessions[places],
            "session": sessions[places + steps],
            "step": steps,
            "model": model,
            "actual": close[places + steps],
            "predicted": close[places],
            "last_value": close[places],
        }
    )
    for name, factor in zip(NAMES, (0.998, 1.0, 1.002), strict=True):
        frame[name] = frame["predicted"] * factor
    return frame


FRAME = pd.concat([frame_of(), frame_of("B", 1), frame_of(model="garch")])


def of(frame, model, ticker="A"):
    chosen = frame[(frame["model"] == model) & (frame["ticker"] == ticker)]
    return chosen.reset_index(drop=True)


@pytest.mark.parametrize("method", ["split", "cqr", "adaptive"])
def test_later_prices_change_nothing_earlier(method):
    early = calibrate_frame(FRAME, method)
    rose = FRAME.copy()
    change = FRAME["session"].unique()[70]
    rose.loc[rose["session"] >= change, "actual"] *= 1.5
    late = calibrate_frame(rose, method)
    for ticker in "AB":
        before, after = of(early, "model", ticker), of(late, "model", ticker)
        known = before["origin"] < change
        pd.testing.assert_frame_equal(
            before.loc[known, NAMES], after.loc[known, NAMES], check_exact=True
        )
        assert not np.array_equal(
            before.loc[~known, NAMES].to_numpy(), after.loc[~known, NAMES].to_numpy()
        )


@pytest.mark.parametrize("method", ["split", "cqr"])
def test_the_first_fold_stays_and_the_others_are_widened(method):
    found = of(calibrate_frame(FRAME, method), "model")
    raw = of(FRAME, "model")
    first = raw["fold"] == 1
    pd.testing.assert_frame_equal(found.loc[first, NAMES], raw.loc[first, NAMES])
    later = found[~first]
    inside = later["actual"].between(later["q0.1"], later["q0.9"]).mean()
    assert raw["actual"].between(raw["q0.1"], raw["q0.9"]).mean() < 0.3
    assert 0.6 < inside < 0.97


def test_a_forecast_not_known_before_a_fold_does_not_correct_it():
    changed = FRAME.copy()
    # The last origin of the first fold: its second price comes after the fold begins.
    last = changed["origin"] == changed.loc[changed["fold"] == 1, "origin"].max()
    changed.loc[last, "actual"] *= 3
    one, other = (calibrate_frame(frame, "cqr") for frame in (FRAME, changed))
    second = of(one, "model")["fold"] == 2
    pd.testing.assert_frame_equal(
        of(one, "model").loc[second, NAMES], of(other, "model").loc[second, NAMES]
    )


def test_too_little_before_a_fold_leaves_it_as_it_is():
    short = FRAME[FRAME["origin"] >= FRAME["origin"].unique()[N_FOLD - 4]]
    found, raw = of(calibrate_frame(short, "cqr"), "model"), of(short, "model")
    second = raw["fold"] == 2
    pd.testing.assert_frame_equal(found.loc[second, NAMES], raw.loc[second, NAMES])
    assert not found.loc[raw["fold"] == 3, "q0.9"].equals(
        raw.loc[raw["fold"] == 3, "q0.9"]
    )


def test_adaptive_is_the_online_calibration_of_each_ticker_alone():
    found = calibrate_frame(FRAME.sample(frac=1, random_state=1), "adaptive")
    for ticker in "AB":
        raw = of(FRAME, "model", ticker)
        expected = calibrate_online(
            raw["actual"].to_numpy().reshape(-1, HORIZON),
            raw[NAMES].to_numpy().reshape(-1, HORIZON, len(LEVELS)),
            LEVELS,
        )
        got = of(found, "model", ticker)[NAMES].to_numpy()
        np.testing.assert_array_equal(got, expected.quantiles.reshape(-1, len(LEVELS)))


@pytest.mark.parametrize("method", ["split", "cqr", "adaptive"])
def test_all_else_is_kept(method):
    found = calibrate_frame(FRAME, method)
    for ticker in "AB":
        raw = of(FRAME, "model", ticker)
        pd.testing.assert_frame_equal(
            of(found, "uncalibrated", ticker).drop(columns="model"),
            raw.drop(columns="model"),
        )
        pd.testing.assert_frame_equal(
            of(found, "model", ticker).drop(columns=NAMES), raw.drop(columns=NAMES)
        )
    pd.testing.assert_frame_equal(of(found, "garch"), of(FRAME, "garch"))
    assert len(found) == len(FRAME) + 2 * N_ORIGINS * HORIZON


def test_none_does_nothing_and_points_are_refused():
    assert calibrate_frame(FRAME, "none") is FRAME
    with pytest.raises(DataError, match=r"set model\.head to quantiles"):
        calibrate_frame(FRAME.drop(columns=NAMES), "cqr")
    without = FRAME.assign(**{"q0.5": np.nan})
    with pytest.raises(DataError, match="calibration needs quantiles"):
        calibrate_frame(without, "adaptive")
