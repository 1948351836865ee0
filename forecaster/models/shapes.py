"""Shapes: from a window to an answer, by way of a vector, a sequence or a decoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forecaster.config import LayerConfig, ModelConfig
from forecaster.models.backend import load_keras
from forecaster.models.blocks import CELLS, initializer, recurrent_layer, surround
from forecaster.models.heads import MEDIAN, has_output_axis, n_outputs

# Added to the loss for each squared weight of a shortcut, as in ridge regression.
SHRINKAGE = 1e-3


@dataclass(frozen=True)
class Sizes:
    """The shapes of a network's inputs and of its answer.

    Attributes
    ----------
    lookback, n_features
        Of a window; a lookback of None takes windows of any length.
    horizon
        Steps forecast.
    n_known, n_static
        Numbers known of each session that is forecast, and of the origin.
    n_tickers
        Tickers that have an embedding; 0 for none.
    padded
        Whether windows may begin with padding, which is skipped.
    batch
        Windows in a batch of a stateful network, whose layers begin each batch where
        the one before ended; 0 for a network that forgets.
    """

    lookback: int | None
    n_features: int
    horizon: int = 1
    n_known: int = 0
    n_static: int = 0
    n_tickers: int = 0
    padded: bool = False
    batch: int = 0


def context_of(
    model: ModelConfig, sizes: Sizes, inputs: dict[str, Any], seeds: Iterator[int]
) -> list[Any]:
    """Return what is known of each window beside its sequence."""
    context = [inputs["static"]] if "static" in inputs else []
    if "ticker" in inputs:
        embedding = load_keras().layers.Embedding(
            sizes.n_tickers + 1,
            model.ticker_embedding,
            embeddings_initializer=initializer("random_normal", next(seeds)),
            name="ticker_embedding",
        )
        context.append(embedding(inputs["ticker"]))
    return context


def _stack(
    values: Any,
    layers: tuple[LayerConfig, ...],
    seeds: Iterator[int],
    *,
    whole: bool,
    stateful: bool = False,
) -> Any:
    """Return the outputs of the recurrent layers: at every step, or the last one's."""
    for number, layer in enumerate(layers, start=1):
        sequences = whole or number < len(layers)
        read = values
        layer_of = recurrent_layer(
            layer, number, seeds, sequences=sequences, stateful=stateful
        )
        values = layer_of(read)
        values = surround(values, read, layer, number, seeds)
    return values


def _dense(width: int, model: ModelConfig, seeds: Iterator[int]) -> Any:
    keras = load_keras()
    penalty = model.head_penalty
    return keras.layers.Dense(
        width,
        kernel_initializer=initializer("glorot_uniform", next(seeds)),
        kernel_regularizer=keras.regularizers.L2(penalty) if penalty else None,
        name="price",
    )


def _beside(values: Any, others: list[Any]) -> Any:
    """Put tensors side by side along the last axis."""
    if not others:
        return values
    return load_keras().layers.Concatenate()([values, *others])


def _each_step(context: list[Any], sizes: Sizes) -> list[Any]:
    """Repeat what is known of a window for each step that is forecast."""
    keras = load_keras()
    return [keras.layers.RepeatVector(sizes.horizon)(value) for value in context]


def _steps_out(values: Any, model: ModelConfig, sizes: Sizes) -> Any:
    """Drop the last axis where a step has a point alone."""
    if has_output_axis(model):
        return values
    return load_keras().layers.Reshape((sizes.horizon,), name="steps")(values)


def _to_vector(
    model: ModelConfig,
    sizes: Sizes,
    window: Any,
    context: list[Any],
    inputs: dict[str, Any],
    seeds: Iterator[int],
) -> Any:
    """Forecast every step at once from the last state."""
    keras = load_keras()
    stateful = bool(sizes.batch)
    state = _stack(window, model.layers, seeds, whole=False, stateful=stateful)
    if "known" in inputs:
        context = [*context, keras.layers.Flatten()(inputs["known"])]
    width = n_outputs(model) - model.spread_shortcut
    answer = _dense(sizes.horizon * width, model, seeds)(_beside(state, context))
    if not has_output_axis(model):
        return answer
    answer = keras.layers.Reshape((sizes.horizon, width), name="steps")(answer)
    if not model.spread_shortcut:
        return answer
    spread = _shortcut(sizes)(_beside(window[:, -1], context))
    return _beside(answer, [keras.layers.Reshape((sizes.horizon, 1))(spread)])


