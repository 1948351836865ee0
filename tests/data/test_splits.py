"""Splits: ordered, disjoint, and clear about what the prices cover."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.splits import rows_between, session_index, split_training
from forecaster.errors import DataError

DAYS = pd.date_range("2024-01-01", periods=40, name="session")


@given(fraction=st.floats(0, 0.99), first=st.integers(0, 20), n=st.integers(1, 20))
def test_training_and_validation_share_the_range_without_overlap(fraction, first, n):
    split = split_training(
        DAYS,
        start=DAYS[first].date(),
        end=DAYS[first + n - 1].date(),
        validation_fraction=fraction,
        ticker="TEST",
    )
    assert split.training.start == first
    assert split.training.stop == split.validation.start
    assert split.validation.stop == first + n
    assert (split.validation.stop == split.validation.start) == (fraction == 0)


def test_a_range_without_sessions_names_what_there_is():
    with pytest.raises(DataError, match=r"TEST.*training range.*2024-01-01 to 2024-02"):
        rows_between(
            DAYS, date(2025, 1, 1), date(2025, 2, 1), ticker="TEST", what="training"
        )


def test_both_ends_belong_to_the_range():
    rows = rows_between(
        DAYS, date(2024, 1, 3), date(2024, 1, 5), ticker="TEST", what="test"
    )
    assert (rows.start, rows.stop) == (2, 5)


def test_a_table_without_dates_is_refused():
    with pytest.raises(DataError, match="load_prices"):
        session_index(pd.DataFrame({"close": [1.0]}))


@pytest.mark.parametrize(
    ("fraction", "n_validation"), [(0.0, 0), (0.01, 1), (0.25, 10), (0.26, 11)]
)
def test_the_validation_slice_is_cut_from_the_end(fraction, n_validation):
    split = split_training(
        DAYS,
        start=DAYS[0].date(),
        end=DAYS[-1].date(),
        validation_fraction=fraction,
        ticker="TEST",
    )
    assert split.validation == slice(40 - n_validation, 40)
    assert split.training == slice(0, 40 - n_validation)
