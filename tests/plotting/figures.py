"""Every figure, drawn of made-up subjects, and the pictures to compare them with.

``PYTHONPATH=. python -m tests.plotting.figures`` writes the pictures anew, after a
change that is meant: look at each of them before it is committed.
"""

import io
import json
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from forecaster import plotting
from forecaster.plotting import style
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
    "advantage": lambda ax=None: plotting.plot_advantage(subjects.gains(), ax),
    "attributions": lambda ax=None: plotting.plot_attributions(
        subjects.attributions(), ax
    ),
    "calibration": lambda ax=None: plotting.plot_calibration(subjects.coverage(), ax),
    "candles": plot_candles,
    "correlations": lambda ax=None: plotting.plot_correlations(
        subjects.correlations(), ax
    ),
    "coverage": lambda ax=None: plotting.plot_coverage(subjects.coverage_by_year(), ax),
    "errors": lambda ax=None: plotting.plot_errors(subjects.errors(), ax),
    "folds": lambda ax=None: plotting.plot_folds(subjects.folds(), ax),
    "forecast": plot_forecast,
    "gradients": lambda ax=None: plotting.plot_gradients(subjects.history(), ax),
    "histories": lambda ax=None: plotting.plot_histories(subjects.histories(), ax),
    "history": lambda ax=None: plotting.plot_history(subjects.history(), ax),
    "importance": lambda ax=None: plotting.plot_importance(subjects.importance(), ax),
    "lag": plot_lag,
    "pit": lambda ax=None: plotting.plot_pit(subjects.pit(), ax),
    "predictions": plot_test_range,
    "ratios": lambda ax=None: plotting.plot_ratios(subjects.verdicts(), ax),
    "residuals": lambda ax=None: plotting.plot_residuals(subjects.residuals(), ax),
    "walk": lambda ax=None: plotting.plot_walk(subjects.walk(), ax, levels=(0.9, 0.5)),
}
NIGHT = ("forecast", "predictions")
SIZE, DPI, PLACE = (8.0, 4.4), 60, (0.08, 0.1, 0.84, 0.8)
WORDS = BASELINE / "words.json"


def on_a_page(draw):
    """Draw on an axis at a fixed place, which no letter can move."""
    figure = Figure(figsize=SIZE, dpi=DPI)
    ax = figure.add_axes(PLACE)
    draw(ax)
    return ax


def picture(draw, *, dark=False) -> bytes:
    """Return a picture without letters: they differ between builds of FreeType."""
    content = io.BytesIO()
    with style(dark=dark):
        ax = on_a_page(draw)
        for part in ax.figure.axes:  # a bar of colours has its own
            without_letters(part)
        ax.figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def without_letters(ax) -> None:
    ax.set(title="", xlabel="", ylabel="")
    if ax.get_legend() is not None:
        ax.get_legend().remove()
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_tick_params(which="both", label1On=False, label2On=False)
        axis.offsetText.set_visible(False)


def words(draw) -> dict:
    """Return all that a figure says in letters."""
    with style():
        ax = on_a_page(draw)
        ax.figure.draw_without_rendering()
    legend = ax.get_legend()
    said = legend.get_texts() if legend else []
    return {
        "title": ax.get_title(),
        "x": ax.get_xlabel(),
        "y": ax.get_ylabel(),
        "x ticks": seen_ticks(ax.xaxis),
        "y ticks": seen_ticks(ax.yaxis),
        "legend": [text.get_text() for text in said],
    }


def seen_ticks(axis) -> list[str]:
    """Return the labels of the ticks that are in sight."""
    low, high = sorted(axis.get_view_interval())
    places = axis.get_majorticklocs()
    labels = [text.get_text() for text in axis.get_ticklabels()]
    both = zip(places, labels, strict=True)
    return [label for place, label in both if low <= place <= high]


def write_all() -> None:
    """Write every picture, and the words of all figures."""
    BASELINE.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (BASELINE / f"{name}.png").write_bytes(picture(draw))
        if name in NIGHT:
            night = BASELINE / f"{name}-dark.png"
            night.write_bytes(picture(draw, dark=True))
    text = {name: words(draw) for name, draw in FIGURES.items()}
    WORDS.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    write_all()
