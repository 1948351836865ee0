"""Recurrent networks: checked settings in, Keras models out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.config import Config, ModelConfig
from forecaster.data.sequences import PADDING
from forecaster.models.backend import load_keras
from forecaster.models.blocks import convolve, make_seeds
from forecaster.models.shapes import FORWARD, Sizes, context_of, decode


@dataclass(frozen=True)
class Network:
    """Two Keras models with the same weights.

    Attributes
    ----------
    predictor
        From the inputs to an answer of shape (n_windows, horizon[, n_outputs]), or
        (n_windows, lookback[, n_outputs]) for `sequence_to_sequence`; with several
        members there is an axis for them behind the first.
    trainer
        The same but that it may read real values (`teacher`), and that each member has
        an output of its own.
    free_trainer
        The trainer without real values, where it reads some; None otherwise.
    """

    predictor: Any
    trainer: Any
    free_trainer: Any = None

    @property
    def judge(self) -> Any:
        """What validation scores: the trainer, but that no real value is shown."""
        return self.trainer if self.free_trainer is None else self.free_trainer


def network_for(config: Config, *, horizon: int | None = None) -> Network:
    """Return the network that settings describe, with its first weights.

    Parameters
    ----------
    horizon
        Steps forecast, if other than in the settings.
    """
    sizes = sizes_of(config, horizon=horizon)
    return build_network(config.model, sizes, seed=config.training.seed)


def sizes_of(config: Config, *, horizon: int | None = None) -> Sizes:
    """Return the shapes of inputs and answer that settings describe."""
    return Sizes(
        lookback=config.window.lookback,
        n_features=len(config.features.columns),
        horizon=horizon or config.window.horizon,
        n_known=len(config.features.known_future),
        n_static=len(config.features.static),
        n_tickers=len(config.data.tickers) if config.model.ticker_embedding else 0,
        padded=bool(config.window.shortest),
    )


def build_network(model: ModelConfig, sizes: Sizes, *, seed: int) -> Network:
    """Return recurrent layers with all that the settings put around them.

    Parameters
    ----------
    model
        Settings of the network.
    sizes
        Of inputs and answer.
    seed
        Every weight and every dropout mask follows from it; the process's own random
        state is neither read nor changed. The first member has this seed, each other
        one its own.
    """
    keras = load_keras()
    if model.members == 1:
        return build_member(model, sizes, seed=seed, name="forecaster")
    members = [
        build_member(
            model, sizes, seed=member_seed(seed, number), name=f"member_{number}"
        )
        for number in range(1, model.members + 1)
    ]
    inputs = network_inputs(model, sizes)
    free = {name: value for name, value in inputs.items() if name != "teacher"}
    predicted = [member.predictor(_alone(free)) for member in members]
    trained = [member.trainer(_alone(inputs)) for member in members]
    predictor = keras.Model(
        _alone(free), keras.ops.stack(predicted, axis=1), name="forecaster"
    )
    trainer = keras.Model(_alone(inputs), trained, name="trainer")
    if "teacher" not in inputs:
        return Network(predictor, trainer)
    return Network(
        predictor, trainer, keras.Model(_alone(free), predicted, name="free")
    )


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member, counted from 1: no two ensembles share one.

    >>> member_seed(7, 1)
    7
    """
    if number == 1:
        return seed
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def build_member(model: ModelConfig, sizes: Sizes, *, seed: int, name: str) -> Network:
    """Return one network; see `build_network`."""
    keras = load_keras()
    seeds, inputs = make_seeds(seed), network_inputs(model, sizes)
    window = inputs["window"]
    if sizes.padded:
        window = keras.layers.Masking(PADDING, name="masking")(window)
    if model.convolution:
        window = convolve(window, model.convolution, seeds)
    context = context_of(model, sizes, inputs, seeds)
    free = {key: value for key, value in inputs.items() if key != "teacher"}
    if model.shape == "encoder_decoder":
        predicted, trained = decode(model, sizes, window, context, inputs, seeds)
    else:
        predicted = trained = FORWARD[model.shape](
            model, sizes, window, context, inputs, seeds
        )
    predictor = keras.Model(_alone(free), predicted, name=name)
    if predicted is trained:
        return Network(predictor, predictor)
    trainer = keras.Model(_alone(inputs), trained, name=f"{name}_trainer")
    return Network(predictor, trainer, predictor)


def network_inputs(model: ModelConfig, sizes: Sizes) -> dict[str, Any]:
    """Return the inputs that a network has, by name."""
    keras = load_keras()
    shapes: dict[str, tuple[int | None, ...]] = {
        "window": (sizes.lookback, sizes.n_features)
    }
    if sizes.n_known:
        shapes["known"] = (sizes.horizon, sizes.n_known)
    if sizes.n_static:
        shapes["static"] = (sizes.n_static,)
    if sizes.n_tickers:
        shapes["ticker"] = ()
    if model.shape == "encoder_decoder":
        shapes["start"] = (1,)
        if model.teacher_forcing:
            shapes["teacher"] = (sizes.horizon, 1)
    return {
        name: keras.Input(
            batch_shape=(sizes.batch or None, *shape),
            dtype="int32" if name == "ticker" else None,
            name=name,
        )
        for name, shape in shapes.items()
    }


def _alone(inputs: dict[str, Any]) -> Any:
    """Return a single input as it is, several by name."""
    return inputs if len(inputs) > 1 else next(iter(inputs.values()))
