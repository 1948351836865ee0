"""Reports: what is escaped, what is refused, and what is left as it was."""

import json

import numpy as np
import pytest

from forecaster.checksums import canonical_json
from forecaster.errors import BundleError, ConfigError, OutputError, RunNotFound
from forecaster.report import interactive
from forecaster.report.drawing import inline_svg
from forecaster.report.evenings import index_page, read_summaries
from forecaster.report.writing import write_report
from tests.report.conftest import (
    EVENINGS,
    explain,
    failure,
    outcome,
    write_evening,
)
from tests.report.reading import Page, read_page

EVIL = "<script>alert('--><b>')</script>&\"x"


def report(place, reference="tiny", **more):
    return write_report(
        reference,
        runs_dir=place / "runs",
        batches_dir=place / "batches",
        **more,
    )


@pytest.mark.parametrize("live", [False, True])
def test_names_are_escaped_everywhere(copied, tmp_path, live):
    folder = copied / "runs" / "tiny"
    record = json.loads((folder / "run.json").read_text())
    record.pop("checksum")
    record["evaluation"]["ticker"] = EVIL
    record["evaluation"]["target"] = EVIL
    record["versions"][EVIL] = EVIL
    (folder / "run.json").write_bytes(canonical_json(record))
    explain(folder, ticker=EVIL.replace(" ", ""), target=EVIL, loss=EVIL)
    file = report(copied, out=tmp_path / "evil.html", interactive=live).files[0]
    page = read_page(file)
    (title,) = page.all("h1")
    assert title.text == f"{EVIL} {EVIL}: the run tiny"
    assert page.all("b") == []
    assert EVIL not in page.source
    plain = 1 + 2 * live  # of the page; and plotly's own, and what draws with it
    data = [one for one in page.all("script") if "type" in one.attributes]
    assert len(page.all("script")) - len(data) == plain


def test_a_batch_is_escaped(tmp_path):
    day = EVENINGS[0]
    outcomes = [outcome(EVIL, day, "forecast"), failure("A", day, EVIL)]
    write_evening(tmp_path / "batch", day, outcomes, name=EVIL)
    written = report(tmp_path, tmp_path / "batch")
    for file in written.files:
        page = read_page(file)
        assert page.all("script") == []
        assert EVIL not in page.source
        assert any(EVIL in one.text for one in page.all("td"))


def test_what_matplotlib_remarks_is_left_out_of_an_svg():
    drawn = (
        '<?xml version="1.0"?><svg width="1" viewBox="0 0 7 9" version="1.1">'
        "<defs><style>*{fill:red}</style></defs><!-- <b>a</b>\nb -->"
        '<path id="p" d="M 1.23456 0" style="fill: #1a1a1a"/>'
        '<use xlink:href="#p" clip-path="url(#c)"/></svg>'
    )
    page = Page(str(inline_svg(drawn, "k", "a < b", 'c "d"')))
    (svg,) = page.all("svg")
    assert svg.attributes["viewbox"] == "0 0 7 9"
    assert page.all("style") == page.all("b") == []
    assert (page.all("title")[0].text, page.all("desc")[0].text) == ("a < b", 'c "d"')
    (path,) = page.all("path")
    assert path.attributes == {
        "id": "k-p",
        "d": "M 1.23 0",
        "style": "fill: var(--ink)",
    }
    (use,) = page.all("use")
    assert use.attributes == {"href": "#k-p", "clip-path": "url(#k-c)"}


# Files of each subject, and whether the folder is still that subject without them.
FILES = {
    "runs/tiny/run.json": False,
    "runs/tiny/predictions.csv": True,
    "runs/tiny/history.csv": True,
    "runs/tiny/bundle/config.toml": True,
    "runs/tiny.explain/importance.csv": True,
    "runs/tiny.explain/attributions.csv": True,
    "runs/tiny.explain/explained.json": False,
    "runs/walk.backtest/backtest.json": True,
    "runs/walk.backtest/predictions.parquet": True,
    "runs/walk.backtest/request.json": False,
    "runs/walk.backtest/fold-2/bundle/manifest.json": True,
    "batches/nightly/2024-05-30/summary.json": False,
    "batches/nightly/2024-05-30/forecasts.csv": True,
}
DAMAGES = [
    *((name, "cut") for name in FILES),
    *((n, "gone") for n in FILES if FILES[n]),
]


