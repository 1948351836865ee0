"""A run, a walk-forward test and a batch to report on, and readers of the pages."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from forecaster.explain_files import folder_beside, networks_of, write_explained
from forecaster.report.writing import write_report
from tests.report.reading import read_page
from tests.support.chromium import Visit

TINY = """
name = "tiny"
[window]
lookback = 5
horizon = 2
[features]
scaling = "window"
[target]
form = "log_return"
[model]
head = "quantiles"
quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
[[model.layers]]
units = 2
[training]
start = 2016-06-01
epochs = 2
watch_gradients = true
[evaluation]
end = 2017-03-31
baselines = ["last_value", "constant_quantiles"]
"""
WALK = """
name = "walk"
[data]
tickers = ["AAPL", "GOOG"]
[features]
scaling = "window"
[target]
form = "log_return"
[window]
lookback = 5
horizon = 2
[model]
head = "quantiles"
quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
[[model.layers]]
units = 2
[training]
start = 2016-06-01
epochs = 3
validation_fraction = 0.2
[evaluation]
end = 2017-04-28
baselines = ["last_value", "drift", "constant_quantiles"]
[backtest]
stride = "quarter"
"""
EVENINGS = ("2024-05-30", "2024-05-31")
IMPORTANCE = pd.DataFrame(
    {
        "feature": ["close", "volume"],
        "kind": "window",
        "increase": [0.5, 0.1],
        "increase_spread": [0.1, 0.4],
        "ratio": [1.25, 1.05],
        "ratio_spread": [0.02, 0.2],
    }
)
FACTS = {
    "loss": "pinball loss",
    "base_loss": 2.0,
    "n_folds": 1,
    "n_repeats": 5,
    "n_windows": 61,
    "ticker": "GOOG",
    "target": "close",
    "first_session": "2017-01-03",
    "last_session": "2017-03-31",
}
ATTRIBUTIONS = pd.DataFrame(
    {"close": [0.25, 1.5], "volume": [0.5, 0.125]},
    index=pd.Index([-1, 0], name="session_from_origin"),
)


def explain(folder, *, networks=None, **facts):
    """Leave beside a run or a walk what `forecaster explain` would, made up."""
    importance = IMPORTANCE.copy()
    importance.attrs = FACTS | facts
    known = networks_of(folder) if networks is None else networks
    write_explained(folder_beside(folder), importance, ATTRIBUTIONS, known)


VERDICT = {
    "ticker": "GOOG",
    "target": "close",
    "first_session": "2023-01-03",
    "last_session": "2023-08-31",
    "outcome": "ties",
    "measure": "RMSE",
    "against": "last_value",
    "ratio": 0.9947,
    "low": 0.9896,
    "high": 0.9999,
    "p_value": 0.09,
    "n_forecasts": 166,
    "sentence": "The model ties.",
    "lag": "The forecasts copy.",
}


def provenance_of(**changes) -> dict:
    """Return what a batch tells of where an evening's forecasts come from."""
    known = {
        "versions": {"python": "3.11.9", "forecaster": "0.1.0"},
        "settings": {
            "name": "nightly",
            "source": {"name": "yahoo", "calendar": "XNYS", "offline": False},
        },
        "network_settings": {"window": {"lookback": 5}},
        "networks": [
            {
                "network": "tiny",
                "fingerprint": "ab" * 32,
                "trained_on": {
                    "ticker": "AAPL GOOG",
                    "source": "yahoo",
                    "first": "2016-06-01",
                    "last": "2016-12-30",
                    "n_sessions": 300,
                    "n_windows": 290,
                    "fingerprint": "cd" * 32,
                },
                "versions": {"forecaster": "0.1.0", "keras": "3.15.1"},
            }
        ],
        "verdict": VERDICT,
        "runs": [
            {
                "run": 7,
                "batch": "nightly",
                "started": "2024-05-31T22:00:00+00:00",
                "forecaster": "0.1.0",
                "fingerprint": "ab" * 32,
                "n_tickers": 1,
            }
        ],
    }
    return known | changes


