"""The registry: versions that never change, aliases, and a gate that can refuse."""

import json
import multiprocessing
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pytest

from forecaster.checksums import canonical_json, read_canonical_json
from forecaster.data.calendar import next_sessions
from forecaster.errors import (
    BundleError,
    ConfigError,
    DataError,
    LeakFound,
    NoSkill,
    OutputError,
    RunLocked,
    RunNotFound,
    RunWarning,
)
from forecaster.jobs import run_training
from forecaster.ledger import POINT, Ledger
from forecaster.registry import Gate, Registry, load_model
from forecaster.registry.auditing import known_audit, own_prices
from forecaster.registry.gate import judge_live
from forecaster.registry.listing import find_problems, list_models
from tests.audit import leaks
from tests.support.evidence import record_evidence

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def prices(make_prices):
    return make_prices(90)


@pytest.fixture(scope="module")
def runs_dir(prices, tiny_config, tmp_path_factory):
    """Runs that differ in what they have recorded: `good`, `equal` and `bad`."""
    folder = tmp_path_factory.mktemp("runs")
    made = run_training(
        prices, tiny_config(), runs_dir=folder, created=NOW, name="good", progress=False
    )
    for name in ("equal", "bad"):
        shutil.copytree(made.folder, folder / name)
    for name, share in (("good", 0.2), ("equal", 1.0), ("bad", 3.0)):
        record_evidence(folder / name, share)
    return folder


@pytest.fixture
def registry(tmp_path):
    return Registry.open(tmp_path / "registry")


@pytest.fixture
def register(registry, runs_dir):
    return partial(registry.register, runs_dir=runs_dir, now=NOW)


@pytest.fixture
def gate(prices):
    return Gate(prices=lambda _: prices)


@pytest.fixture
def promote(registry, gate):
    return partial(registry.promote, "tiny", gate=gate, now=NOW)


@pytest.fixture(scope="module")
def audited(runs_dir, prices, tmp_path_factory):
    """A registry whose versions 1, 2 and 3 of `tiny` have passed their audits."""
    registry = Registry.open(tmp_path_factory.mktemp("audited"))
    first = registry.register("good", runs_dir=runs_dir, now=NOW)
    gate = Gate(prices=lambda _: prices)
    registry.promote("tiny", alias="tried", gate=gate, now=NOW)
    for _ in range(2):
        entry = registry.register("good", runs_dir=runs_dir, now=NOW)
        shutil.copy(first.folder / "audit.json", entry.folder)
    (registry.folder / "tiny" / "aliases.json").unlink()
    return registry.folder


@pytest.fixture
def passed(audited, tmp_path):
    return Registry.open(shutil.copytree(audited, tmp_path / "passed"))


@pytest.fixture
def promote_passed(passed):
    """Promote without prices: only what passed its audit can get through."""
    return partial(passed.promote, "tiny", gate=Gate(prices=no_prices), now=NOW)


def no_prices(config):
    raise DataError("no prices here")


def changes(registry, *names):
    history = registry.aliases("tiny").history
    return [tuple(getattr(change, name) for name in names) for change in history]


def test_versions_count_up_and_hold_the_run(register, registry, runs_dir, prices):
    first, second = register("good"), register("bad")
    assert (first.label, second.label) == ("tiny@1", "tiny@2")
    assert second.folder == registry.folder / "tiny" / "2"
    assert registry.entries()[0].record == first.record
    bundle = runs_dir / "good" / "bundle"
    for path in bundle.iterdir():
        assert (first.folder / "bundle" / path.name).read_bytes() == path.read_bytes()
    assert first.record["run"]["name"] == "good"
    assert first.record["created"] == "2026-11-21T20:00:00+00:00"
    assert (first.verdict.outcome, second.verdict.outcome) == ("beats", "loses")
    own, _ = load_model("good", runs_dir)
    loaded = registry.resolve("tiny@1").load()
    np.testing.assert_array_equal(
        own.predict(prices).price, loaded.predict(prices).price
    )


def test_a_name_may_be_given(register, registry):
    assert register("good", name="other.name-2").label == "other.name-2@1"
    for name in ("", ".hidden", "a@b", "a/b", "../up"):
        with pytest.raises(ConfigError, match="cannot be called"):
            register("good", name=name)
    assert registry.names() == ["other.name-2"]


