"""The audit: every check of a pipeline, in an order, and what they leave open."""

from __future__ import annotations

import warnings

from forecaster.audit.calibrated import calibrated
from forecaster.audit.findings import Audit, Check
from forecaster.audit.pipeline import Pipeline
from forecaster.audit.preparing_checks import (
    check_scaler,
    check_training_windows,
    check_validation,
)
from forecaster.audit.subject import Subject
from forecaster.audit.table_checks import (
    check_companions,
    check_features,
    check_known,
    check_prices,
)
from forecaster.audit.training_checks import (
    Tell,
    check_epoch,
    check_forecasts,
    check_fresh_weights,
    check_power,
    check_weights,
    run_trainings,
    shortened,
)
from forecaster.audit.window_checks import check_inputs, check_target
from forecaster.config import Config
from forecaster.errors import ForecastWarning, PriceWarning
from forecaster.preparing import Prices

PROJECT = Pipeline()
EPOCHS = 2
UNTRAINED = (
    "Anything of weights, the chosen epoch and forecasts: nothing was trained, as no "
    "epochs were asked for."
)
NOT_PROVED = (
    "That the source's prices were known on their day: later splits, corrections and "
    "the choice of tickers that survived are in the data before this begins.",
    "That nobody chose these settings by looking at the test range.",
    "That no network is chosen by the test in secret: trainings meet three made-up "
    "tests, which rise, fall, or go up and down, and another might change a choice.",
    "Forecasts of coming sessions by `forecaster predict`, and the joining of real "
    "companions: known sessions are forecast, and made-up companions are joined.",
    "That any number of epochs behaves as the few that were trained: the audit trains "
    "briefly, with the settings' own network, scaler and windows.",
    "That two trainings agree to the last bit on hardware that does not compute "
    "alike twice, such as some GPUs: audit on a CPU.",
)


def audit_pipeline(
    prices: Prices,
    config: Config,
    *,
    pipeline: Pipeline = PROJECT,
    epochs: int = EPOCHS,
    tell: Tell | None = None,
) -> Audit:
    """Prove by experiment that nothing leaks in a pipeline with these settings.

    Everything after a cut-off is changed: prices, companions' and own columns rise,
    fall, go up and down, are shuffled, replaced or taken away. Whatever the pipeline
    made before it has to be bit-identical.

    Parameters
    ----------
    prices
        Checked price frame, or one for each of `data.tickers`.
    pipeline
        The functions that are audited; the project's own if absent.
    epochs
        Of each of the five short trainings, on at most two batches an epoch; 0 trains
        nothing, and leaves out the checks that need it.
    tell
        Called with a line of progress before each training.

    Returns
    -------
    Audit
        `passed`, `checks` and what they do not prove.

    Raises
    ------
    DataError
        If the prices do not cover the training and the test range.
    ConfigError
        If the tickers of the prices are not those of the settings.
    TrainingFailed
        If the loss stops being a finite number.

    References
    ----------
    .. [1] Kaufman, Rosset, Perlich & Stitelman (2012), Leakage in data mining.
    .. [2] Kapoor & Narayanan (2023), Leakage and the reproducibility crisis in
       machine-learning-based science.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriceWarning)
        warnings.simplefilter("ignore", ForecastWarning)
        subject = Subject.of(prices, config, pipeline)
        return _audit(subject, epochs, tell or (lambda _: None))


def _audit(subject: Subject, epochs: int, tell: Tell) -> Audit:
    tell("preparing: tables, scaler and windows")
    data = subject.pipeline.prepare(subject.prices(), subject.config)
    checks = [
        check_features(subject),
        check_known(subject),
        check_companions(subject),
        check_prices(subject),
        check_scaler(subject, data),
        check_training_windows(subject, data),
        check_validation(subject, data),
        check_inputs(subject, data),
        check_target(subject, data),
    ]
    tried, not_proved = [_changed(subject)], list(NOT_PROVED)
    if epochs:
        short = shortened(subject, len(data.training), epochs=epochs)
        checks += _trained_checks(short, tell)
        tried.append(_trained(short, len(data.training)))
    else:
        not_proved.insert(0, UNTRAINED)
    name = subject.config.name
    return Audit(name, tuple(checks), tuple(tried), tuple(not_proved))


def _trained_checks(subject: Subject, tell: Tell) -> list[Check]:
    trainings = run_trainings(subject, tell)
    tell("forecasting")
    return [
        check_fresh_weights(trainings),
        check_weights(trainings),
        check_epoch(subject, trainings),
        check_forecasts(subject, calibrated(subject, trainings.first)),
        check_power(subject, trainings),
    ]


def _changed(subject: Subject) -> str:
    frame = subject.frame
    ends = subject.end_of_training(frame), subject.end_of_range(frame)
    tickers = ", ".join(subject.frames)
    cuts = dict.fromkeys(map(subject.day, (*ends, subject.middle_of_test())))
    return (
        f"Rows after {', '.join(cuts)} rose, fell, went up and down, were shuffled, "
        f"replaced or taken away, in every numeric column of {tickers}."
    )


def _trained(subject: Subject, n_windows: int) -> str:
    training = subject.config.training
    return (
        f"Five trainings of {training.epochs} epochs, each on "
        f"{training.windows_per_epoch} windows drawn from {n_windows}, with the whole "
        "network of the settings."
    )
