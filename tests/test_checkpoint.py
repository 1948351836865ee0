"""Checkpoints: read back exactly, and never read when damaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.checkpoint import (
    TrainingState,
    assign_variables,
    load_checkpoint,
    save_checkpoint,
)
from forecaster.errors import BundleError

STATE = TrainingState(
    variables=(np.arange(6.0).reshape(2, 3), np.array(7, dtype=np.int64)),
    history=({"epoch": 1, "loss": 0.1 + 0.2, "val_loss": 1e-300},),
    best=(np.ones(3, dtype=np.float32),),
)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "checkpoint.npz"
    save_checkpoint(path, STATE, "stamp")
    return path.read_bytes()


def same(first, second):
    pairs = zip(
        first.variables + first.best, second.variables + second.best, strict=True
    )
    return first.history == second.history and all(
        one.dtype == other.dtype and np.array_equal(one, other) for one, other in pairs
    )


def test_a_state_is_read_back_exactly(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, STATE, "stamp")
    assert same(load_checkpoint(path, "stamp"), STATE)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_another_stamp_is_refused(tmp_path, content):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(BundleError, match="other settings or other prices"):
        load_checkpoint(path, "another")


@given(data=st.data())
def test_a_flipped_bit_is_refused_wherever_it_lies(tmp_path_factory, content, data):
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("damaged") / "checkpoint.npz"
    path.write_bytes(bytes(changed))
    with pytest.raises(BundleError, match="the checkpoint is damaged"):
        load_checkpoint(path, "stamp")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_cut_checkpoint_is_refused(tmp_path, content, keep):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(BundleError, match="the checkpoint is damaged"):
        load_checkpoint(path, "stamp")


def test_values_of_another_shape_are_refused(trained):
    weights = trained[0].network.weights
    with pytest.raises(BundleError, match="another network"):
        assign_variables(weights, [np.zeros(1)] * len(weights))
