"""Leaky pipelines: each is caught, by the check that names its leak."""

import pytest

from forecaster.audit.run import audit_pipeline
from forecaster.audit.subject import Subject
from forecaster.audit.training_checks import check_forecasts
from tests.audit import leaks

FEATURES = "features_use_only_their_past"
VALIDATED = {"training__validation_fraction": 0.2, "training__early_stopping": 1}
MANY = {
    "features__columns": ["close", "volume", "log_return", "AAPL:log_return"],
    "features__known_future": ["weekday_sin"],
    "features__static": ["rsi_5"],
}
UNTRAINED = [
    (leaks.scaler_on_all_rows, {}, "scaler_sees_training_only", "number of close"),
    (leaks.random_split, {}, "training_windows_stay_in_training", "have targets after"),
    (leaks.random_split, VALIDATED, "validation_is_not_test", "was trained on"),
    (leaks.same_day_feature, {}, FEATURES, "the session to be forecast"),
    (leaks.same_day_feature, MANY, FEATURES, "close up to"),
    (leaks.smoothed_features, MANY, FEATURES, "up to 3 sessions later"),
    (leaks.smoothed_prices, {}, FEATURES, "up to 2 sessions later"),
    (leaks.smoothed_prices, {}, "target_is_the_price_as_given", "may be smoothed"),
    (leaks.undeclared_future, MANY, "known_future_is_calendar", "weekday_sin is used"),
    (leaks.companions_filled_backwards, MANY, "companions_use_only_their_past", "AAPL"),
    (leaks.stopped_on_the_test, VALIDATED, "validation_is_not_test", "have targets"),
    (leaks.shifted_target, {}, "target_is_after_origin", "of the origin itself"),
    (leaks.shifted_target, {"window__horizon": 3}, "target_is_after_origin", "itself"),
    (leaks.inputs_of_the_next_session, {}, "inputs_end_at_origin", "The input of"),
    (leaks.training_alone_reads_ahead, {}, "inputs_end_at_origin", "in training"),
]
TRAINED = [
    (leaks.stopped_on_the_test, VALIDATED, "chosen_epoch_ignores_test", "val_loss"),
    (leaks.chosen_on_the_test, {}, "weights_see_no_test", "Trained weights differ"),
    (leaks.weights_carried_over, {}, "weights_start_fresh", "carried over"),
]


@pytest.fixture(scope="module")
def prices(make_prices):
    frame = make_prices(90)
    frame["AAPL:log_return"] = make_prices(90, seed=1)["close"].pct_change().fillna(0)
    return frame


def audit(prices, config, pipeline, epochs):
    return {
        check.name: check
        for check in audit_pipeline(
            prices, config, pipeline=pipeline, epochs=epochs
        ).checks
    }


@pytest.mark.parametrize(("leaky", "settings", "name", "reason"), UNTRAINED)
def test_a_leak_is_caught_by_name(prices, tiny_config, leaky, settings, name, reason):
    check = audit(prices, tiny_config(**settings), leaky(), 0)[name]
    assert not check.passed
    assert reason in check.detail


@pytest.mark.parametrize(("leaky", "settings", "name", "reason"), TRAINED)
def test_a_leak_in_training_is_caught_by_name(
    prices, tiny_config, leaky, settings, name, reason
):
    check = audit(prices, tiny_config(**settings), leaky(), 1)[name]
    assert not check.passed
    assert reason in check.detail


def test_a_leak_in_forecasts_is_caught_by_name(trained):
    forecaster, prices = trained
    for pipeline, clean in ((leaks.HONEST, True), (leaks.forecasts_smoothed(), False)):
        subject = Subject.of(prices, forecaster.config, pipeline)
        check = check_forecasts(subject, forecaster)
        assert check.name == "forecasts_see_no_future"
        assert check.passed is clean
    assert "predicted of origins" in check.detail


@pytest.mark.parametrize(
    ("leaky", "names"),
    [
        (leaks.scaler_on_all_rows, {"scaler_sees_training_only"}),
        (leaks.same_day_feature, {FEATURES}),
        (leaks.undeclared_future, {"known_future_is_calendar"}),
        (leaks.companions_filled_backwards, {"companions_use_only_their_past"}),
        (leaks.training_alone_reads_ahead, {"inputs_end_at_origin"}),
        (leaks.shifted_target, {"target_is_after_origin"}),
    ],
)
def test_a_leak_is_not_taken_for_another(prices, tiny_config, leaky, names):
    """What leaks by way of its own stage may move later stages, but no earlier one."""
    checks = audit(prices, tiny_config(**MANY), leaky(), 0)
    first = next(name for name, check in checks.items() if not check.passed)
    assert first in names
