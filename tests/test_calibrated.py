"""Calibrated forecasts: learnt out of fold, never from later prices, and kept."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from forecaster.bundle import OUT_OF_FOLD, load_bundle, save_bundle
from forecaster.calibration import calibrate_online, pits
from forecaster.checksums import canonical_json
from forecaster.correcting import METHODS, Made, check_rows, correct, rows_of
from forecaster.errors import BundleError, ConfigError, DataError, NotEnoughHistory
from forecaster.fans import read_levels
from forecaster.models.heads import Answer
from forecaster.outoffold import (
    forecast_out_of_fold,
    out_of_fold_config,
    train_calibrated,
)
from forecaster.paths import draw_paths, fan, path_interval
from forecaster.plotting import plot_forecast
from forecaster.training import train

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
CHANGES = {
    "model__head": "quantiles",
    "model__quantiles": LEVELS,
    "target__form": "log_return",
    "training__epochs": 1,
    "training__end": "2020-08-31",
    "evaluation__start": "2020-09-01",
    "window__horizon": 2,
    "calibration__method": "adaptive",
    "calibration__n_folds": 2,
    "calibration__fraction": 0.4,
}


@pytest.fixture(scope="module")
def prices(make_prices):
    return make_prices(230)


@pytest.fixture(scope="module")
def calibrated(prices, tiny_config):
    return train_calibrated(prices, tiny_config(**CHANGES), progress=False)


def with_method(forecaster, method):
    calibration = forecaster.config.calibration.model_copy(update={"method": method})
    config = forecaster.config.model_copy(update={"calibration": calibration})
    return dataclasses.replace(forecaster, config=config)


def quantiles_of(evaluation):
    names = [f"q{level:g}" for level in LEVELS]
    return evaluation.predictions[["origin", *names]]


def doubled_after(prices, date):
    """Return prices of which those later than a date are twice as high, and wilder."""
    later = prices.index > date
    changed = prices.copy()
    wild = np.where(np.arange(later.sum()) % 2, 1.5, 2.5)[:, None]
    changed.loc[later] = changed.loc[later].to_numpy() * wild
    changed.attrs = prices.attrs
    return changed


def test_out_of_fold_rows_lie_at_the_end_of_training(prices, calibrated):
    rows = calibrated.out_of_fold
    training = prices.loc["2020-01-01":"2020-08-31"]
    n_tested = int(np.ceil(0.4 * len(training)))
    # The last origin whose two sessions both lie in the range is two before its end.
    assert len(rows) == 2 * (n_tested - 1)
    assert rows["origin"].iloc[0] == training.index[-n_tested - 1]
    assert rows["session"].max() == training.index[-1]
    np.testing.assert_array_equal(rows["actual"], prices["close"].loc[rows["session"]])
    assert list(rows["step"][:4]) == [1, 2, 1, 2]


def test_out_of_fold_forecasts_never_see_the_test_range(prices, tiny_config):
    config = tiny_config(**CHANGES)
    before = forecast_out_of_fold(prices, config, progress=False)
    changed = doubled_after(prices, "2020-08-31")
    pd.testing.assert_frame_equal(
        before, forecast_out_of_fold(changed, config, progress=False), check_exact=True
    )


def test_a_fold_is_forecast_by_a_network_trained_before_it(prices, calibrated):
    config = out_of_fold_config(prices, calibrated.config)
    rows = calibrated.out_of_fold
    last_origin = rows["origin"].min()
    assert pd.Timestamp(config.training.end) == last_origin
    network = train(prices, config, progress=False)
    first = rows["origin"] == last_origin
    evaluation = network.evaluate(prices, config.evaluation.start)
    expected = quantiles_of(evaluation).iloc[:2, 1:]
    found = rows[first][expected.columns]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("method", ["split", "cqr", "adaptive"])
def test_later_prices_change_no_earlier_quantile(prices, calibrated, method):
    forecaster, day = with_method(calibrated, method), "2020-10-15"
    before = quantiles_of(forecaster.evaluate(prices))
    after = quantiles_of(forecaster.evaluate(doubled_after(prices, day)))
    known = (before["origin"] <= day).to_numpy()
    assert 40 < known.sum() < len(before)
    pd.testing.assert_frame_equal(before[known], after[known], check_exact=True)
    assert not before[~known].equals(after[~known])


def test_earlier_prices_change_later_adaptive_corrections(prices, calibrated):
    """Prices that came move the factors of later origins, and of those alone."""
    raw = dataclasses.replace(calibrated, out_of_fold=None).evaluate(prices)
    found = quantiles_of(calibrated.evaluate(prices))
    past = Made.read(calibrated.out_of_fold, LEVELS)
    rows = raw.predictions
    actual = np.concatenate([past.actual, rows["actual"].to_numpy().reshape(-1, 2)])
    own = quantiles_of(raw).iloc[:, 1:].to_numpy().reshape(-1, 2, 5)
    # The first session that is tested follows the last of training: the origins of the
    # two kinds are 2 sessions apart, those between have a step in either range.
    places = np.concatenate([np.arange(len(past)), len(past) + 1 + np.arange(len(own))])
    expected = calibrate_online(
        actual, np.concatenate([past.quantiles, own]), LEVELS, positions=places
    ).quantiles[len(past) :]
    np.testing.assert_allclose(
        found.iloc[:, 1:].to_numpy().reshape(-1, 2, 5), expected, rtol=1e-12
    )


@pytest.mark.parametrize("method", ["split", "cqr", "adaptive"])
@pytest.mark.parametrize("start", [None, "2020-10-01"])
def test_a_prediction_is_corrected_as_the_evaluation_is(
    prices, calibrated, method, start
):
    forecaster = with_method(calibrated, method)
    rows = quantiles_of(forecaster.evaluate(prices, start, "2020-11-20"))
    for origin in rows["origin"].unique()[[0, 7, 30]]:
        forecast = forecaster.predict(prices, as_of=str(origin.date()))
        expected = rows[rows["origin"] == origin].iloc[:, 1:]
        np.testing.assert_allclose(forecast.quantiles, expected, rtol=1e-5)
        assert forecast.calibration == method


def test_a_prediction_does_not_change_with_later_prices(prices, calibrated):
    asked = {"as_of": "2020-10-15", "levels": (0.5, 0.8)}
    before = calibrated.predict(prices, **asked)
    after = calibrated.predict(doubled_after(prices, "2020-10-15"), **asked)
    pd.testing.assert_frame_equal(before.frame, after.frame, check_exact=True)
    np.testing.assert_array_equal(before.paths, after.paths)


def test_prices_of_training_sessions_teach_nothing(prices, calibrated):
    """In training the network's own errors are too small: they are left out."""
    with pytest.warns(Warning, match="flatter"):
        inside = calibrated.evaluate(prices, "2020-06-01", "2020-08-31")
    raw = quantiles_of(
        dataclasses.replace(calibrated, out_of_fold=None).evaluate(
            prices, "2020-09-01", "2020-09-02"
        )
    )
    made = Made(
        inside.predictions["origin"].to_numpy()[::2],
        inside.predictions["session"].to_numpy().reshape(-1, 2),
        inside.predictions["actual"].to_numpy().reshape(-1, 2),
        raw.iloc[:2, 1:].to_numpy()[None].repeat(len(inside.predictions) // 2, axis=0),
    )
    wild = dataclasses.replace(made, actual=made.actual * 3)
    config, rows = calibrated.config, calibrated.out_of_fold
    np.testing.assert_array_equal(
        correct(made, None, rows, config, None), correct(wild, None, rows, config, None)
    )


@pytest.fixture
def narrow(calibrated, monkeypatch):
    """The same network, that says it is five times as certain as it is."""
    original = type(calibrated).answer

    def answer(self, windows):
        said = original(self, windows)
        middle = said.centre[..., None]
        return Answer(said.centre, middle + (said.quantiles - middle) / 5)

    monkeypatch.setattr(type(calibrated), "answer", answer)
    rows = calibrated.out_of_fold.copy()
    names = [f"q{level:g}" for level in LEVELS]
    median = np.log(rows[["q0.5"]].to_numpy())
    rows[names] = np.exp(median + (np.log(rows[names].to_numpy()) - median) / 5)
    return dataclasses.replace(calibrated, out_of_fold=rows)


@pytest.mark.parametrize("method", ["split", "cqr"])
def test_too_narrow_quantiles_are_widened_back(prices, calibrated, narrow, method):
    found = quantiles_of(with_method(narrow, method).evaluate(prices))
    names = [f"q{level:g}" for level in LEVELS]
    raw = dataclasses.replace(narrow, out_of_fold=None).evaluate(prices)
    width = found["q0.9"] - found["q0.1"]
    raw_width = raw.predictions["q0.9"] - raw.predictions["q0.1"]
    assert (width > raw_width).all()
    nominal = 0.8
    missed = abs(with_method(narrow, method).evaluate(prices).coverages[0.8] - nominal)
    assert missed < abs(raw.coverages[0.8] - nominal)
    assert np.all(np.diff(found[names], axis=1) > 0)


def test_a_constant_factor_is_undone(calibrated, narrow):
    """Scores in units of the forecast width do not see how wide it was throughout."""
    config = with_method(calibrated, "cqr").config
    honest, tight = (
        correct(Made.read(rows, LEVELS), None, rows, config, None)
        for rows in (calibrated.out_of_fold, narrow.out_of_fold)
    )
    np.testing.assert_allclose(tight, honest, rtol=1e-9)


def test_a_ticker_learns_from_its_own_rows_and_another_from_all(calibrated):
    rows = calibrated.out_of_fold
    both = pd.concat([rows, rows.assign(ticker="OTHER")], ignore_index=True)
    assert set(rows_of(both, "OTHER")["ticker"]) == {"OTHER"}
    assert len(rows_of(both, "THIRD")) == len(rows_of(both, None)) == 2 * len(rows)


def test_a_bundle_keeps_the_calibration_bit_for_bit(prices, calibrated, tmp_path):
    loaded = load_bundle(save_bundle(calibrated, tmp_path / "bundle"))
    numbers = calibrated.out_of_fold.select_dtypes("number")
    assert loaded.out_of_fold[numbers.columns].equals(numbers)
    asked = {"as_of": "2020-10-15", "levels": (0.5, 0.8)}
    before, after = (one.predict(prices, **asked) for one in (calibrated, loaded))
    pd.testing.assert_frame_equal(before.frame, after.frame, check_exact=True)
    np.testing.assert_array_equal(before.paths, after.paths)
    again = save_bundle(loaded, tmp_path / "again")
    first, second = ((tmp_path / n / OUT_OF_FOLD) for n in ("bundle", again.name))
    assert first.read_bytes() == second.read_bytes()


def test_a_damaged_or_missing_calibration_is_refused(calibrated, tmp_path):
    file = save_bundle(calibrated, tmp_path / "bundle") / OUT_OF_FOLD
    file.write_bytes(file.read_bytes().replace(b"TEST,2020", b"TEST,2021", 1))
    with pytest.raises(BundleError, match=r"out-of-fold\.csv: damaged"):
        load_bundle(file.parent)
    file.unlink()
    with pytest.raises(BundleError, match=r"out-of-fold\.csv: missing"):
        load_bundle(file.parent)


def test_a_calibration_of_other_quantiles_is_refused(calibrated):
    rows = calibrated.out_of_fold
    with pytest.raises(BundleError, match="columns"):
        check_rows(rows.drop(columns="q0.1"), LEVELS)
    with pytest.raises(BundleError, match="lack steps"):
        check_rows(rows.iloc[:-1], LEVELS)
    with pytest.raises(BundleError, match="order"):
        check_rows(rows.iloc[::-1], LEVELS)


def test_no_calibration_leaves_no_file(prices, tiny_config, tmp_path):
    config = tiny_config(training__epochs=1)
    forecaster = train_calibrated(prices, config, progress=False)
    assert forecaster.out_of_fold is None
    folder = save_bundle(forecaster, tmp_path / "bundle")
    assert not (folder / OUT_OF_FOLD).exists()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert OUT_OF_FOLD not in manifest["files"]
    manifest.pop("checksum")
    assert canonical_json(manifest) == (folder / "manifest.json").read_bytes()


def test_one_session_has_exactly_its_calibrated_quantiles(prices, calibrated):
    forecast = calibrated.predict(prices, horizon=1, levels=(0.8, 0.5))
    assert list(forecast.intervals) == [0.5, 0.8]
    interval, quantiles = forecast.intervals[0.8], forecast.quantiles
    np.testing.assert_allclose([interval.low, interval.high], quantiles[:, [0, 4]].T)
    assert forecast.paths is None
    assert forecast.path_band(0.8).low == interval.low


def test_several_sessions_are_those_of_joint_paths(prices, calibrated):
    forecast = calibrated.predict(prices, levels=(0.5, 0.8))
    past = Made.read(calibrated.out_of_fold, LEVELS)
    expected = draw_paths(
        forecast.quantiles,
        LEVELS,
        pits(past.actual, past.quantiles, LEVELS),
        seed=calibrated.config.training.seed,
    )
    np.testing.assert_array_equal(forecast.paths, expected)
    ends = fan(expected, (0.1, 0.25, 0.75, 0.9))
    for level, places in ((0.8, (0, 3)), (0.5, (1, 2))):
        interval = forecast.intervals[level]
        found = np.stack([interval.low, interval.high], axis=1)
        np.testing.assert_allclose(found, ends[:, places], rtol=1e-12)
    band, wanted = forecast.path_band(0.8), path_interval(expected, 0.8)
    np.testing.assert_array_equal(band.high, wanted.high)
    assert np.all(band.low <= forecast.intervals[0.8].low + 1e-9)


def test_few_forecasts_give_the_dependence_of_a_random_walk(prices, calibrated):
    few = dataclasses.replace(calibrated, out_of_fold=calibrated.out_of_fold.head(38))
    forecast = few.predict(prices)
    expected = draw_paths(forecast.quantiles, LEVELS, None, seed=0)
    np.testing.assert_array_equal(forecast.paths, expected)
    enough = dataclasses.replace(
        calibrated, out_of_fold=calibrated.out_of_fold.head(40)
    )
    again = enough.predict(prices)
    assert not np.array_equal(
        again.paths, draw_paths(again.quantiles, LEVELS, None, seed=0)
    )


def test_the_fan_holds_the_narrower_one(prices, calibrated):
    intervals = calibrated.predict(prices, levels=(0.2, 0.5, 0.8)).intervals
    narrow, middle, wide = intervals.values()
    for inner, outer in ((narrow, middle), (middle, wide)):
        assert np.all(outer.low < inner.low)
        assert np.all(inner.low < inner.high)
        assert np.all(inner.high < outer.high)


def test_a_forecast_is_a_document(prices, calibrated):
    document = calibrated.predict(prices, levels=(0.8,)).to_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["calibration"] == "adaptive"
    assert document["levels"] == [0.8]
    assert len(document["bands"][0]["low"]) == 2
    assert document["bands"][0]["share"] >= 0.8
    row = document["forecast"][1]
    assert row["low_0.8"] < row["q0.5"] < row["high_0.8"]


def test_the_fan_is_drawn_from_the_origin(prices, calibrated):
    from matplotlib.figure import Figure

    forecast = calibrated.predict(prices, levels=(0.5, 0.8))
    axis = Figure().add_subplot()
    plot_forecast(forecast, prices, axis)
    assert [shade.get_label() for shade in axis.collections] == [
        "80% interval",
        "50% interval",
    ]
    assert "8 of 1000 paths" in [line.get_label() for line in axis.lines]
    corners = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert corners.max() == pytest.approx(forecast.intervals[0.8].high.max())
    assert corners.min() == pytest.approx(forecast.intervals[0.8].low.min())
    plain = Figure().add_subplot()
    plot_forecast(calibrated.predict(prices), prices, plain)
    assert [shade.get_label() for shade in plain.collections] == [
        "80% interval",
        "50% interval",
    ]


def test_missing_quantiles_are_named(prices, calibrated):
    with pytest.raises(ConfigError, match=r"add 0.025 and 0.975 to `model.quantiles`"):
        calibrated.predict(prices, levels=(0.95,))


def test_a_point_forecast_has_no_intervals(trained):
    forecaster, prices = trained
    with pytest.raises(ConfigError, match=r"no intervals.*model.head to quantiles"):
        forecaster.predict(prices, levels=(0.8,))
    with pytest.raises(ConfigError, match="no paths"):
        forecaster.predict(prices).path_band(0.8)


def test_a_point_forecast_cannot_be_calibrated(tiny_config):
    with pytest.raises(ConfigError, match=r"calibration.method = 'cqr'.*point head"):
        tiny_config(calibration__method="cqr")


def test_too_few_sessions_are_refused_before_any_training(prices, tiny_config):
    changes = {**CHANGES, "calibration__method": "split"}
    config = tiny_config(**changes | {"calibration__fraction": 0.01})
    with pytest.raises(NotEnoughHistory, match="10 sessions to calibrate on, found 2"):
        train_calibrated(prices, config, progress=False)


def test_more_steps_than_were_calibrated_are_refused(prices, calibrated):
    made = Made.read(calibrated.out_of_fold, LEVELS)
    longer = Made(
        made.origins,
        np.repeat(made.sessions, 2, axis=1),
        np.repeat(made.actual, 2, axis=1),
        np.repeat(made.quantiles, 2, axis=1),
    )
    with pytest.raises(ConfigError, match=r"knows 2 steps, and 4.*window.horizon=4"):
        correct(longer, None, calibrated.out_of_fold, calibrated.config, None)


def test_prices_that_are_not_positive_are_refused(calibrated):
    made = Made.read(calibrated.out_of_fold, LEVELS)
    below = dataclasses.replace(made, quantiles=made.quantiles - 1e6)
    config = with_method(calibrated, "cqr").config
    with pytest.raises(DataError, match="log price"):
        correct(below, None, calibrated.out_of_fold, config, None)


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        ([], ()),
        (["0.9"], (0.9,)),
        (["0.95", "0.8", "0.80"], (0.8, 0.95)),
        (["0.8,0.9, 0.95"], (0.8, 0.9, 0.95)),
    ],
)
def test_levels_are_read(words, levels):
    assert read_levels(words) == levels


@pytest.mark.parametrize("word", ["much", "0.8,", "0", "1", "80", "-0.5", "nan"])
def test_what_is_no_level_is_refused(word):
    with pytest.raises(ConfigError, match="interval's level"):
        read_levels([word])


def test_every_method_of_the_settings_is_known():
    assert set(METHODS) == {"split", "cqr"}
