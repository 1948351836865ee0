"""Epochs: one pass over the training windows, ours beside Keras and PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.case import NotMeasured, Side
from benchmarks.settings import (
    n_batches,
    reference_config,
    training_arrays,
    training_windows,
)
from benchmarks.stock import count_torch, plain_keras, plain_torch

if TYPE_CHECKING:
    from forecaster.config import Config
    from forecaster.data.windows import Windows


def ours(quick: bool, *, cell: str = "lstm") -> Side:
    """Build the reference network as `forecaster train` does."""
    config = reference_config(quick, cell=cell)
    return our_epoch(config, training_windows(config))


def our_epoch(config: Config, windows: Windows) -> Side:
    """Return an epoch of ours over windows, in an order drawn anew each time."""
    import numpy as np

    from forecaster.models.compiling import compile_network
    from forecaster.models.epochs import Epochs
    from forecaster.models.recurrent import network_for

    network = network_for(config)
    compile_network(network.trainer, config, n_windows=len(windows))
    epochs, random = Epochs(network, config), np.random.default_rng(0)

    def run() -> None:
        epochs.run(windows, random.permutation(len(windows)))

    def facts() -> dict[str, int]:
        return {
            "n_parameters": network.trainer.count_params(),
            "n_steps": int(network.trainer.optimizer.iterations),
            "n_windows": len(windows),
        }

    return Side(run, facts=facts)


def keras(quick: bool, *, cell: str = "lstm") -> Side:
    """Build stock layers and fit them for one epoch, shuffled as by default."""
    config = reference_config(quick, cell=cell)
    inputs, targets = training_arrays(config)
    model = plain_keras(config)

    def run() -> None:
        model.fit(
            inputs,
            targets,
            batch_size=config.training.batch_size,
            epochs=1,
            verbose=0,
        )

    def facts() -> dict[str, int]:
        return {
            "n_parameters": model.count_params(),
            "n_steps": int(model.optimizer.iterations),
            "n_windows": len(inputs),
        }

    return Side(run, facts=facts)


def torch(quick: bool, *, device: str = "cpu") -> Side:
    """Build `nn.LSTM` and train it by the usual loop, with batches cut by index."""
    import torch as library

    config = reference_config(quick)
    arrays = training_arrays(config)
    inputs, targets = (library.from_numpy(array).to(device) for array in arrays)
    module = plain_torch(config).to(device).train()
    adam = library.optim.Adam(module.parameters(), lr=config.training.learning_rate)
    loss, done = library.nn.MSELoss(), {"n_steps": 0}

    def run() -> None:
        order = library.randperm(len(inputs), device=device)
        for chosen in order.split(config.training.batch_size):
            adam.zero_grad()
            loss(module(inputs[chosen]), targets[chosen]).backward()
            adam.step()
            done["n_steps"] += 1
        if device != "cpu":
            library.cuda.synchronize()

    def facts() -> dict[str, Any]:
        return {**count_torch(module), **done, "n_windows": len(inputs)}

    return Side(run, facts=facts)


def gpu_ours(quick: bool) -> Side:
    """Build ours on a graphics card."""
    _need_gpu()
    return ours(quick)


def gpu_keras(quick: bool) -> Side:
    """Build stock layers on a graphics card, where Keras hands them to cuDNN."""
    _need_gpu()
    return keras(quick)


def gpu_torch(quick: bool) -> Side:
    """Build `nn.LSTM` on a graphics card."""
    import torch as library

    if not library.cuda.is_available():
        raise NotMeasured("no GPU that PyTorch sees")
    return torch(quick, device="cuda")


def _need_gpu() -> None:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        raise NotMeasured("no GPU that TensorFlow sees")


def matmul(quick: bool) -> Side:
    """Build all matrix products of an epoch and nothing else; see `products`."""
    from benchmarks.products import Products

    config = reference_config(quick)
    inputs, _ = training_arrays(config)
    products = Products(config, len(inputs))
    steps = n_batches(len(inputs), config.training.batch_size)
    return Side(
        products.run,
        facts=lambda: {
            "n_steps": steps,
            "n_windows": len(inputs),
            "gigaflop": products.gigaflop,
        },
    )
