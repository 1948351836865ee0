"""`--trade` of `forecaster evaluate` and `backtest`: what the forecasts would earn."""

import json
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from forecaster.cli.trading import RuleName
from forecaster.trading_rules import Kind, Rule

QUARTER = ("--start", "2017-01-01", "--end", "2017-03-31")


@pytest.fixture(scope="module")
def evaluate(command, runs_dir):
    """Evaluate the finished run on a quarter and return the JSON document."""

    def ask(*words):
        return command.json(
            "evaluate", "tiny", *QUARTER, *words, "--runs-dir", runs_dir
        )

    return ask


def test_every_rule_can_be_chosen():
    assert {name.value for name in RuleName} == set(get_args(Kind))


def test_without_it_nothing_is_said_of_trading(evaluate):
    assert "trading" not in evaluate()


def test_evaluate_trades_on_its_forecasts(evaluate, command, runs_dir, tmp_path):
    trading = evaluate("--trade", "--out", tmp_path)["trading"]
    assert (trading["rule"]["kind"], trading["costs"]) == ("sign", 5.0)
    table = pd.read_csv(tmp_path / "predictions.csv")
    move = table["actual"] / table["last_value"] - 1
    side = np.sign(table["predicted"] - table["last_value"])
    bought = np.abs(np.diff(side, prepend=0.0))
    made = np.prod(1 + side * move - 5e-4 * bought) - 1
    assert trading["table"]["strategy"]["total_return"] == pytest.approx(made)
    first = np.arange(len(table)) == 0
    held = np.prod(1 + move - 5e-4 * first) - 1
    assert trading["table"]["buy_and_hold"]["total_return"] == pytest.approx(held)
    assert trading["n_sessions"] == len(table) == 62
    # What is kept of the evaluation is the same with and without.
    assert "trading" not in json.loads((tmp_path / "metrics.json").read_text())


def test_it_is_printed_below_the_evaluation(evaluate, command, runs_dir):
    words = ("evaluate", "tiny", *QUARTER, "--trade", "--runs-dir", runs_dir)
    answer = command(*words, "--rule", "long_only", "--costs", 10)
    assert answer.exit_code == 0, answer.stderr
    above, title, below = answer.stdout.partition(
        "long_only, costs of 10 basis points, 62 sessions"
    )
    assert "The model" in above
    assert title
    trading = evaluate("--trade", "--rule", "long_only", "--costs", 10)["trading"]
    for name in ("strategy", "buy and hold", "cash"):
        (line,) = (row for row in below.splitlines() if row.strip().startswith(name))
        facts = trading["table"][name.replace(" ", "_")]
        assert f"{100 * facts['total_return']:.1f}%" in line
        assert line.split()[-1] == str(int(facts["n_trades"]))
    assert " ".join(trading["sentence"].split()) in " ".join(below.split())


def test_costs_cost(evaluate):
    free, dear = (
        evaluate("--trade", "--costs", costs)["trading"]["table"]["strategy"]
        for costs in (0, 50)
    )
    assert free["turnover"] > 0
    assert dear["total_return"] < free["total_return"]


@pytest.mark.parametrize("rule", list(RuleName))
def test_each_rule_is_the_one_of_the_library(evaluate, rule):
    trading = evaluate("--trade", "--rule", rule)["trading"]
    assert trading["rule"]["kind"] == rule
    assert f"`{Rule(rule.value)}`" in trading["sentence"]


@pytest.mark.parametrize("words", [("--rule", "sign"), ("--costs", "3")])
@pytest.mark.parametrize("name", ["evaluate", "backtest"])
def test_a_rule_without_trading_is_refused(command, runs_dir, name, words):
    answer = command(name, "tiny", *words, "--runs-dir", runs_dir)
    assert answer.exit_code == 2
    assert "Add --trade, or leave them out" in answer.stderr


@pytest.mark.parametrize("words", [("--rule", "guess"), ("--costs", "-1")])
def test_what_cannot_be_traded_by_is_refused(command, runs_dir, words):
    answer = command("evaluate", "tiny", "--trade", *words, "--runs-dir", runs_dir)
    assert answer.exit_code == 2
    assert words[0] in answer.stderr


def test_a_price_that_cannot_be_traded_is_warned_of(command, tiny_toml, tmp_path):
    words = ("--set", "data.target='open'", "--set", "features.columns=['open']")
    where = ("--runs-dir", tmp_path)
    assert command("train", tiny_toml, *words, *where, "--quiet").exit_code == 0
    answer = command("evaluate", "tiny", "--trade", *QUARTER, *where)
    assert answer.exit_code == 0
    assert "warning: the forecasts are of `open`" in answer.stderr


def test_backtest_trades_over_all_folds(command, tiny_toml, tmp_path):
    words = ("backtest", tiny_toml, "--runs-dir", tmp_path, "--quiet", "--trade")
    settings = ("--set", "backtest.stride=20", "--set", "backtest.refit=0")
    settings += ("--set", "evaluation.end=2017-03-31")
    document = command.json(*words, *settings, "--rule", "scaled")
    assert document["n_folds"] > 2
    trading = document["trading"]
    assert trading["tickers"] == ["GOOG"]
    assert trading["n_sessions"] == 62
    assert trading["rule"]["kind"] == "scaled"
    kept = json.loads((tmp_path / "tiny.backtest" / "backtest.json").read_text())
    assert "trading" not in kept
    # The second time nothing is trained.
    answer = command(*words, *settings, "--rule", "scaled")
    assert " ".join(trading["sentence"].split()) in " ".join(answer.stdout.split())
    assert "buy and hold" in answer.stdout