@pytest.mark.parametrize(("damaged", "how"), DAMAGES)
def test_damage_is_told_and_nothing_is_written(command, copied, tmp_path, damaged, how):
    file, reference = copied / damaged, damaged.split("/")[1].removesuffix(".explain")
    if how == "cut":
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
    else:
        file.unlink()
    out = tmp_path / "out"
    places = ("--runs-dir", copied / "runs", "--batches-dir", copied / "batches")
    answer = command("report", reference, "--out", out, *places)
    assert answer.exit_code == 4, answer.output
    assert "Traceback" not in answer.output
    assert file.parent.name in answer.stderr
    assert not out.exists()


def test_scores_of_other_forecasts_are_noticed(copied):
    file = copied / "runs" / "walk.backtest" / "backtest.json"
    facts = json.loads(file.read_text())
    facts["scores"][0]["rmse"] *= 1.01
    file.write_text(json.dumps(facts))
    with pytest.raises(BundleError, match="not those of the forecasts"):
        report(copied, "walk.backtest")


def test_an_unfinished_walk_is_refused(copied):
    folder = copied / "runs" / "walk.backtest"
    (folder / "backtest.json").unlink()
    with pytest.raises(BundleError, match="`forecaster backtest` is done"):
        report(copied, "walk.backtest")


@pytest.mark.parametrize("reference", ["nosuch", "tiny.toml", "runs"])
def test_what_is_no_subject_is_not_found(stored, reference):
    with pytest.raises(RunNotFound, match="Nor is there a walk-forward test"):
        report(stored, reference)


def test_of_an_evening_that_is_none_those_there_are_are_named(stored):
    batch = stored / "batches" / "nightly"
    for reference in (batch / "2024-05-29", "nightly/2024-05-29"):
        with pytest.raises(RunNotFound) as found:
            report(stored, reference)
        assert str(found.value) == (
            f"the batch {batch} has no evening '2024-05-29'. It has 2024-05-31, "
            "2024-05-30."
        )


def test_of_many_evenings_the_newest_are_named(tmp_path):
    batch = tmp_path / "batches" / "long"
    for day in range(1, 8):
        write_evening(batch, f"2024-06-0{day}", [])
    with pytest.raises(RunNotFound, match=r"2024-06-07, .*2024-06-03 and 2 before"):
        report(tmp_path, "long/2024-07-01")


