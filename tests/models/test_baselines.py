"""Baselines by hand."""

import numpy as np

from forecaster.models.baselines import drift, last_value


def test_last_value_repeats_the_price_at_each_origin():
    assert last_value(np.array([3.0, 5.0]), 2).tolist() == [[3, 3], [5, 5]]


def test_drift_goes_on_by_the_mean_change():
    history = np.array([1.0, 9.0, 2.0, 7.0])  # from 1 to 7 in three changes
    assert drift(np.array([10.0]), 3, history).tolist() == [[12, 14, 16]]
