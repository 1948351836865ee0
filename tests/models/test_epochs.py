import numpy as np
import pytest

from forecaster.checkpoint import read_variables, training_variables
from forecaster.models.backend import stock_layers
from forecaster.models.epochs import Epochs
from forecaster.models.fitting import Fitting
from forecaster.models.refits import fresh_trainable
from forecaster.preparing import prepare_training
from tests.support.kinds import KINDS, config_of, prices_of


def order_of(windows, seed=0):
    return np.random.default_rng(seed).permutation(len(windows))


def trained(runner, config, data, *, epochs=2):
    """Train a few epochs, and return the losses, the validation and the variables."""
    trainable = fresh_trainable(config, n_windows=len(data.training))
    run = trainable.epochs if runner is None else runner(trainable.network, config)
    losses = [run.run(data.training, order_of(data.training)) for _ in range(epochs)]
    trainer = trainable.network.trainer
    return losses, run.score(data.validation), read_variables(trainer.variables)


@pytest.mark.parametrize("kind", [*KINDS, "truncated"])
def test_epochs_are_those_of_keras_fit_with_stock_layers(kind, make_prices):
    """Of every kind of network: losses, weights, and what dropout dropped."""
    config = config_of(kind)
    data = prepare_training(prices_of(config, make_prices), config)
    ours = None if kind == "truncated" else Epochs  # it has a loop of its own
    losses, score, variables = trained(ours, config, data)
    with stock_layers():
        wanted_losses, wanted_score, wanted = trained(Fitting, config, data)
    np.testing.assert_allclose(losses, wanted_losses, rtol=1e-5)
    assert score == pytest.approx(wanted_score, rel=1e-5)
    for mine, theirs in zip(variables, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=2e-5)


def test_windows_may_be_shown_twice_or_not_at_all(make_prices):
    config = config_of("stack")
    data = prepare_training(prices_of(config, make_prices), config)
    order = np.array([3, 3, 0, 7, 3])
    ours, theirs = (
        runner(fresh_trainable(config, n_windows=5).network, config)
        for runner in (Epochs, Fitting)
    )
    wanted = theirs.run(data.training, order)
    assert ours.run(data.training, order) == pytest.approx(wanted, rel=1e-5)


def test_other_windows_need_no_other_compilation(make_prices):
    config = config_of("stack")
    trainable, traced = fresh_trainable(config, n_windows=20), []
    for name in ("_train", "_judge"):
        honest = getattr(trainable.epochs, name)

        def watched(held, chosen, name=name, honest=honest):
            traced.append(name)
            return honest(held, chosen)

        setattr(trainable.epochs, name, watched)
    for n_sessions in (60, 75, 90):
        prices = make_prices(n_sessions)
        windows = prepare_training(prices, config).training[: n_sessions - 50]
        trainable.epochs.run(windows, order_of(windows))
        trainable.epochs.score(windows)
    assert traced == ["_train", "_judge"]


def test_a_long_epoch_is_several_calls_and_the_same(make_prices, monkeypatch):
    from forecaster.models import epochs

    config = config_of("stack")
    data = prepare_training(prices_of(config, make_prices), config)
    wanted = trained(Epochs, config, data)
    monkeypatch.setattr(epochs, "CALL_S", 0.0)
    monkeypatch.setattr(epochs, "FIRST_BATCHES", 1)
    losses, score, variables = trained(Epochs, config, data)
    assert (losses, score) == wanted[:2]
    for mine, theirs in zip(variables, wanted[2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_windows_are_held_once_and_let_go(make_prices):
    import gc

    config = config_of("stack")
    trainable = fresh_trainable(config, n_windows=20)
    windows = prepare_training(make_prices(70), config).training
    trainable.epochs.run(windows, order_of(windows))
    held = trainable.epochs._held[windows]
    trainable.epochs.score(windows)
    assert trainable.epochs._held[windows] is held
    assert held["window"]["rows"].shape[0] < len(windows) + config.window.lookback + 1
    del windows, held
    gc.collect()
    assert not trainable.epochs._held


def test_the_optimiser_s_state_is_that_of_keras_too(make_prices):
    config = config_of("stack")
    data = prepare_training(prices_of(config, make_prices), config)
    states = []
    for runner in (Epochs, Fitting):
        trainable = fresh_trainable(config, n_windows=len(data.training))
        run = runner(trainable.network, config)
        run.run(data.training, order_of(data.training))
        states.append(read_variables(training_variables(trainable.network.trainer)))
    for mine, theirs in zip(*states, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=2e-5)
