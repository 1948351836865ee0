"""Plots show the data that they are given, on the axis that they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from forecaster.errors import OutputError
from forecaster.evaluation import evaluate_forecasts
from forecaster.plotting import (
    plot_forecast,
    plot_history,
    plot_predictions,
    save_figure,
)


@pytest.fixture
def ax():
    return Figure().add_subplot()


def lines(ax):
    return {line.get_label(): line.get_ydata() for line in ax.lines}


def test_predictions_stand_beside_real_prices(trained, ax):
    forecaster, prices = trained
    evaluation = forecaster.evaluate(prices)
    assert plot_predictions(evaluation, ax) is ax
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["real"], evaluation.predictions["actual"])
    np.testing.assert_array_equal(
        drawn["predicted"], evaluation.predictions["predicted"]
    )
    np.testing.assert_array_equal(
        drawn["last value"], evaluation.predictions["last_value"]
    )
    assert f"{evaluation.rmse_ratio:.3g} times" in ax.get_title()
    assert ax.get_ylabel() == "close (quote currency)"


def test_the_loss_is_drawn_by_epoch(ax):
    history = pd.DataFrame(
        {"epoch": [1, 2], "loss": [0.5, 0.2], "val_loss": [0.6, 0.3]}
    )
    assert plot_history(history, ax) is ax
    assert list(lines(ax)["training"]) == [0.5, 0.2]
    assert list(lines(ax)["validation"]) == [0.6, 0.3]
    assert ax.get_xlabel() == "epoch"


def test_a_forecast_follows_the_last_prices(trained, ax):
    forecaster, prices = trained
    forecast = forecaster.predict(prices, as_of="2020-04-01", horizon=3)
    plot_forecast(forecast, prices, ax, n_sessions=10)
    drawn = lines(ax)
    assert len(drawn["real"]) == 10
    assert drawn["real"][-1] == forecast.last_price
    np.testing.assert_array_equal(drawn["forecast"], forecast.price)


def test_without_an_axis_a_new_one_is_made(trained):
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("Agg")
    forecaster, prices = trained
    ax = plot_predictions(forecaster.evaluate(prices))
    assert ax.figure in map(plt.figure, plt.get_fignums())
    plt.close("all")


def test_a_picture_is_written_whole(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.2]})
    path = save_figure(lambda ax: plot_history(history, ax), tmp_path / "loss.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        save_figure(lambda ax: plot_history(history, ax), tmp_path / "file" / "x.png")


def test_of_several_steps_the_nearest_is_drawn(ax):
    days = pd.date_range("2024-01-01", periods=4).to_numpy()
    price = np.array([[1.0, 2.0], [2.0, 3.0]])
    evaluation = evaluate_forecasts(
        price + 0.5,
        price,
        origin_price=np.array([0.5, 1.0]),
        history=np.array([1.0, 2.0]),
        origins=days[:2],
        sessions=np.array([days[1:3], days[2:4]]),
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp("2023-12-29"),
        },
    )
    plot_predictions(evaluation, ax)
    drawn = lines(ax)
    assert list(drawn["real"]) == [1, 2]
    assert list(drawn["predicted"]) == [1.5, 2.5]
    assert list(drawn["last value"]) == [0.5, 1]