def outcome(ticker: str, day: str, status: str, **more) -> dict:
    return {"ticker": ticker, "origin": day, "status": status, **more}


def failure(ticker: str, day: str, reason: str) -> dict:
    return outcome(
        ticker, day, "failed", kind="SourceTimeout", reason=reason, n_attempts=3
    )


def write_evening(folder, day, outcomes, *, name="nightly", provenance=None) -> None:
    """Write what a batch leaves of an evening, without any network.

    Without a provenance, as earlier versions did.
    """
    place = folder / day
    place.mkdir(parents=True)
    summary = {
        "name": name,
        "model": "tiny",
        "ledger": "ledger.db",
        "status": "partly",
        "started": f"{day}T22:00:00+00:00",
        "finished": f"{day}T22:00:09+00:00",
        "seconds": 9.0,
        "outcomes": outcomes,
    }
    if provenance is not None:
        summary["provenance"] = provenance
    there = [one["ticker"] for one in outcomes if one["status"] != "failed"]
    table = pd.DataFrame(
        {
            "ticker": there,
            "origin": day,
            "session": "2024-06-03",
            "step": 1,
            "last_price": 100.0,
            "actual": None,
            "predicted": [101.0 + n for n in range(len(there))],
            "q0.05": 95.0,
            "q0.95": 108.0,
        }
    )
    table.to_csv(place / "forecasts.csv", index=False)
    (place / "summary.json").write_text(json.dumps(summary))


@pytest.fixture(scope="session")
def stored(command, tmp_path_factory):
    """A folder of runs and batches; nobody changes it."""
    place = tmp_path_factory.mktemp("stored")
    for name, words in (("tiny", ["train"]), ("walk", ["backtest"])):
        file = place / f"{name}.toml"
        file.write_text(TINY if name == "tiny" else WALK)
        answer = command(*words, file, "--runs-dir", place / "runs", "--quiet")
        assert answer.exit_code == 0, answer.output
    explain(place / "runs" / "tiny")
    explain(place / "runs" / "walk.backtest", ticker="AAPL GOOG", n_folds=2)
    first, second = EVENINGS
    batch = place / "batches" / "nightly"
    write_evening(batch, first, [outcome("GOOG", first, "forecast")])
    both = [outcome("GOOG", second, "forecast"), failure("AAPL", second, "too slow")]
    write_evening(batch, second, both, provenance=provenance_of())
    return place


@pytest.fixture(scope="session")
def written(stored, tmp_path_factory):
    """Write a report once for all tests that only read it."""
    place, done = tmp_path_factory.mktemp("reports"), {}

    def write(reference, *, interactive=False):
        key = (reference, interactive)
        if key not in done:
            name = f"{reference.replace('/', '-')}{'-live' if interactive else ''}"
            out = place / (name if reference == "nightly" else f"{name}.html")
            done[key] = write_report(
                reference,
                runs_dir=stored / "runs",
                batches_dir=stored / "batches",
                out=out,
                interactive=interactive,
            )
        return done[key]

    return write


@pytest.fixture(scope="session")
def page_of(written):
    """Return the parsed first page of a report."""

    def read(reference, **more):
        return read_page(written(reference, **more).files[0])

    return read


@pytest.fixture
def copied(stored, tmp_path):
    """A copy of what is stored, free to be damaged."""
    return shutil.copytree(stored, tmp_path / "stored")


@pytest.fixture
def visit(chromium, written):
    """Open reports from the disk; none may complain, or ask for anything else."""
    opened = []

    def open_page(reference, *, interactive=False, evening=None, **window):
        window.setdefault("viewport", {"width": 1100, "height": 800})
        files = written(reference, interactive=interactive).files
        file = files[0] if evening is None else files[evening]
        one = Visit(chromium, "", **window)
        opened.append(one)
        one.page.goto(file.as_uri())
        return one.page

    yield open_page
    for one in opened:
        one.context.close()
    for one in opened:
        assert one.complaints == []
        assert all(url.startswith(("file:", "data:", "blob:")) for url in one.requests)
        assert sum(url.startswith("file:") for url in one.requests) == 1
