"""Refits: compiled networks that are trained again and again, each time from the start.

Making a network costs a second and some memory that is never given back; setting its
variables back costs neither. What comes of it is bit for bit what a fresh network
would give.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.checkpoint import assign_variables, read_variables, training_variables
from forecaster.config import Config
from forecaster.models.backend import load_keras, uses_stock_layers
from forecaster.models.blocks import make_seeds
from forecaster.models.compiling import compile_judge, compile_network, steps_per_epoch
from forecaster.models.fitting import epochs_for
from forecaster.models.leases import Lease
from forecaster.models.recurrent import Network, member_seed, network_for
from forecaster.models.truncated import truncated_network

# Kinds of networks that are kept; the one that was not used for longest goes first.
MOST_KEPT = 4
# More draws than any network makes of its seed.
MOST_DRAWS = 1000
# Which of a layer's attributes makes which of its variables.
SEEDED = {
    "kernel": "kernel_initializer",
    "recurrent_kernel": "recurrent_initializer",
    "embeddings": "embeddings_initializer",
}
# Settings of training that neither the network nor its compiled epochs know.
UNCOMPILED = {
    "seed",
    "start",
    "end",
    "epochs",
    "early_stopping",
    "validation_fraction",
    "windows_per_epoch",
}


@dataclass(frozen=True, eq=False)
class Trainable:
    """A compiled network, and what runs it over windows.

    Attributes
    ----------
    network
        Its trainer has an optimiser and a loss.
    epochs
        `Epochs` or `Fitting`.
    lease
        Of a network that was lent; None for one of its own.
    """

    network: Network
    epochs: Any
    lease: Lease | None = None


def fresh_trainable(config: Config, *, n_windows: int) -> Trainable:
    """Return the network of the settings, compiled, with its first weights.

    Parameters
    ----------
    n_windows
        Windows in an epoch, from which a schedule counts its steps.
    """
    if config.training.truncate:
        network = truncated_network(config, n_windows=n_windows)
    else:
        network = network_for(config)
    compile_network(network.trainer, config, n_windows=n_windows)
    if network.free_trainer is not None:
        compile_judge(network.free_trainer, config)
    network.trainer.optimizer.build(network.trainer.trainable_variables)
    return Trainable(network, epochs_for(network, config))


class Refits:
    """Keeps compiled networks, and lends them out as if they were new.

    A network is lent again for the next training of its kind: whatever still holds it
    then has the later weights. Its earlier lease ends, by which an earlier Forecaster
    knows that it must not answer any more. One thread may use it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Resettable] = OrderedDict()

    def take(self, config: Config, *, n_windows: int) -> Trainable:
        """Return what `fresh_trainable` would, made before if there is such a one."""
        compiled = load_keras().backend.backend() == "tensorflow"
        if config.training.truncate or not compiled:
            return fresh_trainable(config, n_windows=n_windows)
        kind = _kind(config, n_windows)
        if kind not in self._kept:
            made = fresh_trainable(config, n_windows=n_windows)
            self._kept[kind] = _Resettable(made, config)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(kind)
        return self._kept[kind].lend(config.training.seed)


class _Shared(threading.local):
    refits: Refits | None = None


_shared = _Shared()


def shared_refits() -> Refits:
    """Return the networks that all trainings of this thread share."""
    if _shared.refits is None:
        _shared.refits = Refits()
    return _shared.refits


class _Resettable:
    """A network, and all that is needed to set it back to any seed's beginning."""

    def __init__(self, trainable: Trainable, config: Config) -> None:
        self._trainable, self._lease = trainable, Lease()
        self._members = config.model.members
        self._drawn = _draws(config.training.seed, self._members)
        self._variables = training_variables(trainable.network.trainer)
        self._first = read_variables(self._variables)
        self._makers = dict(_makers(trainable.network.trainer))

    def lend(self, seed: int) -> Trainable:
        """Return the network as a fresh one of the seed is, and end the last lease."""
        self._lease.ended, self._lease = True, Lease()
        self._reset(seed)
        return replace(self._trainable, lease=self._lease)

    def _reset(self, seed: int) -> None:
        place_of = {old: place for place, old in enumerate(self._drawn)}
        new = _draws(seed, self._members)
        values = [
            self._value(variable, first, place_of, new)
            for variable, first in zip(self._variables, self._first, strict=True)
        ]
        assign_variables(self._variables, values)

    def _value(
        self, variable: Any, first: FloatArray, place_of: dict[int, int], new: list[int]
    ) -> FloatArray:
        maker = self._makers.get(id(variable))
        if maker is None:
            return first
        if maker == "state":  # of a generator: its seed, and how often it was asked
            return np.array([new[place_of[int(first[0])]], 0], dtype=first.dtype)
        settings = maker.get_config() | {"seed": new[place_of[maker.seed]]}
        made = type(maker).from_config(settings)
        return np.array(made(variable.shape, dtype=variable.dtype))


def _kind(config: Config, n_windows: int) -> str:
    """Return what two trainings must share to share a network."""
    training = config.training
    settings = [
        config.model.model_dump(mode="json"),
        config.features.model_dump(mode="json"),
        config.window.model_dump(mode="json"),
        config.target.model_dump(mode="json"),
        training.model_dump(mode="json", exclude=UNCOMPILED),
        len(config.data.tickers),
        uses_stock_layers(),
        str(load_keras().config.dtype_policy().get_config()),
    ]
    if training.schedule != "constant":
        settings.append(training.epochs * steps_per_epoch(config, n_windows))
    return json.dumps(settings, sort_keys=True)


def _draws(seed: int, n_members: int) -> list[int]:
    """Return the seeds that the members draw from theirs, in order."""
    own = [member_seed(seed, number) for number in range(1, n_members + 1)]
    return [drawn for one in own for drawn in islice(make_seeds(one), MOST_DRAWS)]


def _makers(trainer: Any) -> Iterator[tuple[int, Any]]:
    """Yield the variables that follow from a seed, by identity, and what makes them."""
    for layer in trainer._flatten_layers():
        for name, initializer in SEEDED.items():
            maker, variable = (
                getattr(layer, initializer, None),
                getattr(layer, name, None),
            )
            if isinstance(getattr(maker, "seed", None), int) and variable is not None:
                yield id(variable), maker
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            yield id(generator.state), "state"
