"""Checks of the windows: inputs end at the origin, the target begins after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.audit.changes import CHANGES, Change, change_rows, same
from forecaster.audit.findings import Check
from forecaster.audit.subject import Subject
from forecaster.data.splits import session_index
from forecaster.data.windows import Windows
from forecaster.evaluation import Evaluation
from forecaster.preparing import TrainingData

# float32 numbers near 1 against the same made in float64.
TOLERANCE = 1e-4


def check_inputs(subject: Subject, data: TrainingData) -> Check:
    """Change the rows after an origin: no input of it, or of one before, may move."""
    cut, leaks = subject.middle_of_test(), []
    whole = test_windows(subject, data)
    known = whole.origins <= session_index(subject.frame)[cut].to_datetime64()
    for change in CHANGES:
        found = test_windows(subject, data, change)
        leaks += [
            f"{name} of origins up to {subject.day(cut)} moves with later rows."
            for name, values in inputs_of(whole[known]).items()
            if not same(values, inputs_of(found[known])[name])
        ]
    leaks += _unlike(subject, data)
    clean = (
        f"The {known.sum()} windows with origins up to {subject.day(cut)} read the "
        "same whatever came later, and training's windows are cut in the same way."
    )
    return Check.of("inputs_end_at_origin", list(dict.fromkeys(leaks)), clean)


def check_target(subject: Subject, data: TrainingData) -> Check:
    """Compare targets with prices, and see that they move with the right sessions."""
    tested = test_windows(subject, data)
    groups = [("training", data.training), ("the test", tested)]
    groups += [("validation", data.validation)] if data.validation is not None else []
    leaks = [
        leak
        for where, windows in groups
        for ticker, part in subject.by_ticker(windows).items()
        for leak in _misplaced(subject, part, subject.frames[ticker], where)
    ]
    leaks += _still(subject, data)
    clean = (
        f"Step 1 is the session after the origin in all {len(data.training)} windows "
        f"of training and {len(tested)} of the test, and moves with its price alone."
    )
    return Check.of("target_is_after_origin", leaks, clean)


def check_answers(subject: Subject, evaluation: Evaluation) -> list[str]:
    """Return what is wrong with the sessions and prices that forecasts are held to."""
    rows = evaluation.predictions
    index = session_index(subject.frame)
    origins = index.get_indexer(pd.DatetimeIndex(rows["origin"]))
    sessions = index.get_indexer(pd.DatetimeIndex(rows["session"]))
    prices = subject.frame[subject.config.data.target].to_numpy()
    leaks = []
    if not same(sessions, origins + rows["step"].to_numpy()):
        leaks.append("A forecast's session is not as many steps after its origin.")
    if not same(rows["actual"].to_numpy(), prices[sessions]):
        leaks.append("A forecast is scored against another session's price.")
    return leaks


def test_windows(
    subject: Subject, data: TrainingData, change: Change | None = None
) -> Windows:
    """Return the windows of the test range, with rows changed after its middle."""
    frame, cut = subject.frame, subject.middle_of_test()
    if change is not None:
        frame = change_rows(frame, slice(cut + 1, None), change)
    rows = subject.test_rows()
    table = subject.table(frame).rows(slice(0, rows.stop))
    return subject.pipeline.cut_test(table, rows, subject.config, data.scaler)


def inputs_of(windows: Windows) -> dict[str, Any]:
    """Return all that a network, or the way back to prices, knows of each window."""
    return {
        "The input": windows.inputs,
        "The price at the origin": windows.origin_price,
        "The start": windows.start,
        "What is known beforehand": windows.known,
        "The static input": windows.static,
        "The anchor of the target": windows.footing.anchor,
        "The unit of the target": windows.footing.spread,
    }


def _unlike(subject: Subject, data: TrainingData) -> list[str]:
    """Return how training's windows differ from such as the test's are cut."""
    leaks = []
    lookback, horizon = subject.config.window.lookback, subject.config.window.horizon
    for ticker, trained in subject.by_ticker(data.training).items():
        frame = subject.frames[ticker]
        rows = subject.training_rows(frame)
        first = max(rows.start, subject.table(frame, ticker).n_unready) + lookback
        rows = slice(first, subject.end_of_training(frame) + 1)
        if rows.stop - rows.start < horizon:
            continue
        table = subject.table(frame, ticker)
        tested = subject.pipeline.cut_test(table, rows, subject.config, data.scaler)
        ours, theirs = _shared(trained, tested)
        leaks += [
            f"{name} of {ticker} in training is not that of the same origin in a test."
            for name, values in inputs_of(ours).items()
            if not same(values, inputs_of(theirs)[name])
        ]
    return leaks


def _shared(one: Windows, other: Windows) -> tuple[Windows, Windows]:
    """Return the windows of both that have the same origins, in the same order."""
    _, first, second = np.intersect1d(one.origins, other.origins, return_indices=True)
    return one[first], other[second]


def _misplaced(
    subject: Subject, windows: Windows, frame: pd.DataFrame, where: str
) -> list[str]:
    """Return what contradicts that step k is the price k sessions after the origin."""
    index, horizon = session_index(frame), subject.config.window.horizon
    prices = frame[subject.config.data.target].to_numpy()
    origins = index.get_indexer(pd.DatetimeIndex(windows.origins))
    rows = origins[:, None] + np.arange(1, horizon + 1)
    if (origins < 0).any() or (rows >= len(index)).any():
        return [f"An origin of {where} is none of the sessions before the target."]
    leaks = []
    if not same(pd.DatetimeIndex(windows.sessions.ravel()), index[rows.ravel()]):
        leaks.append(f"The sessions of {where} do not follow their origin.")
    if not same(windows.origin_price, prices[origins]):
        leaks.append(f"The price at the origin, in {where}, is another session's.")
    if not same(windows.actual, prices[rows]):
        leaks.append(
            _shift(f"The price forecast in {where}", windows.actual, prices, rows)
        )
    wanted = _encoded(subject, windows, prices[origins], prices[rows])
    given = _ahead(subject, windows)
    if not np.allclose(given, wanted, rtol=TOLERANCE, atol=TOLERANCE):
        leaks.append(
            f"The target of {where} is not the price of the step it stands for."
        )
    return leaks


def _shift(what: str, given: FloatArray, prices: FloatArray, rows: np.ndarray) -> str:
    if same(given, prices[rows - 1]):
        return f"{what} at step 1 is that of the origin itself: it is known already."
    return f"{what} is not that of the steps after its origin."


def _ahead(subject: Subject, windows: Windows) -> FloatArray:
    """Return the targets of the steps after the origin alone."""
    whole = subject.config.model.shape == "sequence_to_sequence"
    targets: FloatArray = windows.targets[:, -1:] if whole else windows.targets
    return targets


def _encoded(
    subject: Subject, windows: Windows, origin_price: FloatArray, ahead: FloatArray
) -> FloatArray:
    if subject.config.model.head == "direction":
        return np.asarray(ahead > origin_price[:, None], dtype=np.float64)
    return windows.footing.encode(ahead)


def _still(subject: Subject, data: TrainingData) -> list[str]:
    """Return targets that stand still, or move, when they should not.

    After the middle of the test all prices rise, or fall: the targets of later
    sessions must tell the two apart, and those up to the middle must not.
    """
    cut, index = subject.middle_of_test(), session_index(subject.frame)
    risen, fallen = (test_windows(subject, data, way) for way in ("risen", "fallen"))
    origins = index.get_indexer(pd.DatetimeIndex(risen.origins))
    n_targets = risen.targets.shape[1]
    whole = subject.config.model.shape == "sequence_to_sequence"
    offset = n_targets - 1 if whole else 0
    sessions = origins[:, None] + 1 + np.arange(n_targets) - offset
    known = origins <= cut
    later = (sessions > cut) & known[:, None]
    earlier = (sessions <= cut) & known[:, None]
    leaks = []
    if not (risen.targets[later] > fallen.targets[later]).all():
        leaks.append("A target does not move with the price of its own session.")
    if not same(risen.targets[earlier], fallen.targets[earlier]):
        leaks.append("A target moves with prices of sessions after its own.")
    return leaks
