"""Checks of the preparation: what the scaler, training and validation may see."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecaster.audit.changes import CHANGES, same
from forecaster.audit.findings import Check
from forecaster.audit.subject import Cut, Subject
from forecaster.audit.window_checks import inputs_of
from forecaster.data.splits import session_index
from forecaster.data.windows import Windows
from forecaster.preparing import TrainingData


def check_scaler(subject: Subject, data: TrainingData) -> Check:
    """Change all rows that do not train: the scaler must be the same."""
    leaks = [
        f"The scaler's {name} moves when prices that do not train are {change}."
        for change in CHANGES
        for name in _moved(
            data,
            subject.pipeline.prepare(
                subject.changed(subject.end_of_training, change), subject.config
            ),
        )
    ]
    clean = (
        f"Fitted on the rows up to {_last_trained(subject)}; changing all later rows "
        "moved none of its numbers."
    )
    return Check.of("scaler_sees_training_only", leaks[:1], clean)


def check_training_windows(subject: Subject, data: TrainingData) -> Check:
    """See that no training window reaches into validation or the test."""
    leaks = _outside(subject, data.training, subject.end_of_training, "training window")
    for change in CHANGES:
        changed = subject.changed(subject.end_of_training, change)
        other = subject.pipeline.prepare(changed, subject.config).training
        if not _alike(data.training, other):
            leaks.append(
                f"Training windows move when later rows, to validate or test, are "
                f"{change}."
            )
            break
    clean = (
        f"All {len(data.training)} windows of training end by "
        f"{_last_trained(subject)}, targets included, and none moved with later rows."
    )
    return Check.of("training_windows_stay_in_training", leaks, clean)


def check_validation(subject: Subject, data: TrainingData) -> Check:
    """See that what validates comes after training and before the test."""
    wanted = subject.config.training.validation_fraction
    if data.validation is None:
        leaks = (
            ["The settings ask for validation, and there is none."] if wanted else []
        )
        clean = "These settings do not validate."
        return Check.of("validation_is_not_test", leaks, clean)
    leaks = _outside(
        subject, data.validation, subject.end_of_range, "validation window"
    )
    for ticker, part in subject.by_ticker(data.validation).items():
        frame = subject.frames[ticker]
        last = session_index(frame)[subject.end_of_training(frame)]
        if (part.sessions <= last.to_datetime64()).any():
            leaks.append(f"{ticker}: a validation target was trained on.")
    for change in CHANGES:
        changed = subject.changed(subject.end_of_range, change)
        other = subject.pipeline.prepare(changed, subject.config).validation
        if other is None or not _alike(data.validation, other):
            leaks.append(f"Validation windows move when test rows are {change}.")
            break
    clean = (
        f"All {len(data.validation)} windows that validate have their targets after "
        f"{_last_trained(subject)} and by {subject.config.training.end}, and none "
        "moved with the test."
    )
    return Check.of("validation_is_not_test", leaks, clean)


def _last_trained(subject: Subject) -> str:
    return subject.day(subject.end_of_training(subject.frame))


def _moved(one: TrainingData, other: TrainingData) -> list[str]:
    first, second = one.scaler, other.scaler
    names = [
        f"number of {name}"
        for name in first.low
        if (first.low[name], first.high[name])
        != (second.low.get(name), second.high.get(name))
    ]
    return names + (["unit"] if first.unit != second.unit else [])


def _alike(one: Windows, other: Windows) -> bool:
    """Return whether two sets of windows are alike to the last bit."""
    second = inputs_of(other)
    return (
        all(same(values, second[name]) for name, values in inputs_of(one).items())
        and same(one.targets, other.targets)
        and same(one.actual, other.actual)
        and same(one.origins, other.origins)
    )


def _outside(subject: Subject, windows: Windows, end_of: Cut, what: str) -> list[str]:
    """Return the windows whose targets lie after a row that they must not pass."""
    leaks = []
    for ticker, part in subject.by_ticker(windows).items():
        frame = subject.frames[ticker]
        last = session_index(frame)[end_of(frame)]
        n_late = int(
            (np.asarray(part.sessions) > last.to_datetime64()).any(axis=1).sum()
        )
        if n_late:
            latest = pd.Timestamp(part.sessions.max()).date()
            leaks.append(
                f"{ticker}: {n_late} of {len(part)} {what}s have targets after "
                f"{last.date()}, up to {latest}."
            )
    return leaks
