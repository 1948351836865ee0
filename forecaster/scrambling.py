"""Scrambling: windows in which one input is that of other windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.config import Config

Order = npt.NDArray[np.intp]
FEWEST_BLOCKS = 2


@dataclass(frozen=True)
class Part:
    """One input that is scrambled: a column of one of the network's arrays.

    Attributes
    ----------
    feature
        Its name; `ticker` for the embedding, `start` for the price at the origin.
    kind
        `window`, `known`, `static`, `ticker` or `start`: the array that holds it.
    place
        The column, on the last axis of that array.
    """

    feature: str
    kind: str
    place: int = 0


def parts_of(config: Config) -> list[Part]:
    """Return the inputs that a network reads, in the order of its settings."""
    features = config.features
    parts = [Part(name, "window", n) for n, name in enumerate(features.columns)]
    parts += [Part(name, "known", n) for n, name in enumerate(features.known_future)]
    parts += [Part(name, "static", n) for n, name in enumerate(features.static)]
    if config.model.ticker_embedding:
        parts.append(Part("ticker", "ticker"))
    if _start_stands_alone(config):
        parts.append(Part("start", "start"))
    return parts


def block_order(n_windows: int, block: int, random: np.random.Generator) -> Order:
    """Return an order of windows in which blocks of neighbours have changed places.

    Where blocks begin is drawn too, on a circle, and no block keeps its place.

    References
    ----------
    .. [1] Sattolo (1986), An algorithm to generate a random cyclic permutation.
    """
    n_blocks = max(n_windows // block, FEWEST_BLOCKS)
    circle = np.roll(np.arange(n_windows), int(random.integers(n_windows)))
    blocks = np.array_split(circle, n_blocks)
    taken = list(range(n_blocks))
    for last in range(n_blocks - 1, 0, -1):
        other = int(random.integers(last))
        taken[last], taken[other] = taken[other], taken[last]
    order = np.empty(n_windows, dtype=np.intp)
    order[circle] = np.concatenate([blocks[number] for number in taken])
    return order


def exchange(
    inputs: dict[str, Any],
    part: Part,
    donors: Order,
    config: Config,
    random: np.random.Generator,
) -> dict[str, Any]:
    """Return inputs in which one part is that of other windows.

    A decoder starts from the price at the origin, which goes with the target's column.

    Parameters
    ----------
    inputs
        Arrays by name, as `forecaster.models.feeding.feed` names them.
    donors : ndarray of shape (n_windows,)
        The window from which each takes the part.
    """
    values, changed = inputs[part.kind].copy(), dict(inputs)
    if part.kind == "ticker":
        n_tickers = len(config.data.tickers)
        # A single ticker has no other; ids begin at 1, and 0 stands for strangers.
        steps = random.integers(1, max(n_tickers, 2), len(values))
        others = (values - 1 + steps) % n_tickers + 1
        return changed | {"ticker": others.astype(values.dtype)}
    values[..., part.place] = inputs[part.kind][donors][..., part.place]
    if "start" in inputs and (part.kind, part.feature) == (
        "window",
        config.data.target,
    ):
        changed["start"] = inputs["start"][donors]
    return changed | {part.kind: values}


def _start_stands_alone(config: Config) -> bool:
    """Return whether a decoder starts from a price that is no column of the window."""
    decodes = config.model.shape == "encoder_decoder" and config.target.form == "price"
    return decodes and config.data.target not in config.features.columns
