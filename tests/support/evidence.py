"""Evidence: what a run might have recorded on its test range, better or worse."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecaster.checksums import canonical_json, checksum
from forecaster.data.calendar import next_sessions
from forecaster.evaluation import evaluate_forecasts
from forecaster.jobs import write_evaluation
from forecaster.runs import RECORD, TABLES, find_run


def made_evaluation(share: float, n: int = 80):
    """Evaluate forecasts that miss by a share of what last-value misses by."""
    random = np.random.default_rng(0)
    price = 100 + np.cumsum(random.normal(0, 1, n + 1))
    days = next_sessions("2020-01-01", n + 1).to_numpy()
    moves = np.diff(price)
    return evaluate_forecasts(
        (price[1:] + share * random.permutation(moves))[:, None],
        price[1:, None],
        origin_price=price[:-1],
        history=price[:2],
        origins=days[:-1],
        sessions=days[1:, None],
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp("2019-12-31"),
        },
    )


def record_evidence(folder, share: float):
    """Let a run say that its forecasts were such, and return the run."""
    run, evaluation = find_run(folder, folder.parent), made_evaluation(share)
    write_evaluation(evaluation, folder)
    files = run.record["files"] | {name: checksum(folder / name) for name in TABLES}
    record = run.record | {"evaluation": evaluation.to_dict(), "files": files}
    (folder / RECORD).write_bytes(canonical_json(record))
    return find_run(folder, folder.parent)
