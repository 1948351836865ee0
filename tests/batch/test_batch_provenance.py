"""Provenance of a batch: what each evening's forecasts come from, in its summary."""

import json
import shutil

import pytest

from forecaster.batch.provenance import verdict_beside
from forecaster.bundle import library_versions
from forecaster.checksums import canonical_json, checksum
from forecaster.report.writing import write_report
from tests.batch.conftest import LAST
from tests.report.reading import read_page

VERDICT = {"outcome": "ties", "sentence": "It ties."}
EVALUATION = {
    "ticker": "AAA",
    "target": "close",
    "first_session": "2020-03-30",
    "last_session": "2020-08-19",
    "verdict": VERDICT,
    "quantile_verdict": None,
    "lag": None,
}


def known_of(desk, origin=LAST):
    return desk.summary_file(origin)["provenance"]


def record(bundle, folder, name, evaluation):
    """Copy a bundle to beside a record of what it was found worth."""
    copied = shutil.copytree(bundle, folder / "bundle")
    (folder / name).write_bytes(canonical_json({"evaluation": evaluation}))
    return copied


def test_the_network_and_the_run_of_an_evening_are_the_ledgers(desk):
    desk.run()
    known = known_of(desk)
    manifest = json.loads((desk.bundle / "manifest.json").read_text())
    (network,) = known["networks"]
    assert network["fingerprint"] == checksum(desk.bundle / "manifest.json")
    assert network["trained_on"] == manifest["trained_on"]
    assert network["versions"] == manifest["versions"]
    (run,) = known["runs"]
    (row,) = desk.runs().to_dict("records")
    assert (run["run"], run["fingerprint"]) == (row["id"], row["fingerprint"])
    assert run["fingerprint"] == network["fingerprint"]
    assert run["n_tickers"] == 4
    assert known["versions"] == library_versions()
    assert known["settings"]["source"]["path"] == str(desk.folder / "prices")
    assert known["verdict"] is None


def test_a_second_run_changes_neither_rows_nor_summary(desk):
    desk.run()
    folder = desk.folder / "batches" / "nightly" / LAST
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert desk.run().status == "up to date"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_rows_of_an_earlier_run_keep_their_own_run(desk, bundle, tmp_path):
    (desk.folder / "prices" / "DDD.csv").rename(desk.folder / "DDD.csv")
    assert desk.run().status == "partly"
    forecasts = desk.folder / "batches" / "nightly" / LAST / "forecasts.csv"
    first = forecasts.read_text().splitlines()
    (desk.folder / "DDD.csv").rename(desk.folder / "prices" / "DDD.csv")
    assert desk.run().status == "finished"
    assert [one["n_tickers"] for one in known_of(desk)["runs"]] == [3, 1]
    assert forecasts.read_text().splitlines()[: len(first)] == first


def test_secrets_of_the_settings_stay_out(desk):
    desk.run(outputs__ping="https://hc.example.org/secret-check")
    text = (desk.folder / "batches" / "nightly" / LAST / "summary.json").read_text()
    assert "secret-check" not in text
    settings = json.loads(text)["provenance"]["settings"]
    assert settings["outputs"]["ping"] == "not shown"
    assert settings["ledger"]["place"] == desk.summary_file(LAST)["ledger"]


def test_networks_that_the_batch_trains_are_named_by_their_tickers(desk, training_file):
    model = {"settings": str(training_file), "scope": "ticker", "name": "own"}
    desk.run(model=model)
    known = known_of(desk)
    assert [one["network"] for one in known["networks"]] == ["AAA", "BBB", "CCC", "DDD"]
    assert len({one["fingerprint"] for one in known["networks"]}) == 4
    assert known["runs"][0]["fingerprint"] is None
    assert known["network_settings"]["training"]["epochs"] == 1
    assert known["verdict"] is None


@pytest.mark.parametrize("name", ["run.json", "record.json"])
def test_the_verdict_beside_a_network_is_kept(desk, bundle, tmp_path, name):
    copied = record(bundle, tmp_path / "own", name, EVALUATION)
    wanted = {name: EVALUATION[name] for name in ("ticker", "target")}
    found = verdict_beside(copied)
    assert found | wanted | VERDICT == found
    assert (found["first_session"], found["lag"]) == ("2020-03-30", None)
    better = EVALUATION | {"quantile_verdict": {"outcome": "beats"}}
    both = record(bundle, tmp_path / "both", name, better)
    assert verdict_beside(both)["outcome"] == "beats"


def test_no_evidence_or_damaged_evidence_is_no_verdict(bundle, tmp_path):
    assert verdict_beside(record(bundle, tmp_path / "a", "record.json", None)) is None
    assert verdict_beside(record(bundle, tmp_path / "b", "run.json", {"x": 1})) is None
    damaged = record(bundle, tmp_path / "c", "run.json", EVALUATION)
    (tmp_path / "c" / "run.json").write_text("{")
    assert verdict_beside(damaged) is None


def test_the_pages_of_the_evening_show_it_and_can_be_made_again(desk):
    desk.run()
    folder = desk.folder / "batches" / "nightly" / LAST
    file = folder / "report.html"
    page, written = read_page(file), file.read_bytes()
    (sums,) = page.rows("Checksums of the networks")
    assert sums["checksum of the network"] == checksum(desk.bundle / "manifest.json")
    assert "is not scored yet" in page.within("p", "model")[0].text
    assert write_report(folder).files == (file,)
    assert file.read_bytes() == written
