"""Metrics: read back with the parser of prometheus_client, another than the writer."""

import math
import os
import warnings
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from forecaster.batch.metrics import write_metrics
from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.errors import ConfigError, OutputError, RunWarning, SourceTimeout
from forecaster.ledger import Ledger
from forecaster.ledger.scoring import COLUMNS

ORIGIN = date(2023, 9, 20)
STARTED = datetime(2023, 9, 20, 20, 45, tzinfo=UTC)
FINISHED = STARTED + timedelta(seconds=90.5)
# `date --date='2023-09-20 20:46:30.5 UTC' +%s.%N`
FINISHED_SECONDS = 1695242790.5
PREFIX = "forecaster_batch_"


def summarise(*outcomes, name="nightly", later=0, ages=None):
    return BatchSummary(
        name=name,
        model="google",
        ledger="ledger.db",
        origins=(ORIGIN,),
        started=STARTED + timedelta(seconds=later),
        finished=FINISHED + timedelta(seconds=later),
        outcomes=outcomes,
        ages=ages or {},
    )


def done(ticker, status="forecast"):
    return TickerOutcome(ticker, ORIGIN, status)


def failed(ticker, error=None):
    return TickerOutcome.failure(ticker, ORIGIN, error or SourceTimeout("no answer"))


def parse(file):
    return [*text_string_to_metric_families(file.read_text(encoding="utf-8"))]


def read(file):
    """Return every sample as {(name, label values without the batch's): value}."""
    found = {}
    for family in parse(file):
        for sample in family.samples:
            assert sample.labels.pop("batch")
            key = (sample.name.removeprefix(PREFIX), *sample.labels.values())
            assert key not in found
            found[key] = sample.value
    return found


def score(ticker, model="google", **values):
    row = dict.fromkeys(COLUMNS, math.nan)
    return row | {"ticker": ticker, "model": model, "n_origins": 10, **values}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "nightly.prom"


def test_a_run_in_numbers(file):
    summary = summarise(
        *(done("AAA"), done("BBB"), done("CCC", "known"), failed("DDD")),
        *(failed("EEE"), failed("FFF", KeyError("x"))),
        ages={"AAA": 0, "BBB": 1, "CCC": 4},
    )
    assert write_metrics(file, summary) == file
    assert read(file) == {
        ("last_success_timestamp_seconds",): 0,
        ("last_run_timestamp_seconds",): FINISHED_SECONDS,
        ("run_duration_seconds",): 90.5,
        ("exit_code",): 5,
        ("tickers", "forecast"): 2,
        ("tickers", "known"): 1,
        ("tickers", "failed"): 3,
        ("failures", "SourceTimeout"): 2,
        ("failures", "KeyError"): 1,
        ("tickers_behind",): 2,
        ("oldest_data_age_sessions",): 4,
    }


def test_nothing_to_do_is_a_success(file):
    write_metrics(file, summarise())
    found = read(file)
    assert found["last_success_timestamp_seconds",] == FINISHED_SECONDS
    assert found["exit_code",] == 0
    assert [found["tickers", s] for s in ("forecast", "known", "failed")] == [0, 0, 0]
    assert ("oldest_data_age_sessions",) not in found  # no prices were read


def test_names_and_types_are_as_prometheus_wants_them(file):
    write_metrics(
        file, summarise(done("AAA"), failed("BBB")), pd.DataFrame([score("A")])
    )
    text = file.read_text(encoding="utf-8")
    for family in parse(file):
        assert family.name.startswith(PREFIX)
        assert family.type == "gauge"
        assert family.documentation.endswith(".")
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
        assert all(one.labels["batch"] == "nightly" for one in family.samples)
    assert not [line for line in text.splitlines() if "_created" in line]
    assert "AAA" not in text and "BBB" not in text


@pytest.mark.parametrize("outcomes", [(done("A"), failed("B")), (failed("B"),)])
def test_a_failed_run_keeps_the_time_of_the_last_success(file, outcomes):
    write_metrics(file, summarise(done("A")))
    for later in (100, 200):
        write_metrics(file, summarise(*outcomes, later=later))
        found = read(file)
        assert found["last_success_timestamp_seconds",] == FINISHED_SECONDS
        assert found["last_run_timestamp_seconds",] == FINISHED_SECONDS + later
    write_metrics(file, summarise(done("A", "known"), later=300))
    assert read(file)["last_success_timestamp_seconds",] == FINISHED_SECONDS + 300


def test_what_the_last_run_said_is_gone(file):
    write_metrics(
        file, summarise(failed("A"), ages={"A": 3}), pd.DataFrame([score("A")])
    )
    write_metrics(file, summarise(done("A")))
    names = {key[0] for key in read(file)}
    assert not names & {"failures", "oldest_data_age_sessions"}


def test_skill_stays_until_it_is_scored_again(file):
    write_metrics(file, summarise(done("A")), pd.DataFrame([score("A")]))
    before = {key: value for key, value in read(file).items() if "model" in key[0]}
    assert before
    write_metrics(file, summarise(failed("A")))
    after = {key: value for key, value in read(file).items() if "model" in key[0]}
    assert after == before