def test_a_bundle_brings_the_evidence_of_the_run_around_it(
    register, promote, runs_dir, tmp_path
):
    inside = register(runs_dir / "good" / "bundle")
    assert inside.record["run"]["name"] == "good"
    alone = shutil.copytree(runs_dir / "good" / "bundle", tmp_path / "alone")
    assert register(alone).verdict is None
    with pytest.raises(NoSkill, match="without its run"):
        promote()


@pytest.mark.parametrize(
    "name",
    ["run.json", "predictions.csv", "bundle/manifest.json", "bundle/scaler.json"],
)
def test_a_damaged_run_is_not_registered(registry, runs_dir, tmp_path, name):
    copy = shutil.copytree(runs_dir / "good", tmp_path / "runs" / "good")
    (copy / name).write_bytes((copy / name).read_bytes()[:-2] + b" \n")
    with pytest.raises(BundleError, match=name):
        registry.register("good", runs_dir=copy.parent, now=NOW)
    assert not registry.folder.exists()


def test_a_model_with_skill_and_a_passed_audit_is_promoted(register, promote, registry):
    entry = register("good")
    assert entry.load_audit() is None
    change = promote()
    assert (change.version, change.before, change.reason) == (1, None, "")
    assert registry.resolve("tiny").label == registry.resolve("tiny@production").label
    audit = entry.load_audit()
    assert audit["passed"]
    assert audit["prices"]["as_trained"]
    assert audit["prices"]["series"]["TEST"]["first"] == "2020-01-02"
    # What is recorded is not asked again: there are no prices to ask it with.
    again = promote(alias="other", gate=Gate(prices=no_prices))
    assert again.version == 1
    assert promote(gate=Gate(prices=no_prices)) == change
    assert changes(registry, "alias") == [("production",), ("other",)]


@pytest.mark.parametrize(("run", "outcome"), [("bad", "loses"), ("equal", "ties")])
def test_a_model_without_skill_is_refused(register, registry, run, outcome):
    assert register(run).verdict.outcome == outcome
    with pytest.raises(NoSkill, match="tiny@1 has no skill: The model"):
        registry.promote("tiny", gate=Gate(prices=no_prices), now=NOW)
    assert registry.aliases("tiny").current == {}


def test_a_leak_is_refused_and_kept_until_it_is_mended(
    register, promote, registry, prices
):
    entry = register("good")
    leaky = Gate(prices=lambda _: prices, pipeline=leaks.same_day_feature())
    with pytest.raises(LeakFound, match=r"tiny@1 fails its audit: .* 14 checks"):
        promote(gate=leaky)
    assert registry.aliases("tiny").current == {}
    assert not entry.load_audit()["passed"]
    assert list_models(registry)[0]["audit"] == "failed"
    with pytest.raises(DataError, match="no prices here"):  # a failure is no answer
        promote(gate=Gate(prices=no_prices))
    assert promote().version == 1
    assert entry.load_audit()["passed"]


def test_an_audit_of_other_prices_says_so(register, promote, make_prices):
    entry, others = register("good"), make_prices(90, seed=1)
    with pytest.warns(RunWarning, match="tiny@1 was audited on other prices"):
        promote(gate=Gate(prices=lambda _: others))
    assert not entry.load_audit()["prices"]["as_trained"]
    # It does not count for the next promotion: that asks again.
    assert known_audit(entry) is None


def test_a_forced_promotion_keeps_its_reason_and_what_failed(register, registry):
    register("bad")
    forced = partial(registry.promote, "tiny", gate=Gate(prices=no_prices), now=NOW)
    for reason in ("", "  "):
        with pytest.raises(ConfigError, match="reason"):
            forced(force=reason)
    change = forced(force=" the old one is broken ")
    assert change.reason == "the old one is broken"
    assert [text.partition(":")[0] for text in change.failures] == [
        "NoSkill",
        "DataError",
    ]
    row = list_models(registry)[0]
    assert row["forced"] == {"production": "the old one is broken"}
    assert registry.resolve("tiny").version == 1


