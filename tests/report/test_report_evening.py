"""Reports of one evening: found by its folder, and told where it comes from."""

import json
import tomllib

import pytest

from forecaster.errors import BundleError, ConfigError
from forecaster.report.writing import write_report
from tests.report.conftest import (
    EVENINGS,
    VERDICT,
    failure,
    outcome,
    provenance_of,
    write_evening,
)
from tests.report.reading import read_page

OLD, NEW = EVENINGS


def report(place, reference, **more):
    batches = place / "batches"
    runs = place / "runs"
    return write_report(reference, runs_dir=runs, batches_dir=batches, **more)


@pytest.fixture
def evening(stored, tmp_path):
    """The page of an evening that tells where its forecasts come from."""
    return read_page(report(stored, f"nightly/{NEW}", out=tmp_path / "e.html").files[0])


def test_the_folder_of_an_evening_is_its_report(copied):
    batch = copied / "batches" / "nightly"
    (page,) = [f for f in report(copied, "nightly").files if f.parent.name == NEW]
    wanted = page.read_bytes()
    page.unlink()
    for reference in (batch / NEW, f"nightly/{NEW}"):
        written = report(copied, reference)
        assert (written.subject.kind, written.subject.name) == (
            *("evening", f"nightly/{NEW}"),
        )
        assert written.files == (batch / NEW / "report.html",)
        assert page.read_bytes() == wanted
        page.unlink()


def test_the_command_says_which_page_it_wrote(command, copied):
    folder = copied / "batches" / "nightly" / NEW
    told = command.json("report", folder)
    assert (told["kind"], told["name"]) == ("evening", f"nightly/{NEW}")
    assert told["files"] == [str(folder / "report.html")]
    assert told["sections"][0] == "Verdict"
    answer = command("report", f"nightly/{NEW}", "--batches-dir", copied / "batches")
    assert answer.stdout.splitlines()[-1] == str(folder / "report.html")


def test_a_page_elsewhere_has_no_link_that_leads_nowhere(stored, evening):
    assert [one.attributes["href"] for one in evening.all("a") if one.text] == [
        f"#{one.attributes['id']}" for one in evening.all("section")
    ]
    assert "All evenings" not in evening.source


def test_an_evening_is_no_interactive_page(stored):
    with pytest.raises(ConfigError, match="leave out `--interactive`"):
        report(stored, f"nightly/{NEW}", interactive=True)


def test_the_networks_of_an_evening_are_told(evening):
    (network,) = evening.rows("Networks of the evening")
    assert network["trained on"] == "AAPL GOOG"
    assert network["training range"] == "2016-06-01 to 2016-12-30"
    assert network["trained with"] == "forecaster 0.1.0, keras 3.15.1"
    (sums,) = evening.rows("Checksums of the networks")
    assert sums["checksum of the network"] == "ab" * 32
    assert sums["fingerprint of its prices"] == "cd" * 32
    (run,) = evening.rows("Ledger runs behind the forecasts")
    assert (run["run"], run["begun (UTC)"], run["network"]) == (
        *("7", "2024-05-31 22:00", "ab" * 6),
    )


def test_source_versions_and_settings_of_an_evening_are_told(evening):
    facts = {r["what"]: r["value"] for r in evening.rows("Where this comes from")}
    assert facts["source of the prices"] == "yahoo"
    assert facts["asked over the network"] == "yes"
    assert facts["exchange calendar"] == "XNYS"
    versions = {r["what"]: r["value"] for r in evening.rows("Versions")}
    assert versions == provenance_of()["versions"]
    batch, network = (tomllib.loads(raw(one)) for one in evening.all("pre"))
    assert batch == provenance_of()["settings"]
    assert network == {"window": {"lookback": 5}}


