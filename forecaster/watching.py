"""Watching: whether one input, the errors or the intervals are still as they were."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.drift import (
    covers_as_promised,
    same_distribution,
    stability_index,
    watch_losses,
)
from forecaster.evaluation import Evaluation
from forecaster.metrics import mae
from forecaster.verdict import ratio_of

State = Literal["ok", "watch", "refit"]
Found = list[tuple[State, str]]
STATES: tuple[State, ...] = ("ok", "watch", "refit")
# Chance that an unchanged series raises each kind of alarm.
ERROR_LEVEL, INPUT_LEVEL, COVERAGE_LEVEL = 0.05, 0.01, 0.01
LARGE_INDEX = 0.25
# Shares of sessions with an input outside the range of training.
SOME_OUTSIDE, MOST_OUTSIDE = 0.10, 0.50
COIN = 0.25


def watch_input(
    name: str, old: FloatArray, new: FloatArray, n_features: int
) -> tuple[dict[str, Any], Found]:
    """Hold one feature, (n_sessions,), against that of training."""
    test, index = same_distribution(old, new), stability_index(old, new)
    outside = float(np.mean((new < old.min()) | (new > old.max())))
    found: Found = []
    if outside > SOME_OUTSIDE:
        state: State = "refit" if outside > MOST_OUTSIDE else "watch"
        sentence = f"{name} is outside the range of training on {outside:.0%} of days."
        found.append((state, sentence))
    if test.p_value < INPUT_LEVEL / n_features and index > LARGE_INDEX:
        sentence = (
            f"{name} is distributed otherwise than in training (stability index "
            f"{index:.2g}, p {test.p_value:.1g})."
        )
        found.append(("watch", sentence))
    row = {"feature": name, "psi": index, "ks": test.statistic}
    row |= {"p_value": test.p_value, "outside": outside}
    return row | {"state": worst(found)}, found


def watch_errors(
    recent: Evaluation, reference: Evaluation | None, called: str
) -> tuple[dict[str, Any], Found]:
    """Hold errors, less those of last-value, against those of a reference."""
    ratio = _mae_ratio(recent)
    errors: dict[str, Any] = {
        "mae_ratio": ratio,
        "reference_ratio": math.nan,
        "reference": called,
    }
    errors |= {"statistic": math.nan, "p_value": math.nan, "alarm": None}
    if reference is None:
        sentence = "There are no earlier errors to compare with: set a test range."
        return errors, [("watch", sentence)]
    horizon = int(recent.predictions["step"].max())
    losses, sessions = _losses(recent)
    alarm = watch_losses(
        _losses(reference)[0], losses, level=ERROR_LEVEL, n_lags=horizon - 1
    )
    before = _mae_ratio(reference)
    errors |= {"reference_ratio": before, "statistic": alarm.statistic}
    errors |= {"p_value": alarm.p_value}
    if alarm.first is None:
        return errors, []
    day = sessions[alarm.first].date()
    sentence = (
        f"The errors have risen beside those of last-value since {called}: "
        f"{ratio:.3g} times its own now, {before:.3g} then (alarm on {day})."
    )
    return errors | {"alarm": day}, [("refit", sentence)]


def watch_coverage(
    recent: Evaluation, reference: Evaluation | None
) -> tuple[pd.DataFrame, Found]:
    """Hold the coverage of each central interval against what it promises."""
    columns = ["level", "coverage", "reference", "p_value", "state"]
    before = {} if reference is None else reference.coverages
    rows, found = [], Found()
    for level, share in recent.coverages.items():
        p_value = covers_as_promised(_inside(recent, level), level)
        state: State = "ok"
        row: dict[str, Any] = {"level": level, "coverage": share}
        row |= {"p_value": p_value}
        row |= {"reference": before.get(level, math.nan)}
        if p_value < COVERAGE_LEVEL / len(recent.coverages):
            was_good = reference is not None and (
                covers_as_promised(_inside(reference, level), level) > ERROR_LEVEL
            )
            state = "refit" if was_good else "watch"
            sentence = (
                f"{share:.1%} of prices lay in the {level:.0%} interval"
                f"{'' if was_good else ', which was no better at first'}."
            )
            found.append((state, sentence))
        rows.append(row | {"state": state})
    return pd.DataFrame(rows, columns=columns), found


def _losses(evaluation: Evaluation) -> tuple[FloatArray, pd.DatetimeIndex]:
    """Return each origin's loss less that of last-value, and its nearest session."""
    table = evaluation.predictions
    if "probability_up" in table:
        rose = table["actual"] > table["last_value"]
        extra = (table["probability_up"] - rose) ** 2 - COIN
    else:
        missed = (table["actual"] - table["predicted"]).abs()
        naive = (table["actual"] - table["last_value"]).abs()
        extra = (missed - naive) / table["last_value"].abs()
    losses = extra.groupby(table["origin"]).mean()
    sessions = table.groupby("origin")["session"].min()
    return losses.to_numpy(float), pd.DatetimeIndex(sessions)


def _inside(evaluation: Evaluation, level: float) -> np.ndarray:
    """Return whether the nearest session's price lay in a central interval."""
    rows = evaluation.predictions.query("step == 1")
    low, high = (round(0.5 + side * level / 2, 6) for side in (-1, 1))
    inside = rows["actual"].between(rows[f"q{low:g}"], rows[f"q{high:g}"])
    return inside.to_numpy()


def _mae_ratio(evaluation: Evaluation) -> float:
    table = evaluation.predictions.loc[:, ["actual", "predicted", "last_value"]]
    actual, predicted, naive = table.to_numpy().T
    return ratio_of(mae(actual, predicted), mae(actual, naive))


def worst(found: Found) -> State:
    """Return the worst of the states that were found."""
    return max((state for state, _ in found), key=STATES.index, default="ok")
