"""`forecaster audit`: what it prints, and how it ends."""

from dataclasses import replace

import pytest

from forecaster.audit import run
from forecaster.audit.pipeline import Pipeline


@pytest.fixture
def leaky(monkeypatch):
    """Let every audit meet a pipeline that fills a target from the day after."""
    honest = Pipeline()

    def make(prices, config, *, ticker):
        table = honest.make_table(prices, config, ticker=ticker)
        return replace(table, features=table.features.shift(-1).ffill())

    pipeline = replace(honest, make_table=make)
    monkeypatch.setitem(run.audit_pipeline.__kwdefaults__, "pipeline", pipeline)


def test_a_clean_pipeline_ends_in_0_and_tells_what_was_proved(command, tiny_toml):
    answer = command("audit", tiny_toml, "--epochs", 1)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.count("\nok    ") == 14
    assert "No leak in 14 checks." in answer.stdout
    assert "Not proved:\n- That the source's prices" in answer.stdout
    assert "training 5 of 5" in answer.stderr


def test_json_is_one_document(command, tiny_toml):
    words = ("audit", tiny_toml, "--epochs", 0, "--ticker", "AAPL", "--quiet")
    document = command.json(*words)
    assert document["passed"] is True
    assert [check["name"] for check in document["checks"]] == [
        *("features_use_only_their_past", "known_future_is_calendar"),
        *("companions_use_only_their_past", "target_is_the_price_as_given"),
        *("scaler_sees_training_only", "training_windows_stay_in_training"),
        *("validation_is_not_test", "inputs_end_at_origin", "target_is_after_origin"),
    ]
    assert "nothing was trained" in document["not_proved"][0]
    assert "AAPL" in document["tried"][0]


def test_a_leak_ends_in_8_and_is_named(command, tiny_toml, leaky):
    answer = command("audit", tiny_toml, "--epochs", 0, "--quiet")
    assert answer.exit_code == 8
    assert "LEAK  features_use_only_their_past" in answer.stdout
    assert "No leak" not in answer.stdout
    assert "found a leak: features_use_only_their_past" in answer.stderr


def test_a_leak_ends_in_8_with_json_too(command, tiny_toml, leaky):
    document = command.json("audit", tiny_toml, "--epochs", 0, "--quiet", code=8)
    assert document["passed"] is False
    leaks = [check for check in document["checks"] if not check["passed"]]
    assert leaks[0]["name"] == "features_use_only_their_past"


def test_a_test_range_without_prices_is_told_at_once(command, tiny_toml):
    late = (
        "--set",
        "evaluation.start=2030-01-01",
        "--set",
        "evaluation.end=2030-02-01",
    )
    answer = command("audit", tiny_toml, *late)
    assert answer.exit_code == 3
    assert "no session lies in the test range" in answer.stderr
    assert "training 1" not in answer.stderr
