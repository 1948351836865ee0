"""Rows of the ledger: as JSON values, and as cells that a person reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SCORES = (
    *("ticker", "model", "origins", "open", "through", "ratio", "p", "outcome"),
    *("drift since", "inside"),
)
RUNS = (
    *("run", "settings", "model", "origin", "status", "started", "seconds"),
    *("counts", "failures"),
)


def plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return JSON values: ISO dates, and None for what is not known."""
    texts = rows.copy()
    for name in texts.select_dtypes("datetime"):
        texts[name] = texts[name].dt.strftime("%Y-%m-%d")
    texts = texts.astype(object).where(texts.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in texts.to_dict("records")]


def cell(value: object) -> str:
    """Return a value in few characters; nothing for None."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def score_row(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells `SCORES` of one score."""
    levels = [
        name.removeprefix("coverage_")
        for name, value in row.items()
        if name.startswith("coverage_") and not name.endswith("_p_value")
        if value is not None
    ]
    inside = [f"{float(level):.0%}: {row[f'coverage_{level}']:.1%}" for level in levels]
    names = ("ticker", "model", "n_origins", "n_open", "through", "rmse_ratio")
    cells = [cell(row[name]) for name in (*names, "p_value", "outcome", "drift_since")]
    return dict(zip(SCORES, [*cells, ", ".join(inside)], strict=True))


def newest_runs(
    runs: pd.DataFrame, failures: pd.DataFrame, last: int
) -> list[dict[str, Any]]:
    """Return the newest runs first, with `seconds` and `n_failures`, as JSON values."""
    n_failures = failures.groupby("run").size()
    newest = plain(runs.iloc[::-1].head(last))
    return [
        row
        | {"seconds": _seconds(row), "n_failures": int(n_failures.get(row["id"], 0))}
        for row in newest
    ]


def run_row(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells `RUNS` of one run."""
    names = ("id", "config", "model", "origin", "status", "started", "seconds")
    cells = [cell(row[name]) for name in names]
    counts = ", ".join(f"{name} {number}" for name, number in row["counts"].items())
    return dict(zip(RUNS, [*cells, counts, str(row["n_failures"])], strict=True))


def _seconds(run: dict[str, Any]) -> float | None:
    if run["finished"] is None:
        return None
    started, finished = map(datetime.fromisoformat, (run["started"], run["finished"]))
    return (finished - started).total_seconds()
