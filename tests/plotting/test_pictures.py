"""Every figure looks as its committed picture, and a changed one does not.

The pictures have no letters: builds of FreeType draw them differently, by far more
than a changed line is. What figures say is compared word by word.
"""

import json

import matplotlib as mpl
import pytest
from matplotlib.colors import to_hex
from matplotlib.testing.compare import compare_images

from forecaster.plotting.style import BLUE
from tests.plotting.figures import BASELINE, FIGURES, NIGHT, WORDS, picture, words

# The same to the last pixel with matplotlib 3.9.4 and 3.11.2; the least change of one
# line that was tried differs by 0.65.
TOLERANCE = 0.3
MAPS = ("attributions",)  # one image


def difference(content, name, folder):
    """Return what is unlike the committed picture, or None."""
    drawn = folder / f"{name}.png"
    drawn.write_bytes(content)
    return compare_images(str(BASELINE / drawn.name), str(drawn), TOLERANCE)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_looks_as_before(name, tmp_path):
    assert difference(picture(FIGURES[name]), name, tmp_path) is None


@pytest.mark.parametrize("name", NIGHT)
def test_a_figure_looks_as_before_on_a_dark_page(name, tmp_path):
    dark = picture(FIGURES[name], dark=True)
    assert difference(dark, f"{name}-dark", tmp_path) is None


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_says_what_it_said_before(name):
    assert words(FIGURES[name]) == json.loads(WORDS.read_text("utf-8"))[name]


def test_there_is_no_picture_that_nothing_is_compared_with():
    night = {f"{name}-dark" for name in NIGHT}
    assert {path.stem for path in BASELINE.glob("*.png")} == set(FIGURES) | night


@pytest.mark.parametrize("name", FIGURES)
def test_how_letters_are_drawn_changes_no_picture(name):
    plain = picture(FIGURES[name])
    with mpl.rc_context({"text.hinting": "none", "text.antialiased": False}):
        assert picture(FIGURES[name]) == plain


def artists(ax):
    return [*ax.lines, *ax.patches, *ax.collections, *ax.images]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_without_one_of_its_artists_fails(name, tmp_path):
    n_artists = []

    def without_last(ax):
        FIGURES[name](ax)
        n_artists.append(len(artists(ax)))
        artists(ax)[-1].set_visible(False)

    assert difference(picture(without_last), name, tmp_path) is not None
    assert n_artists[0] > (name not in MAPS)


def test_a_value_that_moves_a_little_fails(tmp_path):
    def moved(ax):
        FIGURES["history"](ax)
        losses = ax.lines[0].get_ydata().copy()
        losses[4] *= 1.1
        ax.lines[0].set_ydata(losses)

    assert difference(picture(moved), "history", tmp_path) is not None


@pytest.mark.parametrize("name", ["forecast", "errors", "ratios", "predictions"])
def test_another_colour_or_width_fails(name, tmp_path):
    def recoloured(ax):
        FIGURES[name](ax)
        line = next(
            line for line in ax.lines if to_hex(line.get_color()) != to_hex(BLUE)
        )
        line.set(color=BLUE, mec=BLUE)

    def widened(ax):
        FIGURES[name](ax)
        line = max(ax.lines, key=lambda line: len(line.get_xdata()))
        line.set(lw=line.get_linewidth() + 0.7, ms=line.get_markersize() + 1)

    assert difference(picture(recoloured), name, tmp_path) is not None
    assert difference(picture(widened), name, tmp_path) is not None
