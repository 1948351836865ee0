"""Folds: their dates by hand, and what holds of them for any strides."""

import warnings
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import config_from_dict
from forecaster.errors import NotEnoughHistory, RunWarning
from forecaster.folds import Absences, is_testable, make_folds, models_of, untrainable

SESSIONS = pd.bdate_range("2018-01-01", "2021-12-31")


def settings(start="2020-01-01", end="2021-12-31", **backtest):
    return config_from_dict(
        {
            "window": {"lookback": 4},
            "training": {"start": "2018-01-01", "end": "2019-12-31"},
            "evaluation": {"start": start, "end": end},
            "backtest": backtest,
        }
    )


def test_years_expand_from_the_first_training_date():
    first, second = make_folds(SESSIONS, settings())
    assert (first.training_start, first.training_end) == (
        date(2018, 1, 1),
        date(2019, 12, 31),
    )
    assert (first.start, first.end) == (date(2020, 1, 1), date(2020, 12, 31))
    assert second.training_start == date(2018, 1, 1)
    assert second.training_end == date(2020, 12, 31)
    assert (second.start, second.end) == (date(2021, 1, 1), date(2021, 12, 31))
    assert [fold.number for fold in (first, second)] == [1, 2]


@pytest.mark.parametrize(("stride", "n_folds"), [("year", 2), ("quarter", 8)])
def test_calendar_strides_count(stride, n_folds):
    assert len(make_folds(SESSIONS, settings(stride=stride))) == n_folds


def test_months_end_with_their_last_session_and_cut_ends_are_short():
    folds = make_folds(SESSIONS, settings("2020-01-15", "2020-03-10", stride="month"))
    assert [(fold.start, fold.end) for fold in folds] == [
        (date(2020, 1, 15), date(2020, 1, 31)),
        (date(2020, 2, 3), date(2020, 2, 28)),
        (date(2020, 3, 2), date(2020, 3, 10)),
    ]


def test_a_stride_of_sessions_leaves_the_rest_for_the_last():
    folds = make_folds(SESSIONS, settings("2020-01-01", "2020-01-14", stride=4))
    assert [(fold.start.day, fold.end.day) for fold in folds] == [
        (1, 6),
        (7, 10),
        (13, 14),
    ]


def test_a_rolling_window_keeps_its_number_of_sessions():
    config = settings(stride="quarter", window="rolling")
    n_first = ((SESSIONS >= "2018-01-01") & (SESSIONS <= "2019-12-31")).sum()
    for fold in make_folds(SESSIONS, config):
        inside = SESSIONS.slice_indexer(
            str(fold.training_start), str(fold.training_end)
        )
        assert inside.stop - inside.start == n_first


def test_purged_sessions_lie_between_training_and_test():
    fold = make_folds(SESSIONS, settings(purge=3))[0]
    assert fold.start == date(2020, 1, 1)
    assert fold.training_end == date(2019, 12, 26)


@pytest.mark.parametrize(
    ("refit", "models"), [(1, [1, 2, 3, 4]), (2, [1, 1, 3, 3]), (0, [1, 1, 1, 1])]
)
def test_refit_says_whose_training_serves(refit, models):
    config = settings(end="2020-12-31", stride="quarter", refit=refit)
    folds = make_folds(SESSIONS, config)
    assert [fold.model for fold in folds] == models
    for shared in models_of(folds):
        assert shared[0].number == shared[0].model
        assert len({(fold.training_start, fold.training_end) for fold in shared}) == 1
    assert [len(shared) for shared in models_of(folds)] == [
        models.count(model) for model in dict.fromkeys(models)
    ]


def test_a_gap_between_training_and_test_is_trained_on():
    fold = make_folds(SESSIONS, settings("2020-06-01"))[0]
    assert fold.training_end == date(2020, 5, 29)