def test_skill_by_hand(file):
    """Ratios 0.5 and 2 cancel; coverage is weighted by 10 and 30 origins."""
    table = pd.DataFrame(
        [
            score(
                "A",
                rmse_ratio=0.5,
                outcome="beats",
                **{"coverage_0.9": 0.8, "coverage_0.9_p_value": 0.1},
            ),
            score(
                "B",
                rmse_ratio=2.0,
                outcome="loses",
                n_origins=30,
                **{"coverage_0.9": 1.0, "coverage_0.9_p_value": 0.2},
            ),
            score("C", rmse_ratio=math.nan, outcome=math.nan, n_origins=1),
            score("A", "other", rmse_ratio=1.1, outcome="ties", n_origins=7),
            score("A", "new", n_origins=0),
        ]
    )
    write_metrics(file, summarise(done("A")), table)
    found = {k: v for k, v in read(file).items() if k[0].startswith("model_")}
    assert found == {
        ("model_rmse_ratio", "google"): pytest.approx(1.0),
        ("model_rmse_ratio", "other"): pytest.approx(1.1),
        ("model_interval_coverage_ratio", "0.9", "google"): pytest.approx(0.95),
        ("model_tickers", "google", "beats"): 1,
        ("model_tickers", "google", "ties"): 0,
        ("model_tickers", "google", "loses"): 1,
        ("model_tickers", "other", "beats"): 0,
        ("model_tickers", "other", "ties"): 1,
        ("model_tickers", "other", "loses"): 0,
        ("model_scored_origins", "google"): 41,
        ("model_scored_origins", "other"): 7,
    }


@pytest.mark.parametrize("known", [0, 40])
def test_the_scores_of_a_real_ledger(file, tmp_path, make_prices, known):
    """Constant factors say what the ratio is: errors of last-value times 1.5."""
    prices = make_prices(41)
    close = prices["close"]
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        run = ledger.begin_run("nightly", "worse", started=STARTED, version="1")
        ledger.write(
            pd.DataFrame(
                {
                    "ticker": "TEST",
                    "model": "worse",
                    "origin": close.index[:-1],
                    "session": close.index[1:],
                    "quantile": 0.0,
                    "step": 1,
                    "value": close.to_numpy()[1:] - 1.5 * close.diff().to_numpy()[1:],
                    "last_price": close.to_numpy()[:-1],
                    "run": run,
                }
            )
        )
        if known:
            ledger.add_actuals("TEST", prices)
        table = ledger.score()
    write_metrics(file, summarise(done("TEST")), table)
    found = read(file)
    if not known:
        assert not [key for key in found if key[0].startswith("model_")]
        return
    assert found["model_scored_origins", "worse"] == 40
    assert found["model_rmse_ratio", "worse"] == pytest.approx(1.5)
    assert found["model_tickers", "worse", "loses"] == 1


def test_odd_names_of_batches_and_models_come_back(file):
    name = 'a "b"\\ ü\n{}'
    table = pd.DataFrame([score("A", name, rmse_ratio=1.0, outcome="ties")])
    write_metrics(file, summarise(failed("A"), name=name), table)
    assert read(file)["model_rmse_ratio", name] == 1
    write_metrics(file, summarise(done("A"), name=name))
    write_metrics(file, summarise(failed("A"), name=name, later=9))
    assert read(file)["last_success_timestamp_seconds",] == FINISHED_SECONDS


def test_two_batches_share_a_folder_but_no_file(tmp_path):
    files = {name: tmp_path / f"{name}.prom" for name in ("tokyo", "york")}
    for name, own in files.items():
        write_metrics(own, summarise(done("A"), name=name))
    series = [
        (sample.name, *sorted(sample.labels.items()))
        for own in files.values()
        for family in parse(own)
        for sample in family.samples
    ]
    assert len(series) == len(set(series))
    before = files["tokyo"].read_bytes()
    with pytest.raises(ConfigError, match="of the batch 'tokyo'"):
        write_metrics(files["tokyo"], summarise(done("A"), name="york"))
    assert files["tokyo"].read_bytes() == before


@pytest.mark.parametrize(
    "name", ["nightly.txt", "nightly", "nightly.prom.tmp", ".prom"]
)
def test_a_name_that_the_collector_does_not_read_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"\.prom"):
        write_metrics(tmp_path / name, summarise())
    assert not [*tmp_path.iterdir()]


def test_where_nothing_can_be_written_the_old_file_stays(file, monkeypatch):
    write_metrics(file, summarise(done("A")))
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_metrics(file, summarise(failed("A")))
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert [*file.parent.iterdir()] == [file]
    blocked = file / "below.prom"
    with pytest.warns(RunWarning), pytest.raises(OutputError):
        write_metrics(blocked, summarise())


def test_others_may_read_it_whatever_the_umask(file):
    old = os.umask(0o077)
    try:
        write_metrics(file, summarise())
    finally:
        os.umask(old)
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"forecaster_batch_exit_code 0\n",
        b'forecaster_batch_last_success_timestamp_seconds{batch="nightly"} NaN\n',
        b"forecaster_batch_last_success_timestamp_seconds 5\n",
        b'forecaster_batch_last_success_timestamp_seconds{batch="nig',
    ],
)
def test_a_damaged_old_file_is_told_and_replaced(file, content):
    file.write_bytes(content)
    with pytest.warns(RunWarning, match="cannot read the metrics of the last run"):
        write_metrics(file, summarise(failed("A")))
    assert read(file)["last_success_timestamp_seconds",] == 0


@given(content=st.binary(max_size=60) | st.text('{}"=\\, _aé1#\n', max_size=40))
def test_no_old_file_whatever_stops_a_batch(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("any") / "nightly.prom"
    text = content if isinstance(content, bytes) else content.encode()
    file.write_bytes(b"forecaster_batch_last_success_timestamp_seconds" + text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunWarning)
        try:
            write_metrics(file, summarise(done("A")))
        except ConfigError:
            return  # it happens to name another batch
    assert read(file)["last_success_timestamp_seconds",] == FINISHED_SECONDS
