"""Training in reports: the losses of each training of a walk-forward test."""

import shutil

import pandas as pd
import pytest

from forecaster.report.learning import kept_epoch, page_training, page_trainings
from forecaster.report.writing import write_report
from tests.report.reading import read_page


def history(losses, validation=None):
    table = pd.DataFrame({"epoch": range(1, len(losses) + 1), "loss": losses})
    return table if validation is None else table.assign(val_loss=validation)


def test_each_training_has_its_losses_in_the_table(page_of, stored):
    page, folder = page_of("walk.backtest"), stored / "runs" / "walk.backtest"
    rows = page.rows("Losses of each training")
    assert [row["training"] for row in rows] == ["fold-1", "fold-2"]
    for row in rows:
        known = pd.read_csv(folder / row["training"] / "bundle" / "history.csv")
        assert row["epochs"] == str(len(known)) == "3"
        found = {
            "training loss, first": known["loss"].iloc[0],
            "training loss, last": known["loss"].iloc[-1],
            "validation loss, least": known["val_loss"].min(),
            "validation loss, last": known["val_loss"].iloc[-1],
        }
        for name, value in found.items():
            assert float(row[name]) == pytest.approx(value, rel=1e-3)
        assert int(row["epoch kept"]) == known["val_loss"].argmin() + 1
    (picture,) = page.within("svg", "training")
    assert picture.attributes["role"] == "img"
    assert "Line chart of the losses of 2 trainings" in page.source


def test_trainings_that_are_not_kept_are_not_passed_over(copied, tmp_path):
    for fold in (copied / "runs" / "walk.backtest").glob("fold-*"):
        shutil.rmtree(fold)
    out = tmp_path / "bare.html"
    write_report("walk.backtest", runs_dir=copied / "runs", out=out)
    page = read_page(out)
    (told,) = page.within("p", "training")
    assert told.text.startswith("The trainings are not kept in this folder")
    assert page.within("svg", "training") == []


def test_a_damaged_history_is_noticed(command, copied, tmp_path):
    file = copied / "runs" / "walk.backtest" / "fold-2" / "bundle" / "history.csv"
    file.write_text(file.read_text().replace("0.", "1.", 1))
    out = tmp_path / "out.html"
    words = ("report", "walk", "--out", out, "--runs-dir", copied / "runs")
    assert command(*words).exit_code == 4
    assert not out.exists()


def test_the_kept_epoch_is_that_of_the_least_validation_loss():
    assert kept_epoch(history([3, 2, 1.0])) == 3
    assert kept_epoch(history([3, 2, 1.0], [5, 4, 4.5])) == 2
    assert kept_epoch(history([3, 2, 1.0], [4, 4, 4.5])) == 1


def test_what_the_trainings_tell_is_counted():
    section = page_trainings(
        {
            "fold-1": history([3, 2.0], [4, 5.0]),
            "fold-3": history([3, 2, 2.5], [4, 3, 2.0]),
            "fold-5": history([1, 2.0], [4, 3.0]),
        },
        interactive=True,
    )
    (told,) = section.texts
    assert told == (
        "3 trainings of 2 to 3 epochs; the training loss fell in 2 of them. The "
        "validation loss was least in epoch 1 to 3, whose weights are kept; in 2 of 3 "
        "that was the last, so that more epochs may lower it further."
    )
    live = section.figures[0].live
    shown = [one["name"] for one in live["data"] if "visible" not in one]
    assert shown == ["training, fold-5", "validation, fold-5"]
    assert len(live["data"]) == 6


def test_without_validation_there_are_no_columns_of_it():
    section = page_trainings({"fold-1": history([3, 2.0])}, interactive=False)
    assert section.texts[0].endswith("No sessions were held back for validation.")
    assert "validation loss, least" not in section.tables[0].columns
    assert section.tables[0].rows == (("fold-1", "2", "3", "2", "2"),)


def test_a_run_names_the_epoch_that_it_kept():
    section = page_training(history([3, 2, 1.0], [5, 4, 4.5]), interactive=False)
    assert section.texts[1] == ("Epoch 2 was kept, whose validation loss is least: 4.")
    assert [row[0] for row in section.tables[0].rows] == ["1", "2", "3"]
    assert page_training(history([]), interactive=False) is None
