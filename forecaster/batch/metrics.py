"""Metrics: what a monitoring system is told about a batch, as a Prometheus textfile.

One file for each batch, replaced at each run, for the textfile collector of
node_exporter. Tickers are counted, never named: a name in a label would leave a time
series behind for every ticker that ever failed, and the summary names them anyway.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecaster.atomic import write_bytes
from forecaster.batch.metrics_file import LAST_SUCCESS, last_success, read_families
from forecaster.batch.summary import STATUSES, BatchSummary
from forecaster.errors import ConfigError
from forecaster.ledger.showing import COVERAGE, coverage_names

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SUFFIX = ".prom"  # the collector reads no other files
OUTCOMES = ("beats", "ties", "loses")
SKILL = "forecaster_batch_model_"


def write_metrics(
    file: Path, summary: BatchSummary, scores: pd.DataFrame | None = None
) -> Path:
    """Write the metrics of a batch, over those of its last run.

    Every metric is a gauge with the label `batch`, the name of the settings. The time
    of the last success stays from run to run until there is another: after a run that
    failed it is taken over from the old file; it is 0 if there has been none.

    Parameters
    ----------
    file
        Its name must end in `.prom`. No two batches may share it.
    summary
        Of the run that has just ended.
    scores : DataFrame, optional
        Of `Ledger.score`: live skill, one row for each ticker and model. Over the
        tickers of a model, RMSE ratios are put together as their geometric mean, each
        ticker as weighty as any other; coverages as their mean weighted by the origins
        scored. Without it the file goes on saying of skill what it said.

    Returns
    -------
    Path
        `file`.

    Raises
    ------
    ConfigError
        If the name does not end in `.prom`, or the file belongs to another batch.
    OutputError
        If it cannot be written. The old file stays.

    Warns
    -----
    RunWarning
        If the old file is damaged: the time of the last success is then lost.

    References
    ----------
    .. [1] Prometheus documentation, Metric and label naming.
    .. [2] Fleming & Wallace (1986), How not to lie with statistics: the correct way to
       summarize benchmark results. On means of ratios.
    """
    registry = _begun(file, summary, summary.exit_code)
    _describe_tickers(registry, summary)
    if scores is None:
        _keep_skill(registry, summary.name, file)
    else:
        _describe_skill(registry, summary.name, scores)
    return _written(file, registry)


def write_failed_metrics(file: Path, summary: BatchSummary, code: int) -> Path:
    """Write the metrics of a run that an error ended before it had a summary.

    The times and the exit code are those of the run; the last success and the skill are
    taken over from the old file, and nothing is said of tickers.

    Parameters
    ----------
    summary
        Name and times of the run, without outcomes.
    code
        The exit code.

    Raises
    ------
    ConfigError, OutputError
        As `write_metrics`.
    """
    registry = _begun(file, summary, code)
    _keep_skill(registry, summary.name, file)
    return _written(file, registry)


def _begun(file: Path, summary: BatchSummary, code: int) -> CollectorRegistry:
    """Return a registry that says what is known of every run."""
    from prometheus_client import CollectorRegistry

    check_name(file)
    registry = CollectorRegistry()
    _describe_success(registry, last_success(file, summary, code), summary.name)
    _describe_run(registry, summary, code)
    return registry


def _written(file: Path, registry: CollectorRegistry) -> Path:
    from prometheus_client import generate_latest

    # The collector skips the hidden file that this takes the name from.
    write_bytes(file, generate_latest(registry))
    return file


def check_name(file: Path) -> None:
    """Refuse a file that the textfile collector would not read.

    Raises
    ------
    ConfigError
        If the name does not end in `.prom`.
    """
    if file.suffix != SUFFIX:
        raise ConfigError(
            f"cannot write metrics to {file}: the textfile collector of node_exporter "
            f"reads only files whose name ends in {SUFFIX}. "
            f"Name it {file.with_suffix(SUFFIX).name if file.name else 'batch.prom'}."
        )


def _describe_success(registry: CollectorRegistry, moment: float, batch: str) -> None:
    meaning = "End of the last run with all forecasts, in seconds since 1970; 0: never."
    _set(registry, LAST_SUCCESS, meaning, {(): moment}, batch)


def _describe_run(
    registry: CollectorRegistry, summary: BatchSummary, code: int
) -> None:
    numbers = {
        "last_run_timestamp_seconds": (
            "End of the last run, in seconds since 1970.",
            summary.finished.timestamp(),
        ),
        "run_duration_seconds": ("How long the last run took.", summary.seconds),
        "exit_code": (
            "Exit code of the last run: 0 all forecasts are there, 5 some failed.",
            code,
        ),
    }
    for name, (meaning, value) in numbers.items():
        _set(registry, f"forecaster_batch_{name}", meaning, {(): value}, summary.name)


def _describe_tickers(registry: CollectorRegistry, summary: BatchSummary) -> None:
    batch, ages = summary.name, summary.ages.values()
    counts = Counter(one.status for one in summary.newest)
    kinds = Counter(one.kind for one in summary.newest)
    _set(
        registry,
        "forecaster_batch_tickers",
        "Tickers of the newest origin of the last run, by what became of them.",
        {(status,): counts[status] for status in STATUSES},
        batch,
        "status",
    )
    _set(
        registry,
        "forecaster_batch_failures",
        "Failed tickers of the newest origin of the last run, by class of the error.",
        {(kind,): n for kind, n in kinds.items() if kind},
        batch,
        "kind",
    )
    _set(
        registry,
        "forecaster_batch_tickers_behind",
        "Tickers whose newest prices are older than the newest origin.",
        {(): sum(age > 0 for age in ages)},
        batch,
    )
    _set(
        registry,
        "forecaster_batch_oldest_data_age_sessions",
        "Sessions by which the most outdated prices are behind the newest origin.",
        {(): max(ages)} if ages else {},
        batch,
    )


def _describe_skill(
    registry: CollectorRegistry, batch: str, scores: pd.DataFrame
) -> None:
    scored = scores.loc[scores["n_origins"] > 0]
    models = {str(name): own for name, own in scored.groupby("model")}
    _set(
        registry,
        "forecaster_batch_model_rmse_ratio",
        "RMSE over that of the last price, geometric mean over tickers.",
        {(name,): _mean_ratio(own["rmse_ratio"]) for name, own in models.items()},
        batch,
        "model",
    )
    _set(
        registry,
        "forecaster_batch_model_interval_coverage_ratio",
        "Share of prices inside the central interval of a level, over all tickers.",
        {
            (name, level): share
            for name, own in models.items()
            for level, share in _coverages(own).items()
        },
        batch,
        *("model", "level"),
    )
    _set(
        registry,
        "forecaster_batch_model_tickers",
        "Scored tickers by the test against the last price, at the 5% level.",
        {
            (name, outcome): int((own["outcome"] == outcome).sum())
            for name, own in models.items()
            for outcome in OUTCOMES
        },
        batch,
        *("model", "outcome"),
    )
    _set(
        registry,
        "forecaster_batch_model_scored_origins",
        "Forecasts whose prices have all come, over all tickers.",
        {(name,): int(own["n_origins"].sum()) for name, own in models.items()},
        batch,
        "model",
    )


def _keep_skill(registry: CollectorRegistry, batch: str, file: Path) -> None:
    """Say of skill what the old file says."""
    for family in read_families(file):
        if not family.name.startswith(SKILL) or not family.samples:
            continue
        labels = [name for name in family.samples[0].labels if name != "batch"]
        values = {
            tuple(one.labels[name] for name in labels): one.value
            for one in family.samples
        }
        _set(registry, family.name, family.documentation, values, batch, *labels)


def _mean_ratio(ratios: pd.Series) -> float:
    """Return the geometric mean of the ratios that are known; NaN without any."""
    known = ratios.to_numpy(dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    return float(np.exp(np.log(known).mean())) if len(known) else math.nan


def _coverages(scores: pd.DataFrame) -> dict[str, float]:
    """Return the share of prices inside, by level, over the tickers that have it."""
    found = {}
    for name in coverage_names(scores):
        known = scores.loc[scores[name].notna()]
        if len(known):
            share = np.average(known[name], weights=known["n_origins"])
            found[name.removeprefix(COVERAGE)] = float(share)
    return found


def _set(
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    values: Mapping[tuple[str, ...], float],
    batch: str,
    *labels: str,
) -> None:
    """Add a metric; an unknown value is left out, since NaN compares with nothing."""
    from prometheus_client import Gauge

    gauge = Gauge(name, meaning, ["batch", *labels], registry=registry)
    for key, value in values.items():
        if not math.isnan(value):
            gauge.labels(batch, *key).set(value)