def test_force_is_not_noted_where_the_gate_was_passed(
    promote_passed, passed, register, registry
):
    assert promote_passed(force="to be sure").reason == ""
    assert list_models(passed)[-1]["forced"] == {}


def test_a_later_pass_ends_a_forced_promotion(register, promote, registry):
    register("good")
    promote(force="no prices at hand", gate=Gate(prices=no_prices))
    assert list_models(registry)[0]["forced"]
    promote()
    assert list_models(registry)[0]["forced"] == {}
    with pytest.raises(ConfigError, match="named none before"):
        registry.rollback("tiny", now=NOW)


def test_a_changed_audit_counts_for_nothing(passed, promote_passed):
    path = passed.folder / "tiny" / "3" / "audit.json"
    path.write_text(path.read_text().replace('"passed": true', '"passed": false', 1))
    with (
        pytest.warns(RunWarning, match="audit.json: damaged"),
        pytest.raises(DataError, match="no prices here"),
    ):
        promote_passed()
    assert list_models(passed)[2]["audit"] == "damaged"
    assert any("audit.json" in problem for problem in find_problems(passed))


@pytest.mark.parametrize("key", ["fingerprint", "version"])
def test_an_audit_of_another_bundle_or_program_counts_for_nothing(
    passed, promote_passed, key
):
    path = passed.folder / "tiny" / "3" / "audit.json"
    audit = read_canonical_json(path)
    if key == "version":
        audit["versions"]["forecaster"] = "0.0.1"
    else:
        audit["fingerprint"] = "0" * 64
    path.write_bytes(canonical_json(audit))
    with pytest.raises(DataError, match="no prices here"):
        promote_passed()


def test_a_rollback_goes_down_what_the_alias_has_named(passed, promote_passed):
    for version in (1, 2, 3):
        assert promote_passed(version).before == (version - 1 or None)
    promote_passed(3, alias="staging")
    assert passed.rollback("tiny", now=NOW).version == 2
    assert promote_passed(3).before == 2
    for version in (2, 1):
        assert passed.rollback("tiny", now=NOW).version == version
        assert passed.resolve("tiny").version == version
    with pytest.raises(ConfigError, match=r"names version 1, and named none before"):
        passed.rollback("tiny", now=NOW)
    with pytest.raises(ConfigError, match=r"'tried' .* it has: production, staging"):
        passed.rollback("tiny", alias="tried", now=NOW)
    assert passed.aliases("tiny").current == {"production": 1, "staging": 3}
    assert changes(passed, "action", "version", "before")[-2:] == [
        ("rollback", 2, 3),
        ("rollback", 1, 2),
    ]


def test_a_rollback_to_a_damaged_version_changes_nothing(passed, promote_passed):
    promote_passed(1)
    promote_passed(2)
    (passed.folder / "tiny" / "1" / "bundle" / "scaler.json").write_text("{}")
    with pytest.raises(BundleError, match=r"1/bundle/scaler.json: damaged"):
        passed.rollback("tiny", now=NOW)
    assert passed.resolve("tiny").version == 2


def test_references_name_versions(passed, promote_passed):
    promote_passed(2)
    found = {
        reference: passed.resolve(reference).version
        for reference in ("tiny", "tiny@production", "tiny@1", "tiny@newest")
    }
    assert found == {"tiny": 2, "tiny@production": 2, "tiny@1": 1, "tiny@newest": 3}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "tiny",
            r"no 'production'; it has newest, 1, 2, 3.*`forecaster models promote",
        ),
        ("tiny@staging", r"no 'staging'.*promote tiny --alias staging`"),
        ("tiny@4", r"no version 4; it has 1, 2, 3"),
        ("tiny@0", r"no '0'; it has newest, 1, 2, 3\.$"),
        ("tiny@", r"no ''; it has newest"),
        ("tinny@1", r"no model 'tinny' .* did you mean 'tiny'\? Models there: tiny"),
        ("../tiny@1", r"no model '../tiny'"),
    ],
)
def test_unknown_references_are_told_what_there_is(passed, reference, message):
    with pytest.raises(RunNotFound, match=message):
        passed.resolve(reference)


