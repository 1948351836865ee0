"""Notebooks as they are committed: executed, paired with a script, fit to be read."""

import json
from pathlib import Path

import jupytext
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_BYTES = 2_000_000


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
    for place in ("/root/", "/home/", "/tmp/", "/work/"):
        assert place not in text


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_picture_has_words(file):
    """A sentence before or after each figure says what to see."""
    found = read(file)["cells"]
    for place, cell in enumerate(found):
        if cell["cell_type"] != "code":
            continue
        if any("image/png" in one.get("data", {}) for one in cell["outputs"]):
            around = found[max(place - 1, 0) : place + 2]
            assert any(one["cell_type"] == "markdown" for one in around)
