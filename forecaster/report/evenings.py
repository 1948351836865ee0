"""The pages of a batch: one for each evening, and an index over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.errors import BundleError
from forecaster.report.evening_sources import (
    model_section,
    model_texts,
    page_sources,
    short_fingerprints,
)
from forecaster.report.forecasts import page_forecasts, read_forecasts
from forecaster.report.page import (
    NOTHING,
    Mood,
    Page,
    Section,
    Table,
    joined,
    table_of,
)
from forecaster.report.stored import SUMMARY, evening_folders, read_json, read_table

INDEX, PAGE, SCORES = "index.html", "report.html", "scores.csv"
STATUS: dict[str, Mood] = {
    "finished": "good",
    "up to date": "good",
    "partly": "even",
    "failed": "bad",
}
# Columns of the table that says what earlier forecasts were worth.
SCORED = ("ticker", "n_origins", "rmse_ratio", "p_value", "outcome", "drift_since")
MOST_NAMED, MOST_FAILURES = 5, 200
CURE = "Restore it from a copy, or delete it and replay the evening with `--as-of`."
NO_SCORES = (
    "None of the earlier forecasts is scored here: their prices had not come yet, or "
    "the evening was replayed."
)
STATUS_WORDS = (
    "finished: every ticker has a forecast. partly: some failed. failed: all did. up "
    "to date: every forecast was in the ledger before. “known before” counts tickers "
    "whose forecasts an earlier run made; “network” is the beginning of its checksum."
)


def batch_pages(folder: Path) -> tuple[Page, dict[str, Page]]:
    """Return the index over a batch's evenings, and the page of each by its date.

    Raises
    ------
    BundleError
        If an evening's files are missing or damaged.
    """
    summaries = read_summaries(folder)
    pages = {
        name: _page_of(folder / name, summary) for name, summary in summaries.items()
    }
    return index_page(folder.resolve().name, summaries), pages


def read_evening(folder: Path) -> Page:
    """Return the page of one evening, from what its folder holds.

    Raises
    ------
    BundleError
        If its files are missing or damaged.
    """
    return _page_of(folder.resolve(), _read_summary(folder / SUMMARY))


def _page_of(folder: Path, summary: Mapping[str, Any]) -> Page:
    table, scores = read_forecasts(folder), folder / SCORES
    _check_forecasts(folder, table, outcomes_of(summary, folder.name))
    known = read_table(scores) if scores.is_file() else None
    try:
        return evening_page(summary, folder.name, table, known)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{folder / SUMMARY}: damaged, it lacks or garbles {error}. {CURE}"
        ) from error


def read_summaries(
    folder: Path, *, skip_damaged: bool = False
) -> dict[str, dict[str, Any]]:
    """Read what each evening's run left of itself, by date, newest first.

    Raises
    ------
    BundleError
        If one of them is damaged, unless these are skipped.
    """
    found = {}
    for evening in evening_folders(folder):
        try:
            found[evening.name] = _read_summary(evening / SUMMARY)
        except BundleError:
            if not skip_damaged:
                raise
    return found


def _read_summary(path: Path) -> dict[str, Any]:
    summary = read_json(path, "Run the batch again.")
    outcomes = summary.get("outcomes")
    whole = isinstance(outcomes, list) and all(
        isinstance(one, dict) and {"ticker", "origin", "status"} <= one.keys()
        for one in outcomes
    )
    whole &= isinstance(summary.get("provenance", {}), dict)
    if not whole or not {"name", "model", "finished"} <= summary.keys():
        raise BundleError(f"{path}: damaged, it is no summary of a batch. {CURE}")
    return summary


def _check_forecasts(
    folder: Path, table: pd.DataFrame, outcomes: Sequence[Mapping[str, Any]]
) -> None:
    """Refuse forecasts that lack a ticker which the summary has one for."""
    wanted = {str(one["ticker"]) for one in outcomes if one["status"] != "failed"}
    missing = wanted - {str(ticker) for ticker in table["ticker"]}
    if missing:
        raise BundleError(
            f"{folder}: damaged, there are no forecasts of "
            f"{', '.join(sorted(missing)[:MOST_NAMED])}. Restore it from a copy."
        )


def index_page(name: str, summaries: Mapping[str, Mapping[str, Any]]) -> Page:
    """Return the page that leads to all evenings of a batch."""
    rows, failures, links = [], [], {}
    for day, summary in summaries.items():
        own = outcomes_of(summary, day)
        counts = Counter(str(one["status"]) for one in own)
        failed = [str(one["ticker"]) for one in own if one["status"] == "failed"]
        more = (
            f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        )
        rows.append(
            (
                day,
                status_of(own),
                str(len(own)),
                str(counts["forecast"]),
                str(counts["known"]),
                str(counts["failed"]),
                ", ".join(failed[:MOST_NAMED]) + more,
                str(summary["model"]),
                short_fingerprints(summary) or NOTHING,
                str(summary["finished"])[:16].replace("T", " "),
            )
        )
        links[day] = f"{day}/{PAGE}"
        failures += [_failure(day, one) for one in own if one["status"] == "failed"]
    columns = (
        *("evening", "status", "tickers", "forecast", "known before", "failed"),
        *("which failed", "model", "network", "written (UTC)"),
    )
    words = frozenset({"evening", "status", "which failed", "model", "network"})
    table = Table("Evenings, newest first", columns, tuple(rows), words, links)
    newest = next(iter(summaries))
    own = outcomes_of(summaries[newest], newest)
    status, n_there = status_of(own), sum(one["status"] != "failed" for one in own)
    n_failed = sum(1 for row in rows if row[5] != "0")
    told = f"{len(rows)} evenings, {n_failed} of them with failures."
    if len(failures) > MOST_FAILURES:
        told += f" The newest {MOST_FAILURES} of {len(failures)} failures are below."
    sections = [
        Section("verdict", "Evenings", (told,), (), (table,), (STATUS_WORDS,)),
        _failures(failures[:MOST_FAILURES], "evening"),
    ]
    facts = {
        "n_evenings": len(rows),
        "n_evenings_with_failures": n_failed,
        "evenings": [{"date": row[0], "status": row[1]} for row in rows],
    }
    title = f"The batch {name}"
    lead = (
        f"Newest evening {newest}: {status}, {n_there} of {len(own)} tickers have a "
        "forecast"
    )
    return Page("batch", name, title, lead, STATUS[status], joined(sections), facts)


def evening_page(
    summary: Mapping[str, Any],
    day: str,
    table: pd.DataFrame,
    scores: pd.DataFrame | None = None,
) -> Page:
    """Return the page of one evening.

    Parameters
    ----------
    summary
        As `BatchSummary.to_dict` returns it.
    day
        The session after which forecasts were made, in ISO form.
    table
        The forecasts: `ticker session step last_price predicted`, and quantiles.
    scores
        What earlier forecasts were worth, of `Ledger.score`.
    """
    own = outcomes_of(summary, day)
    failures = [_failure(day, one)[1:] for one in own if one["status"] == "failed"]
    n_there = len(own) - len(failures)
    more = f", {len(failures)} failed" if failures else ""
    told = f"{n_there} of {len(own)} tickers have a forecast{more}."
    worth = _skill_text(scores) or ((NO_SCORES,) if n_there else ())
    texts = (told, *worth, *model_texts(summary))
    sections = joined(
        [
            Section("verdict", "Verdict", texts=texts),
            page_forecasts(table),
            _skill(scores),
            model_section(summary),
            _failures(failures, None),
            page_sources(summary),
        ]
    )
    status = status_of(own)
    title = f"{summary['name']}: forecasts after {day}"
    return Page(
        "evening",
        str(summary["name"]),
        title,
        told,
        STATUS[status],
        sections,
        back=f"../{INDEX}",
    )


def outcomes_of(summary: Mapping[str, Any], day: str) -> list[dict[str, Any]]:
    """Return what became of the tickers of one evening."""
    return [one for one in summary["outcomes"] if one["origin"] == day]


def status_of(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """Return in a word what became of an evening."""
    statuses = {one["status"] for one in outcomes}
    if "failed" in statuses:
        return "failed" if statuses == {"failed"} else "partly"
    return "finished" if "forecast" in statuses else "up to date"


def _skill_text(scores: pd.DataFrame | None) -> tuple[str, ...]:
    """Return one sentence that sums scores up, if there are any."""
    if scores is None or not (scores["n_origins"] > 0).any():
        return ()
    known = scores.loc[scores["n_origins"] > 0]
    outcomes = known["outcome"].value_counts()
    return (
        f"Against the last price: {outcomes.get('beats', 0)} of {len(known)} tickers "
        f"do better by more than luck, {outcomes.get('loses', 0)} worse, and of "
        f"{outcomes.get('ties', 0)} it cannot be told.",
    )


def _skill(scores: pd.DataFrame | None) -> Section | None:
    texts = _skill_text(scores)
    if scores is None or not texts:
        return None
    known = scores.loc[scores["n_origins"] > 0, [n for n in SCORED if n in scores]]
    words = ["ticker", "outcome", "drift_since"]
    table = table_of(known, "Scores of earlier forecasts by ticker", words=words)
    tables = () if table is None else (table,)
    return Section("skill", "What earlier forecasts were worth", texts, tables=tables)


def _failure(day: str, outcome: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("ticker", "kind", "n_attempts", "reason")
    return (day, *(str(outcome.get(name, "")) for name in names))


def _failures(rows: Sequence[tuple[str, ...]], first: str | None) -> Section | None:
    if not rows:
        return None
    columns = ("ticker", "kind", "tries", "reason")
    named = columns if first is None else (first, *columns)
    table = Table("Failures", named, tuple(rows), frozenset(named) - {"tries"})
    return Section("failures", "Failed", tables=(table,))
