"""Training: facts of the reference run, reproducibility, resumption, early stopping."""

import json
import random
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import forecaster.training as training_module
from forecaster.config import load_config
from forecaster.data.sources import load_prices
from forecaster.errors import BundleError, DataError, NotEnoughHistory, TrainingFailed
from forecaster.preparing import prepare_training
from forecaster.training import should_stop, train


def weights_of(forecaster):
    return [np.array(value) for value in forecaster.network.get_weights()]


def assert_same(first, second):
    for one, other in zip(weights_of(first), weights_of(second), strict=True):
        np.testing.assert_array_equal(one, other)
    pd.testing.assert_frame_equal(first.history, second.history, check_exact=True)


def test_the_reference_run_has_1258_sessions_and_1198_windows():
    data = prepare_training(load_prices("GOOG"), load_config("google"))
    assert data.trained_on.n_sessions == 1258
    assert data.training.inputs.shape == (1198, 60, 1)
    assert data.training.targets.shape == (1198, 1)
    assert (data.trained_on.first, data.trained_on.last) == ("2012-01-03", "2016-12-30")
    assert data.validation is None
    assert data.training.inputs.min() == 0
    assert data.training.inputs.max() == 1


def test_the_same_seed_gives_the_same_weights(make_prices, tiny_config):
    prices = make_prices(80)
    first, again = (train(prices, tiny_config(), progress=False) for _ in range(2))
    assert_same(first, again)
    other = train(prices, tiny_config(training__seed=1), progress=False)
    assert not np.array_equal(weights_of(first)[0], weights_of(other)[0])


CHILD = """
import json, sys
import forecaster as fc
config = fc.load_config("google", json.loads(sys.argv[1]))
prices = fc.load_prices("GOOG", end="2017-03-31")
forecaster = fc.train(prices, config, progress=False)
evaluation = forecaster.evaluate(prices)
print(json.dumps([value.hex() for value in evaluation.predictions["predicted"]]))
"""


