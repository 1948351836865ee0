"""Notebooks as they are committed: executed, paired with a script, fit to be read."""

import json
import re
from pathlib import Path

import jupytext
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 2_000_000
FEWEST_WORDS = 5
FENCED = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
# What is a line by itself and no sentence: headings, rows of tables, pictures.
NO_PROSE = re.compile(r"^ {0,3}(#{1,6}\s|\||!\[|[=-]{3,}\s*$)")
SENTENCE_END = re.compile(r"(?<=[.!?])[*_)\"']*\s+")
MATHS = re.compile(r"\$\$.*?\$\$|\$[^$\n]*\$", re.DOTALL)


def cells(notebook, kind):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_executed_from_top_to_bottom(file):
    counts = [cell["execution_count"] for cell in cells(read(file), "code")]
    assert counts == [*range(1, len(counts) + 1)]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_output_is_an_error_or_a_warning(file):
    for cell in cells(read(file), "code"):
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert output.get("name") != "stderr", output


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_the_script_beside_it_says_the_same(file):
    def told(notebook):
        return [(cell.cell_type, cell.source) for cell in notebook.cells]

    script = file.with_suffix(".py")
    assert told(jupytext.read(script)) == told(jupytext.read(file))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_names_no_place_of_one_machine_and_is_small(file):
    text = file.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    for place in ("root", "home", "tmp", "work"):
        assert f"/{place}/" not in text


def has_sentence(markdown):
    """Return whether a text has a sentence: some words, and a full stop behind them."""
    text = MATHS.sub(" x ", FENCED.sub("", markdown))
    # A line that is no prose also ends the paragraph before it.
    prose = ["" if NO_PROSE.match(line) else line.strip() for line in text.splitlines()]
    paragraphs = "\n".join(prose).split("\n\n")
    return any(
        sentence.rstrip("*_)\"'").endswith(".")
        and len(re.findall(r"[A-Za-z]{2,}", sentence)) >= FEWEST_WORDS
        for paragraph in paragraphs
        for sentence in SENTENCE_END.split(paragraph)
    )


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("The line falls by orders of magnitude.", True),
        ("# Loss\n\nThe loss falls in\nboth panels, and *rises later*.", True),
        ("- the loss $h_t$ falls in all epochs. More", True),
        ("Loss is at least 0.98 in `fc.train` and elsewhere.", True),
        ("(*The line falls by orders of magnitude.*)", True),
        ("## What the loss does in all five panels.", False),
        ("# Loss\n\nSee below.", False),
        ("The loss falls in both of the panels", False),
        ("The loss falls in both of the panels:\n\n## Next part.", False),
        ("One. Two. Three. Four. Five. Six.", False),
        ("| the | loss | falls | in | both. |", False),
        ("```\nthe loss falls in both panels.\n```", False),
        ("![the loss falls in both panels.](loss.png)", False),
        ("$$ the loss falls in both panels. $$", False),
        ("", False),
    ],
)
def test_a_heading_is_no_sentence(markdown, expected):
    assert has_sentence(markdown) is expected


def bare_pictures(notebook):
    """Return the places of the pictures with no sentence in the cells around them."""
    found = notebook["cells"]
    return [
        place
        for place, cell in enumerate(found)
        if cell["cell_type"] == "code"
        and any("image/png" in one.get("data", {}) for one in cell["outputs"])
        and not any(
            one["cell_type"] == "markdown" and has_sentence("".join(one["source"]))
            for one in found[max(place - 1, 0) : place + 2]
        )
    ]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_picture_has_words(file):
    """A sentence before or after each figure says what to see; a heading does not."""
    assert bare_pictures(read(file)) == []


def test_a_picture_between_headings_has_no_words():
    drawn = {"output_type": "display_data", "data": {"image/png": ""}}
    picture = {"cell_type": "code", "outputs": [drawn], "source": ["draw()"]}
    heading = {"cell_type": "markdown", "source": ["## What all the panels show.\n"]}
    told = {
        "cell_type": "markdown",
        "source": ["# Loss\n", "\n", "The loss falls ", "in both of the panels."],
    }
    assert bare_pictures({"cells": [heading, picture, heading]}) == [1]
    assert bare_pictures({"cells": [picture]}) == [0]
    assert bare_pictures({"cells": [heading, picture, told]}) == []
    assert bare_pictures({"cells": [told, picture, picture]}) == [2]


OWN_LOOK = re.compile(r"rcParams|[\"']#[0-9A-Fa-f]{3,8}[\"']")


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_figures_take_their_look_from_the_library(file):
    """`use_style` and the colours of `forecaster.plotting.style`, nothing beside."""
    for cell in cells(read(file), "code"):
        assert not OWN_LOOK.search("".join(cell["source"]))
