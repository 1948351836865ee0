"""`forecaster explain`: tables and pictures of what forecasts hang on."""

import hashlib
import json

import pandas as pd

DATES = ("--start", "2017-01-03", "--end", "2017-02-28", "--windows", 4, "--steps", 8)


def test_explain_writes_tables_and_pictures_beside_the_run(command, copied_run):
    document = command.json("explain", "--runs-dir", copied_run, *DATES)
    folder = copied_run / "tiny.explain"
    names = ("importance.csv", "attributions.csv", "explained.json")
    names += ("importance.png", "attributions.png")
    assert document["files"] == [str(folder / name) for name in names]
    assert {path.name for path in folder.iterdir()} == set(names)
    assert document["importance"][0]["feature"] == "close"
    assert document["attributions"]["n_windows"] == 4
    assert document["loss"] == "squared error"
    manifest = (copied_run / "tiny" / "bundle" / "manifest.json").read_bytes()
    record = json.loads((folder / "explained.json").read_text())
    assert record["networks"] == {"bundle": hashlib.sha256(manifest).hexdigest()}
    facts = record["importance"]
    assert {name: document[name] for name in facts} == facts
    assert facts["first_session"] == "2017-01-03"
    table = pd.read_csv(folder / "attributions.csv")
    assert table["session_from_origin"].tolist() == [-4, -3, -2, -1, 0]
    assert command("runs", "verify", "tiny", "--runs-dir", copied_run).exit_code == 0
    assert len(command.json("runs", "list", "--runs-dir", copied_run)) == 1


def test_explain_prints_a_table_and_takes_a_folder(command, runs_dir, tmp_path):
    answer = command(
        *("explain", "tiny", "--runs-dir", runs_dir, *DATES),
        *("--out", tmp_path / "out", "--baseline", "origin", "--repeats", 2),
    )
    assert answer.exit_code == 0
    assert "GOOG close, 39 windows" in answer.stdout
    assert str(tmp_path / "out" / "importance.png") in answer.stdout
    assert not (runs_dir / "tiny.explain").exists()


def test_explain_refuses_an_unknown_baseline(command, runs_dir, tmp_path):
    words = ("--baseline", "median", "--out", tmp_path / "out")
    answer = command("explain", "--runs-dir", runs_dir, *DATES, *words)
    assert answer.exit_code == 2
    assert "mean, zero, origin, got 'median'" in answer.stderr
    assert not (tmp_path / "out").exists()