def _shortcut(sizes: Sizes) -> Any:
    """Return the layer from the newest inputs to the logarithm of the spread.

    The logarithm of volatility is nearly linear in that of what moved before, which a
    recurrent layer has to learn in a roundabout way. All weights begin at 0, so that
    at first the spread is the recurrent layers' alone.
    """
    keras = load_keras()
    return keras.layers.Dense(
        sizes.horizon,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(SHRINKAGE),
        name="spread",
    )


def _to_sequence(
    model: ModelConfig,
    sizes: Sizes,
    window: Any,
    context: list[Any],
    inputs: dict[str, Any],  # noqa: ARG001  all shapes are called alike
    seeds: Iterator[int],
) -> Any:
    """Forecast the next value at every step by one projection that all share."""
    ops, stateful = load_keras().ops, bool(sizes.batch)
    states = _stack(window, model.layers, seeds, whole=True, stateful=stateful)
    spread = [
        ops.expand_dims(value, 1) * ops.ones_like(states[:, :, :1]) for value in context
    ]
    return _dense(n_outputs(model), model, seeds)(_beside(states, spread))


def _from_vector(
    model: ModelConfig,
    sizes: Sizes,
    window: Any,
    context: list[Any],
    inputs: dict[str, Any],
    seeds: Iterator[int],
) -> Any:
    """Unroll the last session alone into a sequence of forecasts."""
    last = _beside(window[:, -1], context)
    (steps,) = _each_step([last], sizes)
    steps = _beside(steps, [inputs["known"]] if "known" in inputs else [])
    states = _stack(steps, model.layers, seeds, whole=True)
    return _steps_out(_dense(n_outputs(model), model, seeds)(states), model, sizes)


def decode(
    model: ModelConfig,
    sizes: Sizes,
    window: Any,
    context: list[Any],
    inputs: dict[str, Any],
    seeds: Iterator[int],
) -> tuple[Any, Any]:
    """Read the window, then forecast step by step, each reading the one before.

    Each layer's final state is the first state of the decoder's cell of its kind.
    Residual links, normalisation and dropout belong to the encoder alone.
    """
    keras = load_keras()
    from forecaster.models.decoder import FeedbackCell

    values, states = window, []
    for number, layer in enumerate(model.layers, start=1):
        read = values
        layer_of = recurrent_layer(layer, number, seeds, sequences=True, state=True)
        values, *final = layer_of(read)
        states.extend(final)
        values = surround(values, read, layer, number, seeds)
    centre = model.quantiles.index(MEDIAN) if model.head == "quantiles" else 0
    cells = [_cell(layer, seeds) for layer in model.layers]
    cell = FeedbackCell(
        cells, _dense(n_outputs(model), model, seeds), centre, name="feedback"
    )
    decoder = keras.layers.RNN(cell, return_sequences=True, name="decoder")
    start = inputs["start"]
    (nothing,) = _each_step([keras.ops.zeros_like(start)], sizes)
    known = [inputs["known"]] if "known" in inputs else []
    beside = [*known, *_each_step(context, sizes)]
    first = [*states, start]
    free = decoder(_beside(nothing, [nothing, *beside]), initial_state=first)
    free = _steps_out(free, model, sizes)
    if "teacher" not in inputs:
        return free, free
    real = _beside(inputs["teacher"], [keras.ops.ones_like(nothing), *beside])
    return free, _steps_out(decoder(real, initial_state=first), model, sizes)


def _cell(layer: LayerConfig, seeds: Iterator[int]) -> Any:
    return getattr(load_keras().layers, f"{CELLS[layer.cell]}Cell")(
        layer.units,
        activation=layer.activation,
        kernel_initializer=initializer(layer.kernel_initializer, next(seeds)),
        recurrent_initializer=initializer(layer.recurrent_initializer, next(seeds)),
        seed=next(seeds),
    )


FORWARD = {
    "sequence_to_vector": _to_vector,
    "sequence_to_sequence": _to_sequence,
    "vector_to_sequence": _from_vector,
}
