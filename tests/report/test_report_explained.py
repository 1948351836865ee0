"""Explained: a report shows the importance of its own networks, or says why not."""

import shutil

import pandas as pd
import pytest

from forecaster.explain_files import networks_of, read_explained, read_networks
from forecaster.report.explained import importance_text, page_importance
from forecaster.report.writing import write_report
from tests.report.conftest import IMPORTANCE, TINY, explain
from tests.report.reading import read_page

DATES = ("--start", "2017-01-03", "--end", "2017-02-28", "--windows", 4, "--steps", 8)


def texts_of(folder):
    section = page_importance(folder)
    shown = bool(section.figures) and bool(section.tables)
    return shown, section.texts[0]


@pytest.mark.parametrize("reference", ["tiny", "walk.backtest"])
def test_what_was_measured_of_these_networks_is_shown(page_of, reference):
    page = page_of(reference)
    rows = page.rows("Importance")
    assert [(row["feature"], row["ratio"]) for row in rows] == [
        *(("close", "1.25"), ("volume", "1.05"))
    ]
    sums = page.rows("Mean size of integrated gradients by feature")
    assert [(row["feature"], row["all sessions"]) for row in sums] == [
        *(("close", "1.75"), ("volume", "0.625"))
    ]
    told = [one.text for one in page.within("p", "importance")]
    ticker = "GOOG" if reference == "tiny" else "AAPL GOOG"
    assert told[0] == (
        f"{ticker} close, 2017-01-03 to 2017-03-31: The pinball loss grows most when "
        "close is scrambled: by 25.00%. 1 of 2 inputs matter measurably: by more than "
        "one standard deviation over folds and exchanges."
    )
    n_folds = "1 fold" if reference == "tiny" else "2 folds"
    assert f"61 windows of {n_folds}, with 5 exchanges of each input" in page.source


def test_what_was_measured_of_another_network_is_not_shown(copied):
    folder = copied / "runs" / "tiny"
    explain(folder, networks={"bundle": "ab" * 32})
    shown, told = texts_of(folder)
    assert not shown
    assert "tiny.explain was made for another network" in told
    assert "`forecaster explain tiny`" in told


def test_one_fold_of_another_training_is_enough_to_show_nothing(copied):
    folder = copied / "runs" / "walk.backtest"
    known = networks_of(folder)
    assert [*known] == ["fold-1", "fold-2"]
    explain(folder, networks=known | {"fold-2": known["fold-1"]})
    assert "another network" in texts_of(folder)[1]
    explain(folder)
    assert texts_of(folder)[0]
    for fold in folder.glob("fold-*"):
        shutil.rmtree(fold)
    shown, told = texts_of(folder)
    assert not shown
    assert "the networks are not kept in this folder" in told


def test_of_an_older_folder_it_is_not_known_and_not_shown(copied):
    folder = copied / "runs" / "tiny"
    (copied / "runs" / "tiny.explain" / "explained.json").unlink()
    shown, told = texts_of(folder)
    assert not shown
    assert "did not keep for which network" in told
    assert "`forecaster explain tiny`" in told
    write_report("tiny", runs_dir=copied / "runs", out=copied / "out.html")


def test_what_was_not_measured_names_the_command(copied):
    shutil.rmtree(copied / "runs" / "tiny.explain")
    out = copied / "out.html"
    write_report("tiny", runs_dir=copied / "runs", out=out)
    (told,) = read_page(out).within("p", "importance")
    assert told.text == (
        "Not measured: run `forecaster explain tiny`, then report again."
    )


def test_a_run_trained_anew_is_not_shown_the_importance_of_the_old(command, copied):
    runs, folder = copied / "runs", copied / "runs" / "tiny"
    answer = command("explain", "tiny", "--runs-dir", runs, *DATES)
    assert answer.exit_code == 0, answer.output
    beside = runs / "tiny.explain"
    assert read_networks(beside) == networks_of(folder)
    facts = read_explained(beside).importance.attrs
    assert facts["first_session"] == "2017-01-03"
    assert "2017-02-01" < facts["last_session"] <= "2017-02-28"
    assert facts["n_repeats"] == 5
    assert texts_of(folder)[0]
    other = copied / "other.toml"
    other.write_text(TINY.replace("units = 2", "units = 3"))
    words = ("--name", "tiny", "--overwrite", "--runs-dir", runs, "--quiet")
    answer = command("train", other, *words)
    assert answer.exit_code == 0, answer.output
    shown, told = texts_of(folder)
    assert not shown
    assert "another network" in told


def importance(ratios, spreads):
    n = len(ratios)
    table = pd.concat([IMPORTANCE] * n, ignore_index=True).head(n)
    table["feature"] = [f"input_{place}" for place in range(n)]
    table = table.assign(ratio=ratios, ratio_spread=spreads)
    table.attrs = {"loss": "squared error"}
    return table


NOTHING = "No input measurably matters. The squared error is largest when input 0 is "


@pytest.mark.parametrize(
    ("ratios", "spreads", "told"),
    [
        (
            [0.9998],
            [0.0001],
            f"{NOTHING}scrambled: it changes by -0.02%, standard deviation 0.01%.",
        ),
        (
            [1.01, 1.0],
            [0.02, 0.01],
            f"{NOTHING}scrambled: it changes by +1.00%, standard deviation 2.00%.",
        ),
        ([0.99], [None], f"{NOTHING}scrambled: it changes by -1.00%."),
        (
            [1.02],
            [0.01],
            "The squared error grows most when input 0 is scrambled: by 2.00%.",
        ),
        (
            [1.02],
            [None],
            "The squared error grows most when input 0 is scrambled: by 2.00%. From "
            "one exchange alone it cannot be told from luck.",
        ),
        (
            [1.05, 1.04, 0.99],
            [0.09, 0.01, 0.0],
            "The squared error grows most when input 1 is scrambled: by 4.00%. 1 of 3 "
            "inputs matter measurably: by more than one standard deviation over folds "
            "and exchanges.",
        ),
    ],
)
def test_no_input_is_said_to_matter_that_does_not_measurably(ratios, spreads, told):
    assert importance_text(importance(ratios, [*map(_number, spreads)])) == told


def _number(value):
    return float("nan") if value is None else value
