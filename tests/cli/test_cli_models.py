"""`forecaster models`: registered, refused, promoted, rolled back and forecast with."""

import subprocess
import sys
from functools import partial
from unittest import mock

import pytest

from tests.audit import leaks
from tests.support.evidence import record_evidence


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("FORECASTER_REGISTRY", str(tmp_path / "registry"))
    return tmp_path / "registry"


@pytest.fixture
def skilled(copied_run):
    """A folder with the run `tiny`, which says that it beats the baselines."""
    record_evidence(copied_run / "tiny", 0.2)
    return copied_run


@pytest.fixture
def models(command):
    return partial(command, "models")


def test_a_run_without_skill_is_registered_and_refused(
    command, models, registry, runs_dir
):
    answer = models("register", "--runs-dir", runs_dir)
    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"tiny@1: {registry / 'tiny' / '1'}\n")
    assert "The model loses to" in answer.stdout
    answer = models("promote", "tiny")
    assert answer.exit_code == 11
    assert "error: tiny@1 has no skill: The model loses to" in answer.stderr
    document = command.json("models", "promote", "tiny", code=11)
    assert (document["error"], document["exit_code"]) == ("NoSkill", 11)
    (row,) = command.json("models", "list")
    assert (row["aliases"], row["audit"], row["ticker"]) == ([], "not run", "GOOG")


def test_force_and_its_reason_want_each_other(models, registry, runs_dir):
    models("register", "tiny", "--runs-dir", runs_dir)
    for words in (["--force"], ["--reason", "why"]):
        answer = models("promote", "tiny", *words)
        assert answer.exit_code == 2
        assert "--force and --reason want each other" in answer.stderr


def test_a_promoted_model_forecasts_and_is_known_by_its_version(
    command, models, registry, skilled, tmp_path
):
    for _ in range(2):
        models("register", "tiny", "--runs-dir", skilled)
    answer = models("promote", "tiny@1")
    assert answer.exit_code == 0, answer.stderr
    assert "promote: tiny@production is version 1, before: nothing" in answer.stdout
    assert "training 5 of 5" in answer.stderr
    place = tmp_path / "ledger.db"
    words = ["predict", "tiny@production", "--as-of", "2018-02-01", "--record"]
    document = command.json(*words, "--ledger", place)
    assert document["recorded"]["model"] == "tiny@1"
    range_ = ["--as-of", "2018-02-01", "--runs-dir", skilled]
    by_run = command.json("predict", "tiny", *range_)
    assert command.json("predict", "tiny@production", *range_) == by_run
    rows = command.json("ledger", "show", "--ledger", place)["forecasts"]
    assert {row["model"] for row in rows} == {"tiny@1"}
    # With a ledger its live losses count, too; one forecast without a price is none.
    words = ["models", "promote", "tiny@1", "--alias", "live", "--ledger", place]
    assert command.json(*words)["audit"] == "passed"
    missing = models("promote", "tiny@1", "--ledger", tmp_path / "none.db")
    assert missing.exit_code == 4


