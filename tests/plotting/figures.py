"""Every figure, drawn of made-up subjects, and the pictures to compare them with.

``PYTHONPATH=. python -m tests.plotting.figures`` writes the pictures anew, after a
change that is meant: look at each of them before it is committed.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from forecaster import plotting
from forecaster.plotting import draw_bytes
from tests.plotting import subjects

BASELINE = Path(__file__).parent / "baseline"


def plot_lag(ax=None):
    curve = pd.Series([1.5, 1.2, 0.9, 1.0], index=pd.RangeIndex(4, name="shift"))
    return plotting.plot_lag(curve, ax, lag=subjects.lag())


def plot_test_range(ax=None):
    found, known = subjects.evaluation(), subjects.prices()
    return plotting.plot_predictions(found, ax, prices=known, levels=(0.9, 0.5))


def plot_candles(ax=None):
    known, coming = subjects.prices(), subjects.forecast()
    return plotting.plot_candles(known, coming, ax, n_sessions=20)


def plot_forecast(ax=None):
    known, coming = subjects.prices(), subjects.forecast()
    return plotting.plot_forecast(coming, known, ax, n_sessions=25, whole_paths=0.8)


FIGURES = {
    "advantage": lambda ax=None: plotting.plot_advantage(subjects.backtest(), ax),
    "calibration": lambda ax=None: plotting.plot_calibration(subjects.coverage(), ax),
    "candles": plot_candles,
    "correlations": lambda ax=None: plotting.plot_correlations(
        subjects.correlations(), ax
    ),
    "coverage": lambda ax=None: plotting.plot_coverage(subjects.backtest(), ax),
    "errors": lambda ax=None: plotting.plot_errors(subjects.errors(), ax),
    "folds": lambda ax=None: plotting.plot_folds(subjects.folds(), ax),
    "forecast": plot_forecast,
    "gradients": lambda ax=None: plotting.plot_gradients(subjects.history(), ax),
    "history": lambda ax=None: plotting.plot_history(subjects.history(), ax),
    "importance": lambda ax=None: plotting.plot_importance(subjects.importance(), ax),
    "lag": plot_lag,
    "pit": lambda ax=None: plotting.plot_pit(subjects.pit(), ax),
    "predictions": plot_test_range,
    "ratios": lambda ax=None: plotting.plot_ratios(subjects.verdicts(), ax),
    "residuals": lambda ax=None: plotting.plot_residuals(subjects.residuals(), ax),
}
NIGHT = ("forecast", "predictions")
picture = partial(draw_bytes, size=(8.0, 4.4), dpi=60)


if __name__ == "__main__":
    BASELINE.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (BASELINE / f"{name}.png").write_bytes(picture(draw))
        if name in NIGHT:
            night = BASELINE / f"{name}-dark.png"
            night.write_bytes(picture(draw, dark=True))