def test_an_empty_registry_says_how_to_begin(registry):
    assert registry.names() == []
    assert registry.entries() == []
    with pytest.raises(RunNotFound, match="none yet, add one with"):
        registry.promote("tiny", now=NOW)
    assert not registry.folder.exists()


def test_a_file_is_no_registry(tmp_path, runs_dir):
    (tmp_path / "file").write_text("")
    registry = Registry.open(tmp_path / "file")
    with pytest.raises(BundleError, match="file cannot be read: Not a directory"):
        registry.names()
    with pytest.raises(OutputError, match="cannot write"):
        registry.register("good", runs_dir=runs_dir, now=NOW)


@pytest.mark.parametrize("alias", ["newest", "3", "", "a@b", "-x", "a b"])
def test_an_alias_cannot_be_mistaken(promote_passed, alias):
    with pytest.raises(ConfigError, match="an alias cannot be called"):
        promote_passed(alias=alias)


DAMAGES = [
    *("record.json", "bundle/manifest.json", "bundle/config.toml"),
    *("bundle/scaler.json", "bundle/model.weights.h5", "bundle/model.onnx"),
]


@pytest.mark.parametrize("missing", [False, True], ids=["changed", "missing"])
@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_before_anything_is_loaded(passed, name, missing):
    entry = passed.resolve("tiny@2")
    path = entry.folder / name
    stored = path.read_bytes()
    path.unlink() if missing else path.write_bytes(stored[:-2] + b"xx")
    state = "missing" if missing else "damaged"
    for ask in (partial(passed.resolve, "tiny@2"), entry.load):
        with pytest.raises(BundleError, match=f"{name}: {state}"):
            ask()
    assert any(name in problem for problem in find_problems(passed))
    assert passed.resolve("tiny@1").label == "tiny@1"


def test_another_versions_files_are_no_substitute(passed, register, runs_dir):
    folder = passed.folder / "tiny"
    shutil.copy(folder / "1" / "record.json", folder / "2")
    with pytest.raises(BundleError, match="tiny@1, not of tiny@2"):
        passed.resolve("tiny@2")
    other = register("good")
    manifest = read_canonical_json(other.folder / "bundle" / "manifest.json")
    manifest["trained_on"]["source"] = "elsewhere"
    path = folder / "3" / "bundle" / "manifest.json"
    path.write_bytes(canonical_json(manifest))
    with pytest.raises(BundleError, match="not the one that was registered"):
        passed.resolve("tiny@3").load()


def test_a_record_of_a_later_format_is_refused(passed):
    path = passed.folder / "tiny" / "1" / "record.json"
    path.write_bytes(canonical_json(read_canonical_json(path) | {"format": 2}))
    with pytest.raises(BundleError, match="format 2, this program reads 1"):
        passed.resolve("tiny@1")


def test_damaged_aliases_are_named_and_listed(passed, promote_passed):
    promote_passed(2)
    path = passed.folder / "tiny" / "aliases.json"
    path.write_text(path.read_text().replace('"production": 2', '"production": 1'))
    for ask in (partial(passed.resolve, "tiny"), partial(passed.rollback, "tiny")):
        with pytest.raises(BundleError, match=r"aliases.json: damaged"):
            ask(now=NOW) if ask.func == passed.rollback else ask()
    assert passed.resolve("tiny@1").version == 1
    assert {row["state"] for row in list_models(passed)} == {"aliases damaged"}


def test_the_list_tells_evidence_audit_and_damage(passed, promote_passed, runs_dir):
    promote_passed(1)
    passed.register(runs_dir / "bad", name="other", runs_dir=runs_dir, now=NOW)
    (passed.folder / "tiny" / "2" / "record.json").write_text("{")
    rows = {f"{row['name']}@{row['version']}": row for row in list_models(passed)}
    assert list(rows) == ["other@1", "tiny@1", "tiny@2", "tiny@3"]
    assert rows["tiny@2"] == {
        "name": "tiny",
        "version": 2,
        "state": "damaged",
        "aliases": [],
    }
    assert rows["tiny@1"]["aliases"] == ["production"]
    assert rows["tiny@1"]["audit"] == "passed"
    assert rows["tiny@1"]["outcome"] == "beats"
    assert rows["tiny@1"]["ratio"] == pytest.approx(0.2, abs=0.01)
    assert rows["tiny@1"]["p_value"] < 0.05
    assert (rows["other@1"]["audit"], rows["other@1"]["outcome"]) == (
        "not run",
        "loses",
    )
    assert [row["version"] for row in list_models(passed, "tiny")] == [1, 2, 3]
    json.dumps(list(rows.values()))


