"""One style: readable on white and on dark, told apart without colour, no traces."""

import inspect
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

import forecaster
from forecaster import plotting
from forecaster.errors import OutputError
from forecaster.plotting import draw_bytes, save_figure, style, use_style
from forecaster.plotting.style import BLACK, CYCLE, NIGHT, WHITE, ink, look
from tests.plotting.figures import FIGURES
from tests.plotting.subjects import history

PAGES = {"white": "#FFFFFF", "dark": NIGHT}


@pytest.fixture(autouse=True)
def agg(monkeypatch):
    monkeypatch.setattr(plt, "show", pytest.fail)
    before = plt.get_backend()
    plt.switch_backend("Agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def luminance(colour):
    """Of WCAG 2.2, relative to white."""
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(first, second):
    dark, light = sorted([luminance(first), luminance(second)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("colour", CYCLE)
def test_every_colour_stands_out_on_white_and_on_dark(colour, page):
    assert contrast(colour, page) >= 3


def test_letters_stand_out_far_more():
    assert contrast(BLACK, "white") >= 7
    assert contrast(WHITE, NIGHT) >= 7


def test_neighbours_differ_without_colour_and_no_two_series_are_alike():
    looks = [look(place) for place in range(20)]
    assert all(a["ls"] != b["ls"] for a, b in pairwise(looks))
    assert len({(one["color"], one["ls"]) for one in looks}) == 20
    marked = [look(place, marked=True)["marker"] for place in range(5)]
    assert len(set(marked)) == 5


@pytest.mark.parametrize(
    ("axis", "figure", "expected"),
    [
        ("white", "white", BLACK),
        (NIGHT, "white", WHITE),
        ("none", "black", WHITE),
        ("none", "none", BLACK),
    ],
)
def test_ink_is_chosen_by_the_page(axis, figure, expected):
    ax = Figure(facecolor=figure).add_subplot(facecolor=axis)
    assert ink(ax) == expected


def test_ink_follows_the_style():
    with style(dark=True):
        assert ink(Figure().add_subplot()) == WHITE
    with style():
        assert ink(Figure().add_subplot()) == BLACK


@pytest.mark.parametrize("name", FIGURES)
def test_the_axis_given_is_returned_and_pyplot_hears_nothing(name):
    ax, before = Figure().add_subplot(), dict(mpl.rcParams)
    assert FIGURES[name](ax) is ax
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", FIGURES)
def test_without_an_axis_there_is_one_new_figure_of_pyplot(name):
    ax = FIGURES[name]()
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_title_names_and_its_legend_outside_the_data(name):
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    ax = FIGURES[name](figure.add_subplot())
    figure.draw_without_rendering()
    assert ax.get_title()
    assert ax.get_xlabel()
    named_ticks = ("attributions", "importance", "ratios")
    assert ax.get_ylabel() or name in named_ticks
    legend = ax.get_legend()
    if name not in ("attributions", "importance"):
        assert legend.get_window_extent().x0 >= ax.get_window_extent().x1
        assert legend.get_window_extent().x1 <= figure.bbox.x1 + 1


@pytest.mark.parametrize("name", ["forecast", "predictions", "folds", "advantage"])
def test_dates_are_written_short_and_not_over_each_other(name):
    figure = Figure(figsize=(6, 4), layout="constrained")
    ax = FIGURES[name](figure.add_subplot())
    figure.draw_without_rendering()
    assert isinstance(ax.xaxis.get_major_formatter(), ConciseDateFormatter)
    boxes = [text.get_window_extent() for text in ax.get_xticklabels()]
    assert len(boxes) >= 3
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_every_figure_can_be_asked_of_the_package():
    drawn = {name for name in plotting.__all__ if name.startswith("plot_")}
    assert drawn == {name for name in forecaster.__all__ if name.startswith("plot_")}
    for name in drawn:
        parameters = inspect.signature(getattr(forecaster, name)).parameters
        assert parameters["ax"].default is None
    assert {name.removeprefix("plot_") for name in drawn} == set(FIGURES)


def test_a_picture_is_written_whole(tmp_path):
    table = history()
    draw = lambda ax: plotting.plot_history(table, ax)  # noqa: E731
    path = save_figure(draw, tmp_path / "loss.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.read_bytes().endswith(b"IEND\xaeB`\x82")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        save_figure(draw, tmp_path / "file" / "x.png")


@pytest.mark.parametrize("file_format", ["png", "svg"])
def test_the_same_figure_gives_the_same_file_whatever_the_settings(file_format):
    draw = FIGURES["folds"]
    once = draw_bytes(draw, file_format=file_format)
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert draw_bytes(draw, file_format=file_format) == once
    assert draw_bytes(draw, file_format=file_format, dark=True) != once
    assert plt.get_fignums() == []


def test_a_notebook_sets_the_style_once_for_all_its_figures():
    with mpl.rc_context():
        use_style(dark=True)
        figure, ax = plt.subplots()
        assert ax.get_facecolor()[:3] == to_rgb(NIGHT)
        assert not ax.spines["top"].get_visible()
        assert figure.get_constrained_layout()
        with style():
            inner = Figure()
        assert inner.get_facecolor()[:3] == to_rgb("white")
        assert Figure().get_facecolor()[:3] == to_rgb(NIGHT)
