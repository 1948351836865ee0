"""Tables of the ledger: the rows that `forecaster ledger` and `score` print."""

from __future__ import annotations

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


def score_row(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells `SCORES` of one score."""
    from forecaster.ledger.showing import cell, shares_inside

    names = ("ticker", "model", "n_origins", "n_open", "through", "rmse_ratio")
    cells = [cell(row[name]) for name in (*names, "p_value", "outcome", "drift_since")]
    return dict(zip(SCORES, [*cells, shares_inside(row)], strict=True))


def newest_runs(
    runs: pd.DataFrame, failures: pd.DataFrame, last: int
) -> list[dict[str, Any]]:
    """Return the newest runs first, with `seconds` and `n_failures`, as JSON values."""
    from forecaster.ledger.showing import plain, seconds_of

    n_failures = failures.groupby("run").size()
    newest = plain(runs.iloc[::-1].head(last))
    return [
        row
        | {
            "seconds": seconds_of(row["started"], row["finished"]),
            "n_failures": int(n_failures.get(row["id"], 0)),
        }
        for row in newest
    ]


def run_row(row: dict[str, Any]) -> dict[str, str]:
    """Return the cells `RUNS` of one run."""
    from forecaster.ledger.showing import cell

    names = ("id", "config", "model", "origin", "status", "started", "seconds")
    cells = [cell(row[name]) for name in names]
    counts = ", ".join(f"{name} {number}" for name, number in row["counts"].items())
    return dict(zip(RUNS, [*cells, counts, str(row["n_failures"])], strict=True))