def test_a_version_that_was_named_is_never_another_model(
    passed, promote_passed, runs_dir
):
    promote_passed(3)
    shutil.rmtree(passed.folder / "tiny" / "3")
    assert any("names version 3, which is gone" in one for one in find_problems(passed))
    assert passed.register("good", runs_dir=runs_dir, now=NOW).version == 4
    with pytest.raises(RunNotFound, match="no version 3; it has 1, 2, 4"):
        passed.resolve("tiny")


def test_a_number_never_comes_again_whoever_deletes_it(passed, runs_dir):
    shutil.rmtree(passed.folder / "tiny" / "3")
    assert passed.register("good", runs_dir=runs_dir, now=NOW).version == 4
    shutil.rmtree(passed.folder / "tiny" / "4")
    assert passed.register("good", runs_dir=runs_dir, now=NOW).version == 5


def register_once(folder, runs_dir, go):
    go.wait(60)
    Registry.open(folder).register("good", runs_dir=runs_dir, now=NOW)


def test_four_processes_register_four_versions(registry, runs_dir):
    context = multiprocessing.get_context("spawn")
    go = context.Event()
    children = [
        context.Process(target=register_once, args=(registry.folder, runs_dir, go))
        for _ in range(4)
    ]
    for child in children:
        child.start()
    go.set()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    assert registry.versions("tiny") == [1, 2, 3, 4]
    assert find_problems(registry) == []


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from forecaster.registry import Registry, registering

def die(content):
    os.kill(os.getpid(), signal.SIGKILL)