def test_two_processes_give_bit_identical_predictions():
    overrides = json.dumps(
        [
            "training.epochs=1",
            "training.start=2016-06-01",
            "window.lookback=5",
            "model.layers=[{units=3}]",
        ]
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", CHILD, overrides],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert len(json.loads(answers[0])) == 62
    assert answers[0] == answers[1]


@pytest.mark.parametrize("fraction", [0.0, 0.2])
@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_resumed_training_ends_as_if_never_interrupted(
    make_prices, tiny_config, tmp_path, monkeypatch, fraction, stop_after
):
    prices = make_prices(80)
    config = tiny_config(
        training__epochs=5,
        training__validation_fraction=fraction,
        training__early_stopping=3 if fraction else 0,
    )
    whole = train(prices, config, progress=False)
    checkpoint = tmp_path / "checkpoint.npz"
    save = training_module.save_checkpoint

    def save_then_stop(path, state, stamp):
        save(path, state, stamp)
        if state.n_epochs == stop_after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_module, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            train(prices, config, checkpoint=checkpoint, progress=False)
    resumed = train(prices, config, checkpoint=checkpoint, resume=True, progress=False)
    assert_same(whole, resumed)


def test_a_checkpoint_of_other_settings_or_prices_is_refused(
    make_prices, tiny_config, tmp_path
):
    path = tmp_path / "checkpoint.npz"
    config = tiny_config(training__epochs=1)
    train(make_prices(80), config, checkpoint=path, progress=False)
    longer = tiny_config(training__epochs=2)
    for prices, settings in (
        (make_prices(80), longer),
        (make_prices(80, seed=1), config),
    ):
        with pytest.raises(BundleError, match="other settings or other prices"):
            train(prices, settings, checkpoint=path, resume=True, progress=False)


def test_the_weights_kept_are_those_of_the_best_validation_loss(
    make_prices, tiny_config
):
    prices = make_prices(80)
    config = tiny_config(
        training__epochs=6,
        training__validation_fraction=0.2,
        training__learning_rate=0.1,
    )
    forecaster = train(prices, config, progress=False)
    best = int(forecaster.history["val_loss"].idxmin()) + 1
    assert 1 <= best < 6, "the case must have its best epoch before the last"
    shorter = tiny_config(
        training__epochs=best,
        training__validation_fraction=0.2,
        training__learning_rate=0.1,
    )
    same = train(prices, shorter, progress=False)
    for one, other in zip(weights_of(forecaster), weights_of(same), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_validation_loss_is_that_of_the_validation_windows(
    make_prices, tiny_config
):
    prices = make_prices(80)
    config = tiny_config(training__validation_fraction=0.2)
    forecaster = train(prices, config, progress=False)
    windows = prepare_training(prices, config).validation
    errors = forecaster.predict_scaled(windows.inputs) - windows.targets
    best = forecaster.history["val_loss"].min()
    assert np.mean(errors**2) == pytest.approx(best, rel=1e-5)


def test_early_stopping_ends_training_after_its_patience(make_prices, tiny_config):
    config = tiny_config(
        training__epochs=50,
        training__validation_fraction=0.2,
        training__early_stopping=2,
        training__learning_rate=0.3,
    )
    history = train(make_prices(80), config, progress=False).history
    assert len(history) < 50
    assert len(history) == history["val_loss"].idxmin() + 1 + 2


def test_should_stop_counts_from_the_first_of_equal_losses():
    rows = [{"val_loss": value} for value in (3.0, 1.0, 1.0)]
    assert not should_stop(rows, 2)
    assert should_stop([*rows, {"val_loss": 1.0}], 2)
    assert not should_stop([{"loss": 1.0}] * 9, 2)
    assert not should_stop(rows, 0)


def test_a_loss_that_is_no_number_is_named(make_prices, tiny_config):
    config = tiny_config(training__optimizer="sgd")
    beyond = config.training.model_copy(update={"learning_rate": 1e30})
    exploding = config.model_copy(update={"training": beyond})
    with pytest.raises(TrainingFailed, match=r"training.learning_rate.*1e\+30"):
        train(make_prices(80), exploding, progress=False)


def test_too_short_a_training_range_names_what_is_needed(make_prices, tiny_config):
    config = tiny_config(window__lookback=60)
    with pytest.raises(NotEnoughHistory, match="TEST: need at least 61 sessions") as e:
        prepare_training(make_prices(80), config)
    assert (e.value.needed, e.value.found) == (61, 60)


def test_a_training_range_without_sessions_names_both_ranges(make_prices, tiny_config):
    config = tiny_config(training__start="2019-01-01", training__end="2019-06-30")
    with pytest.raises(DataError, match=r"2019-01-01 to 2019-06-30.*2020-01-02"):
        prepare_training(make_prices(80), config)


def test_training_neither_reads_nor_changes_global_randomness(make_prices, tiny_config):
    import keras

    def randomness():
        shared = keras.src.random.seed_generator.global_seed_generator()
        return (
            random.getstate(),
            str(np.random.get_state()),  # noqa: NPY002
            shared.state.numpy().tolist(),
        )

    answers = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        before = randomness()
        answers.append(train(make_prices(80), tiny_config(), progress=False))
        assert randomness() == before
    assert_same(*answers)


def test_the_order_of_the_windows_follows_from_the_seed_and_the_epoch(
    make_prices, tiny_config
):
    from forecaster.models.refits import fresh_trainable
    from forecaster.training import _run_epoch

    def orders(seed):
        config = tiny_config(training__seed=seed)
        data = prepare_training(make_prices(80), config)
        trainable, shown = fresh_trainable(config, n_windows=50), []
        run = trainable.epochs.run

        def spying_run(windows, order):
            shown.append(windows[order].targets)
            return run(windows, order)

        trainable.epochs.run = spying_run
        for epoch in (1, 2):
            _run_epoch(trainable, data, config, epoch)
        for targets in shown:
            np.testing.assert_array_equal(
                np.sort(targets, axis=0), np.sort(data.training.targets, axis=0)
            )
        return shown

    first, again, other = orders(0), orders(0), orders(1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def test_the_best_weights_survive_an_interruption(
    make_prices, tiny_config, tmp_path, monkeypatch
):
    prices = make_prices(80)
    config = tiny_config(
        training__epochs=6,
        training__validation_fraction=0.2,
        training__early_stopping=3,
        training__learning_rate=0.1,
    )
    whole = train(prices, config, progress=False)
    best = int(whole.history["val_loss"].idxmin()) + 1
    assert best < len(whole.history), "the best epoch must come before the last"
    checkpoint, save = tmp_path / "checkpoint.npz", training_module.save_checkpoint

    def save_then_stop(path, state, stamp):
        save(path, state, stamp)
        if state.n_epochs == best + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_module, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            train(prices, config, checkpoint=checkpoint, progress=False)
    resumed = train(prices, config, checkpoint=checkpoint, resume=True, progress=False)
    assert_same(whole, resumed)
    finished = train(prices, config, checkpoint=checkpoint, resume=True, progress=False)
    assert_same(whole, finished)


KILLED_CHILD = """
import json, os, pathlib, signal, sys
import pandas as pd
from forecaster import atomic
from forecaster.config import config_from_dict
from forecaster.training import train
fsync, calls = os.fsync, []
def kill_at_the_third_checkpoint(handle):
    calls.append(handle)
    if pathlib.Path(f"/proc/self/fd/{handle}").resolve().is_file():
        files.append(handle)
        if len(files) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    return fsync(handle)
files = []
os.fsync = kill_at_the_third_checkpoint
folder = pathlib.Path(sys.argv[1])
prices = pd.read_parquet(folder / "prices.parquet")
prices.attrs = {"ticker": "TEST"}
config = config_from_dict(json.loads((folder / "config.json").read_text()))
train(prices, config, checkpoint=folder / "checkpoint.npz", progress=False)
"""


def test_a_process_killed_while_it_saves_is_resumed_to_the_same_end(
    make_prices, tiny_config, tmp_path
):
    prices = make_prices(80)
    config = tiny_config(training__epochs=4, training__validation_fraction=0.2)
    prices.to_parquet(tmp_path / "prices.parquet")
    (tmp_path / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    child = subprocess.run(
        [sys.executable, "-c", KILLED_CHILD, tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    checkpoint = tmp_path / "checkpoint.npz"
    saved = checkpoint.stat().st_mtime_ns
    resumed = train(prices, config, checkpoint=checkpoint, resume=True, progress=False)
    assert checkpoint.stat().st_mtime_ns > saved
    assert_same(train(prices, config, progress=False), resumed)


def test_a_damaged_checkpoint_stops_the_resumption(make_prices, tiny_config, tmp_path):
    path = tmp_path / "checkpoint.npz"
    config = tiny_config(training__epochs=1)
    train(make_prices(80), config, checkpoint=path, progress=False)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match="the checkpoint is damaged"):
        train(make_prices(80), config, checkpoint=path, resume=True, progress=False)


def test_a_validation_slice_that_takes_every_session_names_what_is_needed(
    make_prices, tiny_config
):
    config = tiny_config(training__validation_fraction=0.99)
    with pytest.raises(NotEnoughHistory, match="need at least 5 sessions"):
        prepare_training(make_prices(80), config)
