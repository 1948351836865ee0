"""Footings lead from prices to numbers and exactly back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forecaster.data.footing import (
    Footing,
    fixed_footing,
    return_footing,
    window_footing,
)
from forecaster.data.scaling import Scaler
from forecaster.data.table import make_table
from forecaster.data.windows import cut_windows
from forecaster.preparing import fit_scaler

PRICE = st.floats(0.01, 1e5)
PRICES = arrays(np.float64, (4, 3), elements=PRICE)
NUMBERS = arrays(np.float64, (4, 3), elements=st.floats(-5, 5))
FOOTINGS = st.one_of(
    st.builds(
        lambda low, span: fixed_footing(low, span, 4, 3), PRICE, st.floats(0.01, 1e4)
    ),
    st.builds(
        lambda windows: window_footing(windows, 3),
        arrays(
            np.float64, (4, 5), elements=st.integers(1, 10**6).map(lambda n: n / 100)
        ),
    ),
    st.builds(
        lambda origin, unit: return_footing(origin, unit, 3),
        arrays(np.float64, 4, elements=PRICE),
        arrays(np.float64, 4, elements=st.floats(1e-3, 0.5)),
    ),
)


@given(footing=FOOTINGS, prices=PRICES)
def test_prices_come_back(footing, prices):
    again = footing.decode(footing.encode(prices))
    np.testing.assert_allclose(again, prices, rtol=1e-9, atol=1e-9)


@given(footing=FOOTINGS, numbers=NUMBERS)
def test_numbers_come_back(footing, numbers):
    again = footing.encode(footing.decode(numbers))
    # Subtracting an anchor that is far larger than the spread loses digits.
    lost = np.max(footing.anchor) / np.min(footing.spread)
    np.testing.assert_allclose(again, numbers, rtol=1e-9, atol=1e-9 + 1e-14 * lost)


@given(footing=FOOTINGS, numbers=NUMBERS)
def test_quantiles_are_decoded_like_the_forecast(footing, numbers):
    quantiles = np.stack([numbers, numbers + 1], axis=-1)
    decoded = footing.decode(quantiles)
    np.testing.assert_array_equal(decoded[..., 0], footing.decode(numbers))
    np.testing.assert_array_equal(decoded[..., 1], footing.decode(numbers + 1))
    assert (decoded[..., 1] >= decoded[..., 0]).all()


def test_by_hand():
    assert fixed_footing(10, 4, 1, 2).decode(np.array([[0, 0.5]])).tolist() == [
        [10, 12]
    ]
    footing = window_footing(np.array([[np.nan, 2.0, 6.0]]), 1)
    assert footing.encode(np.array([[4.0]])).tolist() == [[0.5]]
    returns = return_footing(np.array([100.0]), np.array([0.01]), 4)
    np.testing.assert_allclose(
        returns.decode(np.array([[1.0, 0, 0, -1]])),
        [[100 * np.exp(0.01), 100, 100, 100 * np.exp(-0.02)]],
    )


def test_a_window_that_never_moved_has_a_width():
    footing = window_footing(np.array([[5.0, 5.0], [0.0, 0.0]]), 1)
    assert footing.spread.tolist() == [[5], [1]]


def test_parts_and_joins_keep_each_windows_footing():
    footing = return_footing(np.array([1.0, 2.0]), np.array([0.1, 0.2]), 2)
    joined = Footing.join([footing[:1], footing[1:]])
    np.testing.assert_array_equal(joined.anchor, footing.anchor)
    np.testing.assert_array_equal(joined.spread, footing.spread)
    np.testing.assert_array_equal(footing.one_step().spread, footing.spread[:, :1])


@pytest.mark.parametrize("form", ["price", "log_return", "scaled_return"])
@pytest.mark.parametrize("scaling", ["minmax", "standard", "window", "none"])
@pytest.mark.parametrize("shortest", [0, 2])
def test_targets_decode_to_the_prices_that_came(
    make_prices, tiny_config, form, scaling, shortest
):
    config = tiny_config(
        target={"form": form, "volatility": 5},
        features__scaling=scaling,
        window={"lookback": 4, "horizon": 3, "shortest": shortest},
    )
    prices = make_prices(50)
    table = make_table(prices, config, ticker="TEST")
    table = table.rows(slice(table.n_unready, len(table)))
    scaler = fit_scaler([table], config)
    assert isinstance(scaler, Scaler)
    windows = cut_windows(table, config, scaler)
    close = prices["close"]
    expected = np.array([close.loc[list(row)] for row in windows.sessions])
    np.testing.assert_array_equal(windows.actual, expected)
    decoded = windows.footing.decode(windows.targets)
    np.testing.assert_allclose(decoded, expected, rtol=1e-6)
    # The first that a decoder reads is the price at the origin.
    start = windows.footing.one_step().decode(windows.start)[:, 0]
    np.testing.assert_allclose(start, close.loc[windows.origins], rtol=1e-6)