def test_a_reference_serves_wherever_a_run_does(
    command, models, registry, skilled, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    models("register", "tiny", "--runs-dir", skilled)
    range_ = ["--start", "2018-01-02", "--end", "2018-04-30"]
    own = command.json("evaluate", "tiny", "--runs-dir", skilled, *range_)
    assert command.json("evaluate", "tiny@1", *range_) == own
    report = command.json("monitor", "tiny@newest", *range_)
    assert report["ticker"] == "GOOG"
    words = ["explain", "tiny@1", *range_, "--repeats", "1", "--steps", "2"]
    files = command.json(*words, "--windows", "4")["files"]
    assert files[0] == "runs/tiny@1.explain/importance.csv"
    answer = command("predict", "tiny@production")
    assert answer.exit_code == 4
    assert "tiny has no 'production'" in answer.stderr
    assert "forecaster models promote tiny" in answer.stderr


def test_a_leak_in_the_pipeline_refuses_with_its_code(
    command, models, registry, skilled
):
    models("register", "tiny", "--runs-dir", skilled)
    leaky = leaks.same_day_feature().make_table
    with (
        mock.patch("forecaster.preparing.make_table", leaky),
        mock.patch("forecaster.forecasting.make_table", leaky),
    ):
        answer = models("promote", "tiny", "--quiet")
    assert answer.exit_code == 8
    assert "error: tiny@1 fails its audit" in answer.stderr
    shown = models("show", "tiny@1").stdout
    assert "Audit: failed" in shown
    assert "LEAK  " in shown
    document = command.json("models", "show", "tiny@1")
    assert not document["audit"]["passed"]
    assert document["history"] == []


def test_a_forced_promotion_is_listed_with_its_reason(
    command, models, registry, runs_dir, tmp_path
):
    models("register", "tiny", "--runs-dir", runs_dir)
    lost = ["--csv", tmp_path / "lost.csv"]
    answer = models("promote", "tiny", "--force", "--reason", "only a try", *lost)
    assert answer.exit_code == 0, answer.stderr
    assert "warning: forced against: NoSkill: tiny@1 has no skill" in answer.stderr
    assert "warning: forced against: DataError: " in answer.stderr
    assert "; forced: only a try" in answer.stdout
    assert "production: only a try" in models("list").stdout
    (row,) = command.json("models", "list", "tiny")
    assert row["forced"] == {"production": "only a try"}
    (change,) = command.json("models", "show", "tiny")["history"]
    assert change["reason"] == "only a try"
    assert len(change["failures"]) == 2


def test_a_rollback_goes_back(command, models, registry, runs_dir, tmp_path):
    answer = models("rollback", "tiny")
    assert answer.exit_code == 4
    assert "no model 'tiny'" in answer.stderr
    lost = ["--csv", tmp_path / "lost.csv", "--force", "--reason", "a test"]
    for _ in range(2):
        models("register", "tiny", "--runs-dir", runs_dir)
        assert models("promote", "tiny", *lost).exit_code == 0
    document = command.json("models", "rollback", "tiny")
    assert (document["model"], document["before"]) == ("tiny@1", 2)
    answer = models("rollback", "tiny")
    assert answer.exit_code == 2
    assert "names version 1, and named none before" in answer.stderr
    assert "production" in models("list").stdout.split("tiny@2")[0]


def test_the_audit_reads_prices_from_where_it_is_told(
    models, registry, skilled, tmp_path, command
):
    from forecaster.data.sources import load_prices

    prices = load_prices("GOOG", start="2016-01-01", end="2018-02-01")
    path = tmp_path / "mine.csv"
    prices.reset_index().to_csv(path, index=False)
    models("register", "tiny", "--runs-dir", skilled)
    answer = models("promote", "tiny", "--csv", path, "--quiet")
    assert answer.exit_code == 0, answer.stderr
    audit = command.json("models", "show", "tiny")["audit"]
    assert audit["prices"]["series"]["GOOG"]["last"] == "2018-02-01"
    assert audit["prices"]["as_trained"]


def test_verify_names_what_is_damaged(command, models, registry, runs_dir):
    models("register", "tiny", "--runs-dir", runs_dir)
    assert "nothing is damaged" in models("verify").stdout
    path = registry / "tiny" / "1" / "bundle" / "scaler.json"
    path.write_text("{}")
    answer = models("verify", "tiny")
    assert answer.exit_code == 4
    assert f"{path}: damaged" in answer.stdout
    assert command.json("models", "verify", code=4)["problems"]
    answer = command("predict", "tiny@1")
    assert answer.exit_code == 4
    assert f"{path}: damaged" in answer.stderr
    (registry / "tiny" / "1" / "record.json").write_text("")
    assert "damaged" in models("list").stdout


def test_an_empty_registry_is_no_error(command, models, registry):
    assert command.json("models", "list") == []
    answer = models("list")
    assert answer.exit_code == 0
    assert "holds no models; `forecaster models register` adds one" in answer.stderr
    assert models("verify").exit_code == 0
    assert models("list", "tiny").exit_code == 4
    assert models("promote", "tiny").exit_code == 4
    assert not registry.exists()


def test_the_shell_completes_models(models, registry, runs_dir):
    models("register", "tiny", "--runs-dir", runs_dir)

    def offered(typed):
        answer = subprocess.run(
            [sys.executable, "-c", "from forecaster.cli import main; main()"],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": "",
                "FORECASTER_REGISTRY": str(registry),
                "_FORECASTER_COMPLETE": "complete_bash",
                "COMP_WORDS": typed,
                "COMP_CWORD": str(len(typed.split()) - 1),
            },
        )
        return answer.stdout.split()

    assert offered("forecaster models promote ti") == ["tiny", "tiny@1"]
    assert offered("forecaster models rollback ti") == ["tiny"]
