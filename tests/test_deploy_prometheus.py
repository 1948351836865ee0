"""Metrics and alerts, checked by Prometheus' own programs and against each other."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from forecaster.batch.metrics import write_metrics
from forecaster.batch.summary import BatchSummary, TickerOutcome
from tests.support.postgres import free_port
from tests.support.programs import program, run

RULES = Path(__file__).parent.parent / "configs" / "deploy" / "prometheus"
METRIC = r"\bforecaster_batch_\w+"
EXPORTER = "prometheus-node-exporter"

needs_promtool = program("promtool", "prometheus")


@needs_promtool
def test_prometheus_accepts_the_rules():
    found = run("promtool", "check", "rules", "--lint=all", RULES / "alerts.yml")
    assert found.returncode == 0, found.stderr
    assert "11 rules found" in found.stdout


@needs_promtool
def test_the_alerts_fire_when_they_should():
    found = run("promtool", "test", "rules", RULES / "alerts_test.yml")
    assert found.returncode == 0, found.stdout + found.stderr


@needs_promtool
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("26 * 3600", "25 * 3600"),
        ("26 * 3600", "28 * 3600"),
        ("* 432000", "* 604800"),
        ("259200", "172800"),
        ("> 0.05", "> 0.06"),
        ("> 0.05", "> 0.04"),
        ("> 0.1", "> 0.09"),
        ("model_rmse_ratio > 1", "model_rmse_ratio > 0.9"),
        ("age_sessions > 1", "age_sessions >= 1"),
        ("exit_code != 5", "exit_code != 7"),
        ("> 3600", "> 3601"),
        ("for: 3h", "for: 2h"),
        ("[1d]", "[1h]"),
    ],
)
def test_the_tests_of_the_alerts_would_find_a_mistake(tmp_path, old, new):
    text = (RULES / "alerts.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "alerts.yml").write_text(text.replace(old, new), encoding="utf-8")
    shutil.copy(RULES / "alerts_test.yml", tmp_path)
    assert (
        run("promtool", "test", "rules", tmp_path / "alerts_test.yml").returncode == 1
    )


def write_everything(file, name="nightly"):
    """Write all that a batch can write."""
    noon = datetime(2023, 9, 20, 12, tzinfo=UTC)
    day = date(2023, 9, 20)
    summary = BatchSummary(
        name=name,
        model="google",
        ledger="ledger.db",
        origins=(day,),
        started=noon,
        finished=noon + timedelta(seconds=1),
        outcomes=(TickerOutcome.failure("A", day, KeyError("x")),),
        ages={"A": 1},
    )
    score = {"ticker": "A", "model": "google", "n_origins": 9, "rmse_ratio": 1.0}
    scores = pd.DataFrame([score | {"outcome": "ties", "coverage_0.9": 0.9}])
    return write_metrics(file, summary, scores)


def written_series(folder):
    text = write_everything(folder / "nightly.prom").read_text(encoding="utf-8")
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


@needs_promtool
@pytest.mark.parametrize(
    ("old", "new"), [("", ""), ("exit_code", "exit_total"), ("} 1", "} one")]
)
def test_prometheus_likes_the_names(tmp_path, old, new):
    """Those that are written, and not those that a mistake would make of them."""
    text = write_everything(tmp_path / "nightly.prom").read_text(encoding="utf-8")
    found = run("promtool", "check", "metrics", input=text.replace(old, new))
    said = found.stdout + found.stderr
    assert ((found.returncode, said) == (0, "")) == (not old), said


@program(EXPORTER, EXPORTER)
def test_the_collector_takes_the_files_of_two_batches(tmp_path):
    for name in ("nightly", "tokyo"):
        write_everything(tmp_path / f"{name}.prom", name)
    address = f"127.0.0.1:{free_port()}"
    words = ["--collector.disable-defaults", "--collector.textfile"]
    words += [f"--collector.textfile.directory={tmp_path}"]
    words += [f"--web.listen-address={address}"]
    with subprocess.Popen([EXPORTER, *words], stderr=subprocess.DEVNULL) as exporter:
        try:
            text = patiently_get(f"http://{address}/metrics")
        finally:
            exporter.terminate()
    assert "node_textfile_scrape_error 0" in text
    for name in ("nightly", "tokyo"):
        assert f'forecaster_batch_tickers{{batch="{name}",status="failed"}} 1' in text


def patiently_get(url):
    ends = time.monotonic() + 20
    while True:
        try:
            return requests.get(url, timeout=10).text
        except requests.ConnectionError:
            assert time.monotonic() < ends
            time.sleep(0.05)


def test_the_alerts_and_their_tests_use_what_is_written(tmp_path):
    series = written_series(tmp_path)
    names = {one.name for one in series}
    pairs = {(one.name, *pair) for one in series for pair in one.labels.items()}
    for file in RULES.iterdir():
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(METRIC, text)) <= names
        for name, labels in re.findall(rf"({METRIC}){{([^}}]*)}}", text):
            for label, value in re.findall(r'(\w+)="(\w+)"', labels):
                free = label in {"batch", "model"}
                known = {(n, k) if free else (n, k, v) for n, k, v in pairs}
                assert ((name, label) if free else (name, label, value)) in known


def test_the_page_names_every_metric_and_no_other(tmp_path):
    page = Path(__file__).parent.parent / "docs" / "deploying.md"
    told = set(re.findall(METRIC, page.read_text(encoding="utf-8")))
    assert told == {one.name for one in written_series(tmp_path)}
