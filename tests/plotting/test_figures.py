"""Figures show the data that they are given, as given, and refuse what is no data."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from forecaster import plotting
from forecaster.errors import ConfigError, DataError
from forecaster.plotting.style import BLUE
from forecaster.verdict import Verdict
from tests.plotting import subjects
from tests.plotting.figures import FIGURES


@pytest.fixture
def ax():
    return Figure().add_subplot()


def lines(ax):
    return {line.get_label(): np.asarray(line.get_ydata()) for line in ax.lines}


def areas(ax):
    """Return the lowest and the highest end of each shaded band, by its label."""
    ends = {}
    for area in ax.collections:
        if not area.get_label().startswith("_") and area.get_paths():
            heights = area.get_paths()[0].vertices[:, 1]
            ends[area.get_label()] = (heights.min(), heights.max())
    return ends


def test_predictions_stand_beside_real_prices(ax):
    evaluation = subjects.evaluation()
    plotting.plot_predictions(evaluation, ax)
    nearest = evaluation.predictions.query("step == 1")
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["real"], nearest["actual"])
    np.testing.assert_array_equal(drawn["predicted"], nearest["predicted"])
    np.testing.assert_array_equal(drawn["last value"], nearest["last_value"])
    days = date2num(nearest["session"])
    np.testing.assert_array_equal(ax.lines[0].get_xdata(orig=False), days)
    assert f"{evaluation.rmse_ratio:.3g} times" in ax.get_title()
    assert ax.get_ylabel() == "close (quote currency)"
    assert not areas(ax)


@pytest.mark.parametrize(
    ("ratio", "shown"), [(0.99991, "1.00"), (0.995, "0.995"), (3.2176, "3.22")]
)
def test_a_ratio_of_about_one_keeps_its_places(ax, monkeypatch, ratio, shown):
    monkeypatch.setattr("forecaster.evaluation.Evaluation.rmse_ratio", ratio)
    plotting.plot_predictions(subjects.evaluation(), ax)
    assert f", {shown} times that of the last value" in ax.get_title()


def test_a_trained_network_is_drawn_too(trained, ax):
    forecaster, prices = trained
    evaluation = forecaster.evaluate(prices)
    plotting.plot_predictions(evaluation, ax, prices=prices)
    np.testing.assert_array_equal(
        lines(ax)["predicted"], evaluation.predictions["predicted"]
    )


def test_ranges_of_training_and_test_are_shaded(ax):
    evaluation, prices = subjects.evaluation(), subjects.prices()
    plotting.plot_predictions(evaluation, ax, prices=prices, n_training=12)
    spans = {patch.get_label(): patch.get_bbox() for patch in ax.patches}
    nearest = evaluation.predictions.query("step == 1")["session"]
    first = prices.index[prices.index < nearest.min()][-12]
    trained, tested = spans["training range"], spans["test range"]
    assert trained.x0 == date2num(first)
    assert trained.x1 == date2num(evaluation.trained_until)
    assert tested.x0 == date2num(nearest.min())
    assert tested.x1 == date2num(nearest.max())
    before = next(line for line in ax.lines if len(line.get_xdata()) == 13)
    np.testing.assert_array_equal(
        before.get_ydata()[:-1], prices["close"].loc[first:].iloc[:12]
    )


def test_training_that_ends_before_what_is_drawn_is_not_shaded(ax):
    evaluation, prices = subjects.evaluation(), subjects.prices()
    plotting.plot_predictions(evaluation, ax, prices=prices, n_training=2)
    assert [patch.get_label() for patch in ax.patches] == ["test range"]


def test_a_test_before_the_training_is_not_called_trained(ax):
    evaluation, prices = subjects.evaluation(), subjects.prices()
    later = replace(evaluation, trained_until=prices.index[-1])
    plotting.plot_predictions(later, ax, prices=prices, unit="US dollars")
    assert [patch.get_label() for patch in ax.patches] == ["test range"]
    assert ax.get_ylabel() == "close (US dollars)"


def test_intervals_are_those_between_two_quantiles(ax):
    evaluation = subjects.evaluation()
    plotting.plot_predictions(evaluation, ax, levels=(0.5, 0.9))
    nearest = evaluation.predictions.query("step == 1")
    drawn = areas(ax)
    assert list(drawn) == ["90% interval", "50% interval"]  # the widest behind
    assert drawn["90% interval"] == (nearest["q0.05"].min(), nearest["q0.95"].max())
    assert drawn["50% interval"] == (nearest["q0.25"].min(), nearest["q0.75"].max())


def test_a_walk_is_drawn_as_its_rows_say(ax):
    rows = subjects.walk()
    plotting.plot_walk(rows, ax, levels=(0.9,), title="AAA", unit="US dollars")
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["real"], rows["actual"])
    np.testing.assert_array_equal(drawn["predicted"], rows["predicted"])
    assert areas(ax)["90% interval"] == (rows["q0.05"].min(), rows["q0.95"].max())
    upright = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert upright == [date2num(rows.query("fold == 2")["session"].min())]
    assert ax.get_title() == "AAA\nupright lines: a new fold"
    assert ax.get_ylabel() == "price (US dollars)"


def test_a_walk_without_folds_marks_none(ax):
    plotting.plot_walk(subjects.walk().drop(columns="fold"), ax)
    assert "fold" not in ax.get_title()
    assert all(len(line.get_xdata()) > 2 for line in ax.lines)


def test_a_forecast_follows_the_last_prices(ax):
    forecast, prices = subjects.forecast(), subjects.prices()
    plotting.plot_forecast(forecast, prices, ax, n_sessions=10)
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["real"], prices["close"].iloc[60:70])
    np.testing.assert_array_equal(drawn["forecast"], forecast.price)
    thin = [line for line in ax.lines if line.get_linewidth() == 0.6]
    assert len(thin) == 8
    np.testing.assert_array_equal(thin[3].get_ydata()[1:], forecast.paths[3])
    wide = forecast.intervals[0.9]
    assert areas(ax)["90% interval"] == (wide.low.min(), wide.high.max())


def test_the_band_of_whole_paths_is_that_of_the_forecast(ax):
    forecast = subjects.forecast()
    plotting.plot_forecast(forecast, subjects.prices(), ax, whole_paths=0.8)
    band = forecast.path_band(0.8)
    dotted = [line for line in ax.lines if line.get_linewidth() == 1.1]
    np.testing.assert_array_equal(dotted[0].get_ydata()[1:], band.low)
    np.testing.assert_array_equal(dotted[1].get_ydata()[1:], band.high)


def test_candles_reach_from_open_to_close_and_from_low_to_high(ax):
    prices = subjects.prices().iloc[:12]
    plotting.plot_candles(prices, None, ax)
    bodies = sorted(ax.patches, key=lambda patch: patch.get_x())
    ends = prices[["open", "close"]]
    np.testing.assert_allclose([b.get_y() for b in bodies], ends.min(axis=1))
    tops = [b.get_y() + b.get_height() for b in bodies]
    np.testing.assert_allclose(tops, ends.max(axis=1))
    filled = [to_hex(b.get_facecolor()) == to_hex(BLUE) for b in bodies]
    assert filled == list(prices["close"] < prices["open"])
    assert any(filled)
    assert not all(filled)
    wicks = np.concatenate([c.get_segments() for c in ax.collections])[..., 1]
    np.testing.assert_allclose(np.sort(wicks.min(axis=1))[0], prices["low"].min())
    np.testing.assert_allclose(wicks.max(), prices["high"].max())


def test_candles_stop_at_the_origin_and_the_forecast_follows(ax):
    forecast = subjects.forecast()
    plotting.plot_candles(subjects.prices(), forecast, ax, n_sessions=20)
    assert len(ax.patches) == 20
    diamonds = next(line for line in ax.lines if line.get_label() == "forecast")
    assert list(diamonds.get_xdata()) == [20, 21, 22, 23, 24]
    np.testing.assert_array_equal(diamonds.get_ydata(), forecast.price)


def test_errors_are_drawn_by_step_with_the_models_interval(ax):
    table = subjects.errors()
    plotting.plot_errors(table, ax)
    drawn = lines(ax)
    for name, label in (("model", "model"), ("last_value", "last value")):
        wanted = table.loc[table["forecast"] == name, "rmse"]
        np.testing.assert_array_equal(drawn[label], wanted)
    own = table[table["forecast"] == "model"]
    whiskers = np.array(ax.collections[0].get_segments())[..., 1]
    np.testing.assert_allclose(whiskers, own[["low", "high"]])
    assert ax.get_ylabel() == "RMSE (US dollars)"


def test_calibration_draws_what_it_is_told(ax):
    table = subjects.coverage()
    plotting.plot_calibration(table, ax)
    line = next(line for line in ax.lines if line.get_label() == "observed")
    np.testing.assert_allclose(line.get_xdata(), 100 * table["level"])
    np.testing.assert_allclose(line.get_ydata(), 100 * table["observed"])
    np.testing.assert_allclose(areas(ax)["by luck, 250 origins"], (45, 98))


def test_the_histogram_draws_what_it_is_told(ax):
    table = subjects.pit()
    plotting.plot_pit(table, ax)
    steps = {patch.get_label(): patch for patch in ax.patches}
    values, edges, _ = steps["observed"].get_data()
    np.testing.assert_array_equal(values, table["density"])
    np.testing.assert_array_equal(edges, [0, 0.1, 0.5, 0.9, 1])
    high, _, low = steps["by luck"].get_data()
    np.testing.assert_array_equal(high, table["high"])
    np.testing.assert_array_equal(low, table["low"])
    assert "p = 0.003" in ax.get_title()


def test_a_histogram_without_a_test_says_nothing_of_one(ax):
    table = subjects.pit()
    table.attrs["p_value"] = np.nan
    plotting.plot_pit(table, ax)
    assert "p =" not in ax.get_title()


def test_coverage_is_drawn_by_year_beside_what_is_promised(ax):
    table = subjects.coverage_by_year()
    plotting.plot_coverage(table, ax)
    np.testing.assert_array_equal(lines(ax)["90% interval"], 100 * table[0.9])
    assert list(ax.get_xticks()) == [2023, 2024]


def test_residuals_rise_from_zero(ax):
    table = subjects.residuals()
    plotting.plot_residuals(table, ax, unit="US dollars")
    sticks = np.array(ax.collections[0].get_segments())[..., 1]
    np.testing.assert_array_equal(sticks[:, 1], table["model"])
    assert (sticks[:, 0] == 0).all()
    np.testing.assert_array_equal(lines(ax)["last value"], table["last_value"])
    assert "(US dollars)" in ax.get_ylabel()


def test_the_closest_shift_is_marked(ax):
    curve = pd.Series([1.5, 1.2, 0.9, 1.0], index=range(4))
    plotting.plot_lag(curve, ax, lag=subjects.lag())
    assert list(lines(ax)["forecasts"]) == [1.5, 1.2, 0.9, 1.0]
    assert list(lines(ax)["closest"]) == [0.9]


def test_correlations_are_drawn_with_their_intervals(ax):
    table = subjects.correlations()
    plotting.plot_correlations(table, ax)
    ends = np.concatenate([c.get_segments() for c in ax.collections])[..., 1]
    np.testing.assert_allclose(ends, table[["low", "high"]])


def test_losses_are_drawn_by_epoch(ax):
    table = subjects.history()
    plotting.plot_history(table, ax)
    np.testing.assert_array_equal(lines(ax)["training"], table["loss"])
    np.testing.assert_array_equal(lines(ax)["validation"], table["val_loss"])
    assert ax.get_xlabel() == "epoch"
    assert ax.get_yscale() == "log"


def test_losses_within_a_decade_are_drawn_on_a_linear_axis(ax):
    table = subjects.history()
    near = table.assign(loss=2.4 - table["epoch"] / 100, val_loss=2.5)
    plotting.plot_history(near, ax)
    assert ax.get_yscale() == "linear"


def test_losses_below_zero_are_drawn_on_a_linear_axis(ax):
    table = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, -0.2]})
    plotting.plot_history(table, ax)
    assert ax.get_yscale() == "linear"
    assert "linear axis" in ax.get_ylabel()


def test_of_several_trainings_the_last_stands_out_and_is_named(ax):
    histories = subjects.histories()
    plotting.plot_histories(histories, ax)
    assert len(ax.lines) == 6
    widest = max(line.get_linewidth() for line in ax.lines)
    thick = [line for line in ax.lines if line.get_linewidth() == widest]
    newest = histories["fold-3"]
    for line, column in zip(thick, ("loss", "val_loss"), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), newest[column])
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["training, fold-3", "validation, fold-3"]
    assert "thin: those before it" in ax.get_title()


def test_one_training_has_no_others_before_it(ax):
    plotting.plot_histories({"fold-1": subjects.history()[["epoch", "loss"]]}, ax)
    assert len(ax.lines) == 1
    assert "thin" not in ax.get_title()


def test_histories_that_cannot_be_drawn_are_refused(ax):
    with pytest.raises(DataError, match="no training to draw"):
        plotting.plot_histories({}, ax)
    bare = subjects.history()[["epoch"]]
    with pytest.raises(DataError, match="losses of b"):
        plotting.plot_histories({"a": subjects.history(), "b": bare}, ax)


def test_gradients_are_drawn_by_layer(ax):
    table = subjects.history()
    plotting.plot_gradients(table, ax)
    assert set(lines(ax)) == {"lstm_1", "lstm_2", "output"}
    np.testing.assert_array_equal(lines(ax)["lstm_2"], table["gradient/lstm_2"])


def test_folds_cover_their_days(ax):
    folds = subjects.folds()
    plotting.plot_folds(folds, ax)
    bars = {name: [] for name in ("own", "borrowed", "test")}
    for bar in ax.patches:
        hollow = bar.get_facecolor()[-1] == 0
        kind = "test" if bar.get_hatch() else "borrowed" if hollow else "own"
        bars[kind].append((bar.get_x(), bar.get_x() + bar.get_width()))
    assert [len(found) for found in bars.values()] == [2, 2, 4]
    tests = [(date2num(fold.start), date2num(fold.end) + 1) for fold in folds]
    assert bars["test"] == tests
    assert bars["own"][0][1] == date2num(folds[0].training_end) + 1
    assert bars["own"][0][1] <= bars["test"][0][0]


def test_ratios_stand_in_order_with_their_intervals(ax):
    verdicts = subjects.verdicts()
    plotting.plot_ratios(verdicts, ax)
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == list(verdicts)
    low, high = sorted(ax.get_ylim())
    assert ax.yaxis_inverted()
    assert low < 0
    assert high > len(verdicts) - 1
    drawn = [ends for c in ax.collections for ends in c.get_segments() if len(ends)]
    known = sorted((v.low, v.high) for v in verdicts.values() if np.isfinite(v.low))
    assert sorted((ends[0, 0], ends[1, 0]) for ends in drawn) == known
    markers = {line.get_label(): list(line.get_xdata()) for line in ax.lines}
    assert markers["beats it"] == [0.95]
    assert markers["not told apart"] == [1.01, 0.99]
    assert markers["loses to it"] == [1.08]


def test_ratios_far_apart_stand_on_a_logarithmic_axis(ax):
    near = subjects.verdicts()
    far = near | {"EEE": Verdict("loses", 5.0, 0.001, 200, "garch", 3.5, 7.0)}
    plotting.plot_ratios(far, ax)
    assert ax.get_xscale() == "log"
    assert "log axis" in ax.get_xlabel()
    ax.figure.draw_without_rendering()
    shown = [text.get_text() for text in ax.get_xticklabels()]
    assert {"1", "2", "5"} <= set(shown)
    assert not any("^" in text for text in shown)
    plotting.plot_ratios(near, other := Figure().subplots())
    assert other.get_xscale() == "linear"
    assert "log" not in other.get_xlabel()


def test_verdicts_beside_several_baselines_name_none(ax):
    verdicts = {
        "a": Verdict("ties", 1.0, 0.5, 50, "drift"),
        "b": Verdict("ties", 1.0, 0.5, 50, "garch"),
    }
    plotting.plot_ratios(verdicts, ax)
    assert "that of a baseline" in ax.get_title()


SUBJECTS = {
    "calibration": (plotting.plot_calibration, subjects.coverage, "observed"),
    "correlations": (plotting.plot_correlations, subjects.correlations, "correlation"),
    "errors": (plotting.plot_errors, subjects.errors, "rmse"),
    "history": (plotting.plot_history, subjects.history, "loss"),
    "importance": (plotting.plot_importance, subjects.importance, "ratio"),
    "pit": (plotting.plot_pit, subjects.pit, "density"),
    "residuals": (plotting.plot_residuals, subjects.residuals, "model"),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_table_that_cannot_be_drawn_is_refused(name):
    draw, make, column = SUBJECTS[name]
    table = make()
    with pytest.raises(DataError, match="no rows to draw"):
        draw(table.iloc[:0])
    with pytest.raises(DataError, match=f"lacks .*{column}"):
        draw(table.drop(columns=column))
    with pytest.raises(DataError, match="no value is a finite number"):
        draw(table.assign(**{column: np.nan}))
    with pytest.raises(DataError, match=r"want the table of `.+`, not a list"):
        draw([1.0, 2.0])
    assert plt.get_fignums() == []


def no_prices_before(evaluation):
    first = evaluation.predictions["session"].min()
    return subjects.prices().loc[first:]


REFUSED = {
    "another kind": (
        lambda: plotting.plot_predictions([1.0]),
        DataError,
        "want Evaluation, not list",
    ),
    "no such interval": (
        lambda: plotting.plot_predictions(subjects.evaluation(), levels=(0.8,)),
        ConfigError,
        "no 0.8 interval in these forecasts; there: 0.5, 0.9",
    ),
    "no quantiles": (
        lambda: plotting.plot_predictions(
            subjects.evaluation(quantiles=False), levels=(0.9,)
        ),
        ConfigError,
        "there: none",
    ),
    "nothing before": (
        lambda: plotting.plot_predictions(
            subjects.evaluation(), prices=no_prices_before(subjects.evaluation())
        ),
        DataError,
        "no price is older than the first forecast session",
    ),
    "no training": (
        lambda: plotting.plot_predictions(
            subjects.evaluation(), prices=subjects.prices(), n_training=0
        ),
        ConfigError,
        "`n_training` must be a whole number from 1 on, not 0",
    ),
    "no sessions": (
        lambda: plotting.plot_forecast(
            subjects.forecast(), subjects.prices(), n_sessions=0
        ),
        ConfigError,
        "`n_sessions` must be",
    ),
    "no origin": (
        lambda: plotting.plot_forecast(
            subjects.forecast(), subjects.prices().iloc[:50]
        ),
        DataError,
        "no session 2024-04-08, the origin",
    ),
    "no target": (
        lambda: plotting.plot_forecast(
            subjects.forecast(), subjects.prices()[["open"]]
        ),
        DataError,
        "prices: the table lacks close",
    ),
    "no paths": (
        lambda: plotting.plot_forecast(
            subjects.forecast(paths=False), subjects.prices(), whole_paths=0.8
        ),
        ConfigError,
        "this forecast has no paths",
    ),
    "no bars": (
        lambda: plotting.plot_candles(subjects.prices()[["close"]]),
        DataError,
        "prices: the table lacks open, high, low",
    ),
    "no prices": (
        lambda: plotting.plot_candles(subjects.prices().iloc[:0]),
        DataError,
        "no rows to draw",
    ),
    "no gradients": (
        lambda: plotting.plot_gradients(subjects.history()[["epoch", "loss"]]),
        ConfigError,
        "did not watch its gradients",
    ),
    "no folds": (lambda: plotting.plot_folds([]), DataError, "there are none to draw"),
    "no verdicts": (lambda: plotting.plot_ratios({}), DataError, "no verdicts to draw"),
    "two losses": (
        lambda: plotting.plot_ratios(
            {
                "a": Verdict("ties", 1.0, 0.5, 50),
                "b": Verdict("ties", 1.0, 0.5, 50, measure="pinball loss"),
            }
        ),
        DataError,
        "verdicts on RMSE and pinball loss cannot share one axis",
    ),
    "no curve": (
        lambda: plotting.plot_lag(pd.Series(dtype=float)),
        DataError,
        "shift_curve",
    ),
    "no intervals": (
        lambda: plotting.plot_coverage(subjects.coverage_by_year().iloc[:0]),
        DataError,
        "coverage_by_year.* has no rows",
    ),
    "two tickers at once": (
        lambda: plotting.plot_walk(pd.concat([subjects.walk(), subjects.walk()])),
        DataError,
        "sessions come twice",
    ),
    "no gains": (
        lambda: plotting.plot_advantage(subjects.backtest()),
        DataError,
        "want the table of `gains_by_origin`, not a Backtest",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(name):
    draw, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        draw()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", FIGURES)
def test_figures_leave_their_data_as_it_is(name, monkeypatch):
    made = []
    for maker in ("coverage", "pit", "errors", "history", "residuals", "importance"):
        original = getattr(subjects, maker)()
        monkeypatch.setattr(subjects, maker, lambda kept=original: kept)
        made.append((original, original.copy(deep=True)))
    FIGURES[name](Figure().add_subplot())
    for now, before in made:
        pd.testing.assert_frame_equal(now, before)