registering.canonical_json = die
folder, runs_dir = sys.argv[1:]
Registry.open(folder).register("good", runs_dir=runs_dir, now=datetime.now(UTC))
"""


def test_a_kill_between_bundle_and_record_leaves_no_version(registry, runs_dir):
    child = subprocess.run(
        [sys.executable, "-c", KILLED, str(registry.folder), str(runs_dir)],
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
    )
    assert child.returncode == -signal.SIGKILL
    folder = registry.folder / "tiny"
    left = [path for path in folder.iterdir() if path.is_dir()]
    assert len(left) == 1
    assert (left[0] / "bundle" / "manifest.json").is_file()
    assert registry.names() == []
    entry = registry.register("good", runs_dir=runs_dir, now=NOW)
    assert entry.version == 1
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["1"]


def test_a_run_that_changes_meanwhile_is_refused(registry, runs_dir, tmp_path):
    from forecaster.registry.registering import Candidate

    copy = shutil.copytree(runs_dir / "good", tmp_path / "runs" / "good")
    candidate = Candidate.find("good", copy.parent)
    record_evidence(copy, 3.0)
    with pytest.raises(BundleError, match="changed while it was registered"):
        candidate.write(tmp_path / "1", {})
    assert not (tmp_path / "1").exists()


def test_who_waits_too_long_is_told(passed, runs_dir):
    impatient = Registry(passed.folder, lock_timeout=0)
    with (
        filelock.FileLock(passed.folder / "tiny" / ".lock"),
        pytest.raises(RunLocked, match=r"another process is at work on .*tiny"),
    ):
        impatient.register("good", runs_dir=runs_dir, now=NOW)
    assert passed.versions("tiny") == [1, 2, 3]


def test_a_model_is_loaded_by_reference_run_or_bundle(
    passed, promote_passed, runs_dir, monkeypatch
):
    promote_passed(2)
    assert load_model("tiny@production", runs_dir, passed)[1] == "tiny@2"
    assert load_model("good", runs_dir, passed)[1] == "good"
    assert load_model(runs_dir / "good" / "bundle", runs_dir, passed)[1] == "good"
    monkeypatch.setenv("FORECASTER_REGISTRY", str(passed.folder))
    assert load_model("tiny@newest", runs_dir, fast=True)[1] == "tiny@3"
    with pytest.raises(RunNotFound, match="no run 'tiny' in"):
        load_model("tiny", runs_dir)


def test_the_registry_lies_beside_the_stored_prices(monkeypatch, tmp_path):
    monkeypatch.delenv("FORECASTER_REGISTRY", raising=False)
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path))
    assert Registry.open().folder == tmp_path / "registry"


def test_own_prices_are_those_of_the_settings(tiny_config, tmp_path):
    one = own_prices(tiny_config(data={"ticker": "AAPL"}))
    assert one.attrs["ticker"] == "AAPL"
    data = {"ticker": "GOOG", "tickers": ["GOOG", "AAPL"]}
    many = own_prices(tiny_config(data=data, features__scaling="window"))
    assert {name: frame.attrs["ticker"] for name, frame in many.items()} == {
        "GOOG": "GOOG",
        "AAPL": "AAPL",
    }
    path = tmp_path / "mine.csv"
    one.loc["2012":].reset_index().to_csv(path, index=False)
    mine = own_prices(tiny_config(data={"ticker": "MINE", "path": str(path)}))
    np.testing.assert_allclose(mine["close"], one.loc["2012":, "close"])


def live(ledger, ticker, values, actuals):
    """Write forecasts for the sessions after the price 100, and what came of them."""
    days = next_sessions("2020-01-01", len(values) + 1)
    rows = {
        "ticker": ticker,
        "model": "tiny@1",
        "origin": days[0],
        "session": days[1:],
        "quantile": POINT,
        "step": range(1, len(values) + 1),
        "value": values,
        "last_price": 100.0,
        "run": ledger.begin_run("tiny", "tiny@1", started=NOW, version="1"),
    }
    ledger.write(pd.DataFrame(rows))
    came = [100.0, *actuals]
    ledger.add_actuals(ticker, pd.DataFrame({"close": came}, index=days[: len(came)]))


def test_live_losses_are_averaged_over_tickers(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        assert judge_live(ledger, "tiny@1") is None
        live(ledger, "META", [102.0, 50.0], [102.0])
        assert judge_live(ledger, "tiny@1") is None  # a price is still to come
        live(ledger, "AAPL", [104.0], [102.0])
        live(ledger, "GOOG", [102.0], [102.0])
        verdict = judge_live(ledger, "tiny@1")
    # Squared errors 4 and 0 of 100 squared, where last-value has 4 and 4.
    assert verdict.n_forecasts == 1
    assert verdict.ratio == pytest.approx(np.sqrt(0.5))
    assert verdict.outcome == "ties"


def walk(ledger, model, share):
    """Write 80 forecasts that miss by a share of what last-value misses by."""
    random = np.random.default_rng(1)
    close = 100 + np.cumsum(random.normal(0, 1, 81))
    days = next_sessions("2020-01-01", 81)
    run = ledger.begin_run("tiny", model, started=NOW, version="1")
    rows = {
        "ticker": "TEST",
        "model": model,
        "origin": days[:-1],
        "session": days[1:],
        "quantile": POINT,
        "step": 1,
        "value": close[1:] + share * random.permutation(np.diff(close)),
        "last_price": close[:-1],
        "run": run,
    }
    ledger.write(pd.DataFrame(rows))
    ledger.add_actuals("TEST", pd.DataFrame({"close": close}, index=days))


def test_a_model_that_loses_live_is_refused(passed, promote_passed, tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        walk(ledger, "tiny@2", 3.0)
        walk(ledger, "tiny@1", 0.2)
        watched = Gate(prices=no_prices, ledger=ledger)
        with pytest.raises(NoSkill, match="tiny@2 loses live, as tiny@2: The model"):
            promote_passed(2, gate=watched)
        assert promote_passed(1, gate=watched).version == 1
        with pytest.warns(RunWarning, match="no forecasts of tiny@3 or good whose"):
            assert promote_passed(3, gate=watched).version == 3
        # What its run recorded before it was registered counts too.
        walk(ledger, "good", 3.0)
        with pytest.raises(NoSkill, match="tiny@3 loses live, as good: The model"):
            promote_passed(3, gate=watched)
