import numpy as np
import pytest

from forecaster.checkpoint import read_variables, training_variables
from forecaster.config import with_values
from forecaster.models import refits as module
from forecaster.models.refits import Refits, fresh_trainable, shared_refits
from forecaster.training import train
from tests.support.kinds import KINDS, config_of, prices_of


def variables_of(trainable):
    return read_variables(training_variables(trainable.network.trainer))


def same(ours, wanted):
    for mine, theirs in zip(ours, wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refit_begins_and_ends_as_a_fresh_network_does(kind, make_prices):
    config, refits = config_of(kind), Refits()
    prices = prices_of(config, make_prices)
    used = refits.take(config, n_windows=30)
    train(prices, config, refits=refits, progress=False)
    other = with_values(config, {"training.seed": 11})
    again = refits.take(other, n_windows=30)
    assert again is used
    same(variables_of(again), variables_of(fresh_trainable(other, n_windows=30)))
    refitted = train(prices, other, refits=refits, progress=False)
    fresh = train(prices, other, progress=False)
    assert refitted.history.equals(fresh.history)
    same(refitted.network.get_weights(), fresh.network.get_weights())


def test_a_training_of_other_dates_or_length_shares_the_network(make_prices):
    config, refits = config_of("stack"), Refits()
    first = refits.take(config, n_windows=30)
    later = with_values(config, {"training.end": "2020-03-10", "training.epochs": 7})
    assert refits.take(later, n_windows=99) is first


@pytest.mark.parametrize(
    "change",
    [
        {"model.layers": [{"units": 4}]},
        {"window.lookback": 5},
        {"training.batch_size": 4},
        {"training.learning_rate": 0.1},
        {"training.clip_norm": 1.0},
        {"training.schedule": "cosine"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_kind_of_training_has_another_network(change):
    config, refits = config_of("stack"), Refits()
    first = refits.take(config, n_windows=30)
    assert refits.take(with_values(config, change), n_windows=30) is not first


def test_a_schedule_of_another_length_has_another_network():
    config, refits = config_of("schedule"), Refits()
    first = refits.take(config, n_windows=30)
    assert refits.take(config, n_windows=30) is first
    assert refits.take(config, n_windows=300) is not first


def test_only_so_many_networks_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    refits = Refits()
    configs = [
        with_values(config_of("stack"), {"window.lookback": n}) for n in (4, 5, 6)
    ]
    first, second, _ = (refits.take(config, n_windows=30) for config in configs)
    assert refits.take(configs[1], n_windows=30) is second
    assert refits.take(configs[0], n_windows=30) is not first


def test_training_on_parts_of_windows_is_made_afresh():
    config, refits = config_of("truncated"), Refits()
    assert refits.take(config, n_windows=30) is not refits.take(config, n_windows=30)


def test_a_process_has_one_set_of_networks():
    assert shared_refits() is shared_refits()
