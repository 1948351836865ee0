"""Blocks: one recurrent layer with all that may stand around it, as Keras layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from forecaster.config import ConvolutionConfig, LayerConfig
from forecaster.models.backend import layer_class, load_keras

CELLS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "SimpleRNN"}


def make_seeds(seed: int) -> Iterator[int]:
    """Yield independent seeds that all follow from one."""
    generator = np.random.default_rng(np.random.SeedSequence(seed))
    while True:
        yield int(generator.integers(0, 2**31))


def initializer(name: str, seed: int) -> Any:
    """Return an initialiser by name, with a seed of its own."""
    keras = load_keras()
    parts = "".join(part.capitalize() for part in name.split("_"))
    return getattr(keras.initializers, parts)(seed=seed)


def recurrent_layer(
    layer: LayerConfig,
    number: int,
    seeds: Iterator[int],
    *,
    sequences: bool,
    state: bool = False,
    stateful: bool = False,
) -> Any:
    """Return a recurrent layer, in both directions if that is wanted.

    Parameters
    ----------
    number
        Place in the stack, from 1 on; part of the layer's name.
    sequences
        Hand on the state at every step, rather than the last one.
    state
        Hand on the final state as well.
    stateful
        Begin each batch where the one before ended.
    """
    keras = load_keras()
    kind = layer_class(CELLS[layer.cell])
    recurrent = kind(
        layer.units,
        activation=layer.activation,
        recurrent_dropout=layer.recurrent_dropout,
        return_sequences=sequences,
        return_state=state,
        stateful=stateful,
        kernel_initializer=initializer(layer.kernel_initializer, next(seeds)),
        recurrent_initializer=initializer(layer.recurrent_initializer, next(seeds)),
        seed=next(seeds),
        name=f"{layer.cell}_{number}",
    )
    if not layer.bidirectional:
        return recurrent
    backward = recurrent.get_config() | {
        "go_backwards": True,
        "name": f"{layer.cell}_{number}_backward",
        "kernel_initializer": initializer(layer.kernel_initializer, next(seeds)),
        "recurrent_initializer": initializer(layer.recurrent_initializer, next(seeds)),
        "seed": next(seeds),
    }
    # Keras makes its own copy of the layer, from the class of that name.
    with keras.saving.custom_object_scope({kind.__name__: kind}):
        return keras.layers.Bidirectional(
            recurrent,
            backward_layer=kind.from_config(backward),
            name=f"bidirectional_{number}",
        )


def surround(
    outputs: Any, inputs: Any, layer: LayerConfig, number: int, seeds: Iterator[int]
) -> Any:
    """Add residual link, normalisation and dropout behind a recurrent layer.

    Parameters
    ----------
    outputs, inputs
        What the recurrent layer puts out, and what it read; where it puts out its
        last state alone, the last of its inputs is added.
    """
    keras = load_keras()
    if layer.residual:
        if len(inputs.shape) > len(outputs.shape):
            inputs = inputs[:, -1]
        width = outputs.shape[-1]
        if inputs.shape[-1] != width:
            inputs = keras.layers.Dense(
                width,
                use_bias=False,
                kernel_initializer=initializer("glorot_uniform", next(seeds)),
                name=f"residual_{number}",
            )(inputs)
        outputs = keras.layers.Add(name=f"add_{number}")([outputs, inputs])
    if layer.normalization == "batch":
        outputs = keras.layers.BatchNormalization(name=f"norm_{number}")(outputs)
    if layer.normalization == "layer":
        outputs = keras.layers.LayerNormalization(name=f"norm_{number}")(outputs)
    if layer.dropout:
        outputs = layer_class("Dropout")(
            layer.dropout, seed=next(seeds), name=f"dropout_{number}"
        )(outputs)
    return outputs


def convolve(values: Any, convolution: ConvolutionConfig, seeds: Iterator[int]) -> Any:
    """Return the outputs of a causal convolution: each step sees none later."""
    keras = load_keras()
    return keras.layers.Conv1D(
        convolution.filters,
        convolution.kernel_size,
        padding="causal",
        activation=convolution.activation,
        kernel_initializer=initializer("glorot_uniform", next(seeds)),
        name="convolution",
    )(values)