def test_a_quarter_without_sessions_makes_no_fold():
    halted = SESSIONS[(SESSIONS < "2020-04-01") | (SESSIONS >= "2020-07-01")]
    folds = make_folds(halted, settings(end="2020-12-31", stride="quarter"))
    assert [fold.start.month for fold in folds] == [1, 7, 10]
    assert folds[1].training_end == date(2020, 3, 31)


@pytest.mark.parametrize(
    ("sessions", "config", "where"),
    [
        (SESSIONS[:100], settings(), "in the test range"),
        (SESSIONS[SESSIONS >= "2020-01-01"], settings(), "before the test"),
        (SESSIONS, settings(purge=800), "before the test"),
        (
            SESSIONS[SESSIONS >= "2020-02-01"],
            settings("2020-06-01", window="rolling"),
            "in the training range",
        ),
        (
            SESSIONS[SESSIONS < "2018-01-01"].union(SESSIONS[SESSIONS >= "2020-01-01"]),
            settings(),
            "before the test",
        ),
        (pd.bdate_range("2017-01-01", "2020-12-31"), settings(purge=600), "training"),
    ],
)
def test_ranges_without_sessions_are_refused(sessions, config, where):
    with pytest.raises(NotEnoughHistory, match=where):
        make_folds(sessions, config)


@given(
    stride=st.one_of(
        st.sampled_from(["year", "quarter", "month"]), st.integers(1, 300)
    ),
    window=st.sampled_from(["expanding", "rolling"]),
    refit=st.integers(0, 4),
    purge=st.integers(0, 40),
    kept=st.lists(st.booleans(), min_size=50, max_size=50),
)
def test_folds_cover_the_test_range_once_and_look_back_only(
    stride, window, refit, purge, kept
):
    """Whatever sessions a market keeps."""
    mask = [kept[n % 50] or n < 300 or n > 1000 for n in range(len(SESSIONS))]
    sessions = SESSIONS[mask]
    config = settings(stride=stride, window=window, refit=refit, purge=purge)
    folds = make_folds(sessions, config)
    tested = []
    for fold in folds:
        start, end = pd.Timestamp(fold.start), pd.Timestamp(fold.end)
        tested += list(sessions[(sessions >= start) & (sessions <= end)])
        trained_to = pd.Timestamp(fold.training_end)
        assert ((sessions > trained_to) & (sessions < start)).sum() >= purge
        assert config.training.start <= fold.training_start <= fold.training_end
        assert fold.model <= fold.number
        if fold.model == fold.number:
            assert ((sessions > trained_to) & (sessions < start)).sum() == purge
    assert tested == list(sessions[sessions >= "2020-01-01"])


def test_a_ticker_needs_one_window_and_a_whole_forecast():
    config = settings(stride="quarter")
    first = make_folds(SESSIONS, config)[0]
    enough = SESSIONS[SESSIONS < "2020-01-01"][-5:]
    assert untrainable(enough, 0, first, config, "A") is None
    reason = untrainable(enough, 1, first, config, "A")
    assert (reason.needed, reason.found) == (5, 4)
    assert untrainable(enough[1:], 0, first, config, "A") is not None
    after = SESSIONS[SESSIONS >= "2020-01-01"]
    assert is_testable(after[:1], first, config)
    assert not is_testable(after[:0], first, config)
    assert not is_testable(after[after > "2020-03-31"], first, config)


def test_absent_tickers_are_told_once_with_their_folds():
    config = settings(stride="year")
    frame = pd.DataFrame(index=SESSIONS[SESSIONS > "2020-06-30"])
    absences = Absences()
    for fold in make_folds(SESSIONS, config):
        left = absences.without_untrainable({"A": frame}, {"A": 0}, [fold], config)
        assert list(left) == ([] if fold.number == 1 else ["A"])
        assert absences.testable(left, [fold], config) == tuple(left)
    with pytest.warns(RunWarning, match="A is left out of fold 1: too few") as told:
        absences.warn()
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Absences().warn()
