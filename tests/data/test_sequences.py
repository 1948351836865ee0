import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.data.sequences import PADDING, Sequences


def numbers(n_rows, n_features=2):
    return np.arange(n_rows * n_features, dtype=np.float32).reshape(n_rows, n_features)


def one_by_one(sequences):
    rows = [
        sequences.rows[start : start + sequences.length] for start in sequences.starts
    ]
    return np.stack(rows)


@given(
    n_rows=st.integers(3, 20),
    length=st.integers(1, 3),
    chosen=st.lists(st.integers(0, 100), min_size=1, max_size=8),
)
def test_any_choice_of_windows_is_what_the_rows_say(n_rows, length, chosen):
    cut = Sequences.cut(numbers(n_rows), length)
    np.testing.assert_array_equal(cut.to_array(), one_by_one(cut))
    assert cut.shape == cut.to_array().shape
    picked = cut[np.array(chosen) % len(cut)]
    np.testing.assert_array_equal(picked.to_array(), one_by_one(picked))


def test_windows_one_after_another_are_a_view_of_the_rows():
    rows = numbers(50)
    cut = Sequences.cut(rows, 10)
    assert np.shares_memory(cut.to_array(), rows)
    assert np.shares_memory(cut[5:9].to_array(), rows)
    assert cut[np.array([3, 1])].rows is rows


def test_joined_windows_keep_each_table_s_rows_once():
    parts = [Sequences.cut(numbers(n), 3) for n in (5, 8)]
    joined = Sequences.join(parts)
    assert len(joined.rows) == 13
    wanted = np.concatenate([part.to_array() for part in parts])
    np.testing.assert_array_equal(joined.to_array(), wanted)


def test_windows_that_share_nothing_come_back_as_they_were():
    windows = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(Sequences.of(windows).to_array(), windows)


def test_windows_scaled_on_their_own():
    rows = np.array([[np.nan], [2.0], [4.0]])
    low, span = np.array([[2.0], [3.0]]), np.array([[2.0], [4.0]])
    own = Sequences(rows, np.array([0, 1]), 2, low, span)
    made = own.to_array()
    assert made.dtype == np.float32
    assert made[..., 0].tolist() == [[PADDING, 0.0], [-0.25, 0.25]]
    assert own[np.array([1])].to_array()[0, :, 0].tolist() == [-0.25, 0.25]
    twice = Sequences.join([own, own]).to_array()
    np.testing.assert_array_equal(twice, np.concatenate([made, made]))
    plain = Sequences.of(made)
    mixed = Sequences.join([own, plain]).to_array()
    np.testing.assert_array_equal(mixed, np.concatenate([made, made]))


@pytest.mark.parametrize("chosen", [slice(0, 0), np.array([], dtype=int)])
def test_no_windows_at_all_have_a_shape_too(chosen):
    assert Sequences.cut(numbers(5), 2)[chosen].to_array().shape == (0, 2, 2)


def test_numpy_reads_windows_as_an_array():
    cut = Sequences.cut(numbers(6), 2)
    np.testing.assert_array_equal(np.asarray(cut), cut.to_array())
    assert np.asarray(cut, dtype=np.float64).dtype == np.float64
    assert np.array(cut[1:3], copy=True).shape == (2, 2, 2)
