"""Runs: what ran when, how long it took, and what it could not forecast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from forecaster.ledger.showing import seconds_of
from forecaster.web import answers, queries
from forecaster.web.failing import count_failures, read_failures
from forecaster.web.gathering import failure
from forecaster.web.opening import Reader


def gather_runs(
    reader: Reader, *, model: str | None, status: str | None, offset: int, limit: int
) -> answers.Runs:
    """Return a page of the runs, newest first."""
    with reader.connect() as connection:
        rows = queries.read_runs(
            connection, model=model, status=status, offset=offset, limit=limit
        )
        n_rows = queries.count_runs(connection, model=model, status=status)
        failed = count_failures(connection, [row["id"] for row in rows])
    shown = [_run_row(row, failed.get(row["id"], 0)) for row in rows]
    return answers.Runs(n_rows=n_rows, offset=offset, rows=shown)


def gather_failures(
    reader: Reader, run: int, *, offset: int, limit: int
) -> answers.Failures | None:
    """Return a page of a run's failures; None if there is no such run."""
    with reader.connect() as connection:
        if not queries.read_runs(connection, ids=[run]):
            return None
        rows = read_failures(connection, run, offset=offset, limit=limit)
        n_rows = count_failures(connection, [run]).get(run, 0)
    found = [failure(row) for row in rows]
    return answers.Failures(n_rows=n_rows, offset=offset, rows=found)


def _run_row(row: Mapping[str, Any], n_failures: int) -> answers.RunRow:
    names = ("id", "config", "model", "target", "version", "status", "started")
    origin = row.get("origin")
    return answers.RunRow(
        **{name: row[name] for name in names},
        finished=row["finished"],
        seconds=seconds_of(row["started"], row["finished"]),
        origin=None if origin is None else str(origin),
        counts=_counts(row["counts"]),
        n_failures=n_failures,
    )


def _counts(text: str) -> dict[str, int | float | str]:
    """Return the counts that a run has noted; what is no number as text."""
    noted = json.loads(text)
    return {
        str(name): value if isinstance(value, int | float) else json.dumps(value)
        for name, value in noted.items()
    }
