"""Outputs: what a batch leaves for other programs and for people, origin by origin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import write_bytes, write_text
from forecaster.batch.provenance import Provenance
from forecaster.batch.summary import BatchSummary, TickerOutcome
from forecaster.config.batch import BatchConfig, Format
from forecaster.ledger import Ledger
from forecaster.ledger.exporting import write_table
from forecaster.ledger.reading import widen
from forecaster.ledger.showing import plain
from forecaster.report.stored import SUMMARY


def write_outputs(
    config: BatchConfig,
    ledger: Ledger,
    summary: BatchSummary,
    origins: Sequence[date],
    scores: pd.DataFrame | None = None,
    provenance: Provenance | None = None,
) -> tuple[str, ...]:
    """Write the forecasts of origins, as the ledger has them, and return the files.

    A later run that adds tickers writes them again, whole. The index over all evenings
    is written anew too, and is not among the files returned.

    Parameters
    ----------
    scores
        Of `Ledger.score`.
    provenance
        Tells what each evening comes from, for its summary and its page.

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
        document = summary.to_dict()
        if provenance is not None:
            document["provenance"] = provenance.of(origin, rows)
        for kind in config.outputs.formats:
            files.append(_write_table(table, folder, kind))
        if config.outputs.report:
            files += _write_report(table, folder, document, origin, scores)
        # The last: with it, the evening is done.
        files.append(_write_summary(document, folder))
    if config.outputs.report and origins:
        _write_index(config)
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


def _write_summary(document: Mapping[str, Any], folder: Path) -> Path:
    file = folder / SUMMARY
    write_text(file, json.dumps(document, indent=1) + "\n")
    return file


def _write_report(
    table: pd.DataFrame,
    folder: Path,
    document: Mapping[str, Any],
    origin: date,
    scores: pd.DataFrame | None,
) -> list[Path]:
    """Write the page of an evening, and the scores that it shows, if there are any."""
    from forecaster.report.evenings import PAGE, SCORES, evening_page
    from forecaster.report.rendering import render

    files = []
    if scores is not None and (scores["n_origins"] > 0).any():
        # So that `forecaster report` can make the page again.
        files.append(folder / SCORES)
        write_bytes(files[0], scores.to_csv(index=False).encode())
    page = evening_page(document, origin.isoformat(), table, scores)
    files.append(folder / PAGE)
    write_text(folder / PAGE, render(page))
    return files


def _write_index(config: BatchConfig) -> None:
    """Write the page that leads to all evenings; one that is damaged is left out."""
    from forecaster.report.evenings import INDEX, index_page, read_summaries
    from forecaster.report.rendering import render

    summaries = read_summaries(config.folder, skip_damaged=True)
    page = index_page(config.name, summaries)
    write_text(config.folder / INDEX, render(page))


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
