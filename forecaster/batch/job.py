"""The job: a run of a batch, and all who are told of its beginning and its end."""

from __future__ import annotations

from forecaster.batch.journal import Journal
from forecaster.batch.run import Evening, run_batch
from forecaster.batch.summary import BatchSummary
from forecaster.batch.working import Engine
from forecaster.config.batch import BatchConfig


def run_scheduled(
    config: BatchConfig, evening: Evening, *, engine: Engine, journal: Journal
) -> BatchSummary:
    """Run a batch."""
    return run_batch(config, evening, engine=engine, journal=journal)
