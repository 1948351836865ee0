"""Feeding: windows as the named arrays that a network reads and answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.data.windows import Windows
from forecaster.models.heads import has_output_axis


def feed(windows: Windows, config: Config, *, taught: bool = False) -> Any:
    """Return a network's inputs: one array, or several by name.

    Parameters
    ----------
    taught
        Add the real values that teacher forcing shows, if there is any.
    """
    inputs = {"window": np.ascontiguousarray(windows.inputs)}
    inputs |= beside_windows(windows, config, taught=taught)
    return inputs if len(inputs) > 1 else inputs["window"]


def feed_lazily(windows: Windows, config: Config) -> Any:
    """Return the same as `feed`, but for windows that are put together when read."""
    inputs = {"window": windows.sequences, **beside_windows(windows, config)}
    return inputs if len(inputs) > 1 else inputs["window"]


def beside_windows(
    windows: Windows, config: Config, *, taught: bool = False
) -> dict[str, FloatArray]:
    """Return a network's inputs but for the windows themselves, by name."""
    inputs: dict[str, FloatArray] = {}
    if config.features.known_future:
        inputs["known"] = np.ascontiguousarray(windows.known)
    if config.features.static:
        inputs["static"] = windows.static
    if config.model.ticker_embedding:
        inputs["ticker"] = windows.ticker_ids
    if config.model.shape == "encoder_decoder":
        inputs["start"] = windows.start
        if taught and config.model.teacher_forcing:
            shown = np.concatenate([windows.start, windows.targets[:, :-1]], axis=1)
            inputs["teacher"] = shown[..., None]
    return inputs


def answers(windows: Windows, config: Config) -> Any:
    """Return what the trainer is to answer, once for each member.

    Where the network has an axis of outputs, so have they: Keras would drop an axis of
    one output, and a mask would no longer fit.
    """
    targets = np.ascontiguousarray(windows.targets)
    if has_output_axis(config.model):
        targets = targets[..., None]
    return targets if config.model.members == 1 else [targets] * config.model.members


def newest_step(raw: FloatArray, config: Config) -> FloatArray:
    """Return a `sequence_to_sequence`'s answer at the last session alone.

    Parameters
    ----------
    raw : ndarray of shape (n_windows, [members,] lookback, n_outputs)

    Returns
    -------
    ndarray of shape (n_windows, [members,] 1[, n_outputs])
        As other shapes answer; their answers come back unchanged.
    """
    if config.model.shape != "sequence_to_sequence":
        return raw
    last = raw[..., -1:, :]
    return last[..., 0] if config.model.head == "point" else last
