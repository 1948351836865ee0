"""Checks of the training: weights, chosen epoch and forecasts, by training again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.audit.changes import CHANGES, Change, change_rows, same
from forecaster.audit.findings import Check
from forecaster.audit.subject import Subject
from forecaster.audit.window_checks import check_answers
from forecaster.config import with_values
from forecaster.data.splits import session_index
from forecaster.evaluation import PINBALL, Evaluation
from forecaster.forecasting import Forecaster

# Steps of an optimiser in an epoch of the audit: enough to move every weight.
N_STEPS = 2
# Sessions before and after the middle of the test that are forecast.
N_FORECAST = 8
# What came, and losses, which are measured on it: neither is a forecast.
NO_FORECASTS = ("actual", PINBALL)
Tell = Callable[[str], None]
TESTS: tuple[Change, ...] = ("risen", "fallen", "zigzag")


@dataclass(frozen=True, eq=False)
class Trainings:
    """Short trainings of one network, one behind the other in one process.

    Attributes
    ----------
    first
        On the prices as they are.
    tested
        By what the prices after the training range do instead: they rise, which a
        choice by the test rewards with high forecasts, fall, or go up and down, which
        rewards forecasts that follow least.
    again
        On the prices as they are, after all of these.
    built
        The first weights of a network before the trainings, and after.
    """

    first: Forecaster
    tested: Mapping[Change, Forecaster]
    again: Forecaster
    built: tuple[list[Any], list[Any]]


def shortened(subject: Subject, n_windows: int, *, epochs: int) -> Subject:
    """Return the subject with a short training on few windows drawn at random."""
    training = subject.config.training
    drawn = training.windows_per_epoch or n_windows
    changes = {
        "training.epochs": epochs,
        "training.windows_per_epoch": min(drawn, N_STEPS * training.batch_size),
    }
    return replace(subject, config=with_values(subject.config, changes))


def run_trainings(subject: Subject, tell: Tell) -> Trainings:
    """Train the network of the settings five times."""
    before = _first_weights(subject)
    tell("training 1 of 5: the prices as they are")
    first = _train(subject, None)
    tested = {}
    for number, change in enumerate(TESTS, start=2):
        tell(f"training {number} of 5: a test that is {change}")
        tested[change] = _train(subject, change)
    tell("training 5 of 5: the prices as they are, again")
    again = _train(subject, None)
    return Trainings(first, tested, again, (before, _first_weights(subject)))


def check_fresh_weights(trainings: Trainings) -> Check:
    """See that a training starts from its seed, whatever was trained before."""
    leaks = []
    if not _alike(*trainings.built):
        leaks.append(
            "The first weights of a network depend on what was trained before."
        )
    if not _alike(weights_of(trainings.first), weights_of(trainings.again)):
        leaks.append(
            "The same training, after others in the same process, ended in other "
            "weights: something is carried over from one fold to the next."
        )
    clean = (
        "The same training gave bit-identical weights again, after three others in the "
        "same process."
    )
    return Check.of("weights_start_fresh", leaks, clean)


def check_weights(trainings: Trainings) -> Check:
    """See that the trained weights stand still when the test is another."""
    leaks = [
        f"Trained weights differ when the prices after the training range are {change}."
        for change, tested in trainings.tested.items()
        if not _alike(weights_of(trainings.first), weights_of(tested))
    ]
    if leaks and not _alike(weights_of(trainings.first), weights_of(trainings.again)):
        leaks.append("(The same prices do not give the same weights either.)")
    clean = (
        "Trained weights are bit-identical whether the prices after the training range "
        "rise, fall, go up and down or are as they were."
    )
    return Check.of("weights_see_no_test", leaks, clean)


def check_epoch(subject: Subject, trainings: Trainings) -> Check:
    """See that losses, and with them the choice of the epoch, ignore the test."""
    first = trainings.first.history
    leaks = []
    for tested in trainings.tested.values():
        other = tested.history
        names = [name for name in first if not same(first[name], other.get(name))]
        if names:
            leaks.append(
                f"The {', '.join(map(str, names))} of the epochs moves with the test: "
                "whatever stops or chooses by it has seen the test."
            )
    validated = "val_loss" in first
    clean = (
        f"The losses of all {len(first)} epochs are bit-identical whatever the test"
        + (", those of validation included." if validated else "; nothing validates.")
    )
    if validated and not subject.config.training.validation_fraction:
        leaks.append("There is a validation loss, and the settings do not validate.")
    return Check.of("chosen_epoch_ignores_test", list(dict.fromkeys(leaks)), clean)


def check_forecasts(subject: Subject, forecaster: Forecaster) -> Check:
    """Change the rows after an origin: forecasts up to it must stand still."""
    cut = subject.middle_of_test()
    whole = _forecasts(subject, forecaster, subject.frame)
    known = whole.predictions["origin"] <= session_index(subject.frame)[cut]
    leaks = check_answers(subject, whole)
    for change in CHANGES:
        later = change_rows(subject.frame, slice(cut + 1, None), change)
        found = _forecasts(subject, forecaster, later).predictions
        leaks += [
            f"{name} of origins up to {subject.day(cut)} moves with later rows."
            for name in whole.predictions
            if not str(name).startswith(NO_FORECASTS)
            and not same(whole.predictions[name][known], found[name][known])
        ]
    clean = (
        f"{known.sum()} forecasts and baselines with origins up to {subject.day(cut)} "
        "are bit-identical whatever came later."
    )
    return Check.of("forecasts_see_no_future", list(dict.fromkeys(leaks)), clean)


def check_power(subject: Subject, trainings: Trainings) -> Check:
    """See that what should move does, or the audit could not fail."""
    cut = subject.middle_of_test()
    later = change_rows(subject.frame, slice(cut + 1, None), "risen")
    first, other = (subject.table(rows) for rows in (subject.frame, later))
    leaks = []
    if same(first.target[cut + 1 :], other.target[cut + 1 :]):
        leaks.append("The target of later rows does not move with later prices.")
    if _alike_windows(subject):
        leaks.append("Training windows do not move with the prices trained on.")
    if _alike(weights_of(trainings.first), trainings.built[0]):
        leaks.append("Training moved no weight.")
    clean = (
        "Other prices gave another table and other windows to train on, and training "
        "moved the weights: what stood still had the chance to move."
    )
    return Check.of("changes_are_felt", leaks, clean)


def weights_of(forecaster: Forecaster) -> list[Any]:
    """Return the weights of a trained network."""
    return list(forecaster.network.get_weights())


def _first_weights(subject: Subject) -> list[Any]:
    return list(subject.pipeline.build(subject.config).predictor.get_weights())


def _train(subject: Subject, change: Change | None) -> Forecaster:
    prices = subject.prices()
    if change is not None:
        prices = subject.changed(subject.end_of_range, change)
    return subject.pipeline.train(prices, subject.config, progress=False)


def _alike_windows(subject: Subject) -> bool:
    """Return whether other prices in training leave its targets as they are."""
    frames = {
        ticker: change_rows(frame, subject.training_rows(frame), "replaced")
        for ticker, frame in subject.frames.items()
    }
    one, other = (
        subject.pipeline.prepare(prices, subject.config).training.actual
        for prices in (subject.prices(), subject.prices(frames))
    )
    return same(one, other)


def _forecasts(
    subject: Subject, forecaster: Forecaster, prices: pd.DataFrame
) -> Evaluation:
    """Forecast the sessions about the middle of the test."""
    rows, cut = subject.test_rows(), subject.middle_of_test()
    horizon = subject.config.window.horizon
    first = max(rows.start, cut - N_FORECAST)
    last = min(rows.stop - 1, cut + N_FORECAST + horizon)
    index = session_index(prices)
    return subject.pipeline.forecast(
        forecaster, prices, index[first].date(), index[last].date()
    )


def _alike(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(_pairs(one, other))


def _pairs(one: list[Any], other: list[Any]) -> Iterator[bool]:
    for first, second in zip(one, other, strict=True):
        yield same(np.asarray(first), np.asarray(second))
