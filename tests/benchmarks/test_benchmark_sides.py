"""The sides of the benchmarks do the work that they say."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks import epochs, many, peers, refits
from benchmarks.case import NotMeasured, check_equal_work
from benchmarks.products import Products
from benchmarks.settings import reference_config, training_windows


def facts_after_one_run(side):
    (side.warm or side.run)()
    return side.facts()


def test_the_whole_reference_run_is_that_of_the_table():
    config = reference_config(False)
    assert len(training_windows(config)) == 1198
    assert [layer.units for layer in config.model.layers] == [50] * 4
    assert config.window.lookback == 60


def test_the_products_are_those_of_an_epoch():
    """Counted again from the compiled graph: every product, by its own shapes."""
    config = reference_config(True, "training.batch_size=16")
    products = Products(config, 40)  # two full batches, and one of eight
    assert products.sizes == [16, 16, 8]
    total = 0
    for size in products.sizes:
        graph = products._step.get_concrete_function(*products.batches[size]).graph
        for node in graph.get_operations():
            if node.type == "MatMul":
                left, right = node.inputs
                shared = left.shape[0 if node.get_attr("transpose_a") else 1]
                rows, columns = node.outputs[0].shape
                assert shared == right.shape[1 if node.get_attr("transpose_b") else 0]
                total += 2 * rows * columns * shared
    assert products.gigaflop == pytest.approx(total / 1e9)
    # By hand, in multiplications: T steps, B windows, u units, 4 u gates, 2 layers.
    steps, units = 6, 4
    recurrent = 3 * units * 4 * units
    kernels = 2 * 1 * 4 * units + 3 * units * 4 * units
    by_hand = 2 * 40 * steps * (2 * recurrent + kernels)
    assert products.gigaflop == pytest.approx(by_hand / 1e9)


def test_products_neither_vanish_nor_overflow():
    products = Products(reference_config(True), 40)
    products.run()
    results = products._step(*products.batches[32])
    for result in results:
        assert 0 < abs(result.numpy()).max() < 1e6


def test_stock_layers_are_the_network_of_forecaster():
    from forecaster.models.recurrent import network_for

    for cell in ("lstm", "gru", "simple_rnn"):
        facts = facts_after_one_run(epochs.keras(True, cell=cell))
        config = reference_config(True, cell=cell)
        network = network_for(config).trainer
        windows = len(training_windows(config))
        assert facts == {
            "n_parameters": network.count_params(),
            "n_steps": -(-windows // 32),
            "n_windows": windows,
        }


def test_the_loop_over_tickers_has_our_network():
    forecaster = many.briefly_trained(True)
    facts = facts_after_one_run(many.keras(True))
    assert facts["n_parameters"] == forecaster.network.count_params()
    prices = many.made_prices(2)
    assert [forecaster.predict(prices[name]).ticker for name in prices] == ["T0", "T1"]


def test_refits_train_on_years_that_move_on():
    configs = refits.folds(True)
    starts = [config.training.start for config in configs]
    assert starts == sorted(set(starts))
    assert len(configs) == refits.N_STARTS
    assert {
        round((config.training.end - config.training.start).days / 365)
        for config in configs
    } == {1}


def test_peers_get_the_prices_of_training_and_none_later():
    config, prices = peers.task(True)
    assert prices.index[-1].date() <= config.training.end
    closes = peers.scaled(prices, config)
    assert (closes.min(), closes.max()) == (0.0, 1.0)
    n_windows = len(training_windows(config))
    assert len(closes) == n_windows + config.window.lookback
    assert peers._n_steps(prices, config) == -(-n_windows // 32)


def test_our_side_of_the_peers_counts_its_steps():
    facts = facts_after_one_run(peers.ours(True))
    config, prices = peers.task(True)
    assert facts["n_steps"] == peers._n_steps(prices, config)
    every = facts_after_one_run(peers.ours_every_session(True))
    assert every["n_parameters"] == facts["n_parameters"]


def test_no_card_is_no_error(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    with pytest.raises(NotMeasured, match="no GPU"):
        epochs.gpu_keras(True)


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "darts")),
    reason="wants the extra bench",
)
def test_peers_do_equal_work():
    for sides in (
        (peers.ours, peers.neuralforecast),
        (peers.ours_every_session, peers.darts),
        (epochs.keras, epochs.torch),
    ):
        facts = {str(side): facts_after_one_run(side(True)) for side in sides}
        assert all("n_steps" in known for known in facts.values())
        check_equal_work(facts)
