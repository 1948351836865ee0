"""Outputs: what a batch leaves for other programs and for people, origin by origin."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import write_bytes, write_text
from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.config.batch import BatchConfig, Format
from forecaster.ledger import Ledger
from forecaster.ledger.exporting import write_table
from forecaster.ledger.reading import widen
from forecaster.ledger.showing import cell, plain

SUMMARY = "summary.json"
TEMPLATES = Path(__file__).parent / "templates"
# Columns of the table that says what earlier forecasts were worth.
SCORES = ("ticker", "n_origins", "rmse_ratio", "p_value", "outcome", "drift_since")


def write_outputs(
    config: BatchConfig,
    ledger: Ledger,
    summary: BatchSummary,
    origins: Sequence[date],
    scores: pd.DataFrame | None = None,
) -> tuple[str, ...]:
    """Write the forecasts of origins, as the ledger has them, and return the files.

    A later run that adds tickers writes them again, whole.

    Parameters
    ----------
    scores
        Of `Ledger.score`.

    Raises
    ------
    OutputError
        If a file cannot be written; what stood there is untouched.
    """
    files: list[Path] = []
    for origin in origins:
        folder = config.folder / origin.isoformat()
        rows = ledger.forecasts(model=summary.model, origin=origin)
        table = widen(rows).drop(columns="model")
        for kind in config.outputs.formats:
            files.append(_write_table(table, folder, kind))
        if config.outputs.report:
            files.append(_write_report(table, folder, summary, origin, scores))
        # The last: with it, the evening is done.
        files.append(_write_summary(summary, folder))
    return tuple(str(file) for file in files)


def is_written(config: BatchConfig, origin: date) -> bool:
    """Return whether all outputs of an evening are there."""
    return (config.folder / origin.isoformat() / SUMMARY).is_file()


def check_writable(config: BatchConfig) -> None:
    """Refuse a folder that cannot be written, before hours of work.

    Raises
    ------
    OutputError
        With the reason.
    """
    probe = config.folder / ".probe"
    write_bytes(probe, b"")
    probe.unlink()


def _write_table(table: pd.DataFrame, folder: Path, kind: Format) -> Path:
    file = folder / f"forecasts.{kind}"
    if kind == "json":
        write_text(file, json.dumps(plain(table), indent=1) + "\n")
    else:
        write_table(table, file)
    return file


def _write_summary(summary: BatchSummary, folder: Path) -> Path:
    file = folder / SUMMARY
    write_text(file, json.dumps(summary.to_dict(), indent=1) + "\n")
    return file


def _write_report(
    table: pd.DataFrame,
    folder: Path,
    summary: BatchSummary,
    origin: date,
    scores: pd.DataFrame | None,
) -> Path:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    own = [one for one in summary.outcomes if one.origin == origin]
    failures = [one for one in own if one.status == "failed"]
    columns = [name for name in table if name not in ("origin", "actual")]
    page = environment.get_template("batch.html").render(
        summary=summary,
        origin=origin,
        n_tickers=len(own),
        n_there=len(own) - len(failures),
        failures=failures,
        columns=columns,
        rows=[[*row.values()] for row in _cells(table[columns])],
        **_skill(scores),
    )
    file = folder / "report.html"
    write_text(file, page)
    return file


def _skill(scores: pd.DataFrame | None) -> dict[str, Any]:
    """Return the scores as texts, and a sentence that sums them up."""
    if scores is None or not (scores["n_origins"] > 0).any():
        return {"scores": [], "skill": ""}
    known = scores.loc[scores["n_origins"] > 0]
    outcomes = known["outcome"].value_counts()
    skill = (
        f"Against the last price: {outcomes.get('beats', 0)} of {len(known)} tickers "
        f"do better by more than luck, {outcomes.get('loses', 0)} worse, and of "
        f"{outcomes.get('ties', 0)} it cannot be told."
    )
    return {"scores": _cells(known[[*SCORES]]), "skill": skill}


def _cells(table: pd.DataFrame) -> list[dict[str, str]]:
    rows = plain(table)
    return [{name: cell(value) for name, value in row.items()} for row in rows]


def outcomes_known(
    universe: Sequence[str], missing: Sequence[str], origin: date
) -> list[TickerOutcome]:
    """Return the outcomes of tickers whose forecasts were there already."""
    absent = set(missing)
    return [
        TickerOutcome(ticker, origin, "known")
        for ticker in universe
        if ticker not in absent
    ]