def test_the_models_own_verdict_is_told(evening):
    told = [one.text for one in evening.within("p", "verdict")][-1]
    assert told == (
        "The model tiny, when it was tested on GOOG close from 2023-01-03 to "
        f"2023-08-31: {VERDICT['sentence']}"
    )
    (row,) = evening.rows("Beside the best baseline")
    assert (row["ratio"], row["95% interval"], row["p"]) == (
        *("0.9947", "0.9896 to 0.9999", "0.090"),
    )
    notes = [one.text for one in evening.within("p", "model")]
    assert any("Test and interval disagree here: tiny." in note for note in notes)


def test_a_model_that_was_never_tested_is_not_scored_yet(tmp_path):
    known = provenance_of(verdict=None)
    write_evening(
        tmp_path / "b", NEW, [outcome("GOOG", NEW, "forecast")], provenance=known
    )
    page = read_page(report(tmp_path, tmp_path / "b" / NEW).files[0])
    (told,) = [one.text for one in page.within("p", "model")]
    assert told.startswith("The model tiny is not scored yet:")


def test_evenings_of_earlier_versions_are_still_read(stored, tmp_path):
    written = report(stored, f"nightly/{OLD}", out=tmp_path / "old.html")
    page = read_page(written.files[0])
    assert page.headings == ["Verdict", "Forecasts", "Provenance"]
    assert "written by an earlier version of forecaster" in page.source
    facts = {r["what"]: r["value"] for r in page.rows("Where this comes from")}
    assert facts["model"] == "tiny"


def test_the_index_names_the_network_of_each_evening(page_of):
    rows = page_of("nightly").rows("Evenings, newest first")
    assert [row["network"] for row in rows] == ["ab" * 6, "-"]
    assert page_of("nightly").all("h1")[0].text == "The batch nightly"


def test_the_range_of_networks_that_a_batch_trains_is_explained(tmp_path, evening):
    assert "The batch trains its networks itself" not in evening.source
    settings = provenance_of()["settings"] | {"model": {"settings": "tiny"}}
    write_evening(
        tmp_path / "b",
        NEW,
        [outcome("GOOG", NEW, "forecast")],
        provenance=provenance_of(settings=settings),
    )
    page = read_page(report(tmp_path, tmp_path / "b" / NEW).files[0])
    assert "The batch trains its networks itself" in page.source


def test_runs_of_a_network_that_was_replaced_are_named(tmp_path, evening):
    assert "stood in its place before" not in evening.source
    (run,) = provenance_of()["runs"]
    known = provenance_of(
        runs=[run, run | {"run": 6, "fingerprint": "ef" * 32}, run | {"run": 5}]
    )
    write_evening(
        tmp_path / "b", NEW, [outcome("GOOG", NEW, "forecast")], provenance=known
    )
    page = read_page(report(tmp_path, tmp_path / "b" / NEW).files[0])
    assert "stood in its place before: 6." in page.source


def test_many_networks_are_counted_and_the_first_are_shown(tmp_path):
    (one,) = provenance_of()["networks"]
    known = provenance_of(networks=[one | {"network": f"T{n}"} for n in range(60)])
    outcomes = [outcome("GOOG", NEW, "forecast"), failure("A", NEW, "slow")]
    write_evening(tmp_path / "b", NEW, outcomes, provenance=known)
    index, page = (read_page(file) for file in report(tmp_path, tmp_path / "b").files)
    assert len(page.rows("Networks of the evening")) == 50
    assert "The first 50 of 60 networks" in page.source
    assert index.rows("Evenings, newest first")[0]["network"] == "60 networks"


@pytest.mark.parametrize(
    "garbled",
    ["no object", {"verdict": {"ticker": "GOOG"}}, {"networks": [{"network": "a"}]}],
)
def test_a_garbled_provenance_is_told(copied, tmp_path, garbled):
    file = copied / "batches" / "nightly" / NEW / "summary.json"
    summary = json.loads(file.read_text())
    summary["provenance"] = garbled
    file.write_text(json.dumps(summary))
    with pytest.raises(BundleError, match=r"summary\.json: damaged"):
        report(copied, file.parent, out=tmp_path / "e.html")
    assert not (tmp_path / "e.html").exists()


def raw(element):
    return "".join(element.texts)