def test_a_subject_is_found_by_name_or_folder(stored, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for reference, kind in (
        *((None, "run"), ("tiny", "run"), (stored / "runs" / "tiny", "run")),
        *(("walk", "backtest"), ("walk.backtest", "backtest")),
        *(("nightly", "batch"), (stored / "batches" / "nightly", "batch")),
    ):
        from forecaster.report.stored import find_subject

        found = find_subject(
            reference, runs_dir=stored / "runs", batches_dir=stored / "batches"
        )
        assert found.kind == kind


def test_a_file_that_cannot_be_written_keeps_what_it_was(copied, tmp_path, monkeypatch):
    out = tmp_path / "report.html"
    out.write_text("as it was")
    from forecaster import atomic

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        report(copied, out=out)
    assert out.read_text() == "as it was"
    assert [file.name for file in tmp_path.glob("*report*")] == ["report.html"]


def test_an_unwritable_place_ends_with_its_code(command, stored, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path, tmp_path / "file" / "report.html"):
        answer = command("report", "tiny", "--out", out, "--runs-dir", stored / "runs")
        assert answer.exit_code == 6
    answer = command(
        *("report", "nightly", "--out", tmp_path / "file"),
        *("--batches-dir", stored / "batches"),
    )
    assert answer.exit_code == 6


def test_without_plotly_the_extra_is_named(command, stored, monkeypatch):
    find = interactive.importlib.util.find_spec
    monkeypatch.setattr(
        interactive.importlib.util,
        "find_spec",
        lambda name: None if name == "plotly" else find(name),
    )
    with pytest.raises(ConfigError, match=r"forecaster\[interactive\]"):
        report(stored, interactive=True)
    words = ("report", "tiny", "--interactive", "--runs-dir", stored / "runs")
    assert command(*words).exit_code == 2


def test_the_command_says_what_it_wrote(command, copied, monkeypatch):
    told = command.json("report", "tiny", "--runs-dir", copied / "runs")
    record = json.loads((copied / "runs" / "tiny" / "run.json").read_text())
    assert told["quantile_verdict"] == record["evaluation"]["quantile_verdict"]
    assert told["files"] == [str(copied / "runs" / "tiny" / "report.html")]
    assert told["kind"] == "run"
    assert told["sections"][0] == "Verdict"
    answer = command("report", copied / "batches" / "nightly")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[-2:] == [
        str(copied / "batches" / "nightly" / "index.html"),
        "and 2 pages beside it",
    ]
    # A report beside the results does them no harm.
    assert (
        command("runs", "verify", "tiny", "--runs-dir", copied / "runs").exit_code == 0
    )


def test_equal_results_give_equal_bytes(copied, tmp_path):
    first, second = (
        report(copied, out=tmp_path / f"{n}.html").files[0].read_bytes() for n in (1, 2)
    )
    assert first == second


def test_no_connection_is_opened_and_no_network_is_loaded(stored, tmp_path):
    import subprocess
    import sys

    code = (
        "import socket, sys\n"
        "def refuse(*_):\n    raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from pathlib import Path\n"
        "from forecaster.report.writing import write_report\n"
        f"place, out = Path({str(stored)!r}), Path({str(tmp_path)!r})\n"
        "write_report('tiny', runs_dir=place / 'runs', out=out / 'r.html')\n"
        "print('LOADED', *sorted({'tensorflow', 'keras'} & {*sys.modules}))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["LOADED"]
    assert (tmp_path / "r.html").is_file()


def test_an_index_leaves_damaged_evenings_out_where_a_batch_writes_it(copied):
    folder = copied / "batches" / "nightly"
    (folder / EVENINGS[0] / "summary.json").write_text("{")
    with pytest.raises(BundleError):
        read_summaries(folder)
    found = read_summaries(folder, skip_damaged=True)
    assert [*found] == [EVENINGS[1]]
    assert index_page("nightly", found).facts["n_evenings"] == 1


def test_an_evening_of_failures_alone_is_told(tmp_path):
    day = EVENINGS[0]
    write_evening(tmp_path / "batch", day, [failure("A", day, "no prices")])
    index, evening = (read_page(f) for f in report(tmp_path, tmp_path / "batch").files)
    assert evening.headings == ["Verdict", "Failed", "Provenance"]
    assert "0 of 1 tickers have a forecast, 1 failed." in evening.source
    assert index.rows("Evenings, newest first")[0]["status"] == "failed"


def test_forecasts_that_lack_a_ticker_are_noticed(copied):
    file = copied / "batches" / "nightly" / EVENINGS[1] / "forecasts.csv"
    file.write_text(file.read_text().splitlines()[0] + "\n")
    with pytest.raises(BundleError, match="no forecasts of GOOG"):
        report(copied, "nightly")


def test_scores_of_earlier_forecasts_are_shown_where_they_are_kept(copied):
    evening = copied / "batches" / "nightly" / EVENINGS[1]
    (evening / "scores.csv").write_text(
        "ticker,n_origins,rmse_ratio,p_value,outcome,drift_since\n"
        f"GOOG,40,0.9,{np.float64(0.25)},ties,\nAAPL,0,,,,\n"
    )
    written = report(copied, "nightly")
    (file,) = [one for one in written.files if one.parent.name == EVENINGS[1]]
    page = read_page(file)
    (row,) = page.rows("Scores of earlier forecasts by ticker")
    assert (row["ticker"], row["outcome"]) == ("GOOG", "ties")
    assert "Against the last price: 0 of 1 tickers do better" in page.source


def test_a_batch_has_no_interactive_pages_and_says_so(stored):
    with pytest.raises(ConfigError, match="leave out `--interactive`"):
        report(stored, "nightly", interactive=True)
