import threading

import numpy as np
import pytest

from forecaster.bundle import save_bundle
from forecaster.checkpoint import read_variables, training_variables
from forecaster.config import with_values
from forecaster.errors import ConfigError
from forecaster.models import refits as module
from forecaster.models.backend import stock_layers
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
    assert again.network is used.network
    same(variables_of(again), variables_of(fresh_trainable(other, n_windows=30)))
    refitted = train(prices, other, refits=refits, progress=False)
    fresh = train(prices, other, refits=Refits(), progress=False)
    assert refitted.history.equals(fresh.history)
    same(refitted.network.get_weights(), fresh.network.get_weights())


def test_a_training_of_other_dates_or_length_shares_the_network(make_prices):
    config, refits = config_of("stack"), Refits()
    first = refits.take(config, n_windows=30)
    later = with_values(config, {"training.end": "2020-03-10", "training.epochs": 7})
    assert refits.take(later, n_windows=99).network is first.network


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
    assert (
        refits.take(with_values(config, change), n_windows=30).network
        is not first.network
    )


def test_a_schedule_of_another_length_has_another_network():
    config, refits = config_of("schedule"), Refits()
    first = refits.take(config, n_windows=30)
    assert refits.take(config, n_windows=30).network is first.network
    assert refits.take(config, n_windows=300).network is not first.network


def test_only_so_many_networks_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 2)
    refits = Refits()
    configs = [
        with_values(config_of("stack"), {"window.lookback": n}) for n in (4, 5, 6)
    ]
    first, second, _ = (refits.take(config, n_windows=30) for config in configs)
    assert refits.take(configs[1], n_windows=30).network is second.network
    assert refits.take(configs[0], n_windows=30).network is not first.network


def test_training_on_parts_of_windows_is_made_afresh():
    config, refits = config_of("truncated"), Refits()
    first, second = (refits.take(config, n_windows=30) for _ in range(2))
    assert first.network is not second.network


def test_stock_layers_are_another_kind():
    config, refits = config_of("stack"), Refits()
    first = refits.take(config, n_windows=30)
    with stock_layers():
        assert refits.take(config, n_windows=30).network is not first.network


def test_a_thread_has_one_set_of_networks_of_its_own():
    found = []
    other = threading.Thread(target=lambda: found.append(shared_refits()))
    other.start()
    other.join()
    assert shared_refits() is shared_refits()
    assert found[0] is not shared_refits()


def test_a_warm_start_from_the_same_network_keeps_its_weights(make_prices):
    config, prices = config_of("stack"), make_prices(80)
    wanted = train(
        prices, config, start_from=train(prices, config, progress=False), progress=False
    )
    refits = Refits()
    first = train(prices, config, refits=refits, progress=False)
    again = train(prices, config, start_from=first, refits=refits, progress=False)
    same(again.network.get_weights(), wanted.network.get_weights())


def test_forecasters_have_networks_of_their_own_unless_lent(make_prices):
    config, prices = config_of("stack"), make_prices(80)
    first = train(prices, config, progress=False)
    weights = first.network.get_weights()
    other = with_values(config, {"training.seed": 5})
    second = train(prices, other, progress=False)
    assert second.network is not first.network
    same(first.network.get_weights(), weights)
    fresh = train(prices, other, refits=Refits(), progress=False)
    same(second.network.get_weights(), fresh.network.get_weights())


def test_a_forecaster_whose_network_was_trained_again_says_so(make_prices, tmp_path):
    config, prices, refits = config_of("stack"), make_prices(80), Refits()
    first = train(prices, config, refits=refits, progress=False)
    first.evaluate(prices)
    second = train(prices, config, refits=refits, progress=False)
    for use in (
        lambda: first.evaluate(prices),
        lambda: save_bundle(first, tmp_path / "bundle"),
        lambda: train(prices, config, start_from=first, progress=False),
    ):
        with pytest.raises(ConfigError, match="has been trained again"):
            use()
    assert second.evaluate(prices).rmse_ratio > 0
