"""Explaining: how much worse a network forecasts when an input is scrambled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.attributions import Attributions, integrated_gradients
from forecaster.config import Config
from forecaster.data.prices import ticker_of
from forecaster.data.sequences import PADDING
from forecaster.data.windows import Windows
from forecaster.errors import ConfigError, DataError
from forecaster.forecasting import Forecaster
from forecaster.metrics import pinball_losses
from forecaster.models.feeding import feed, newest_step
from forecaster.models.heads import read_answer
from forecaster.preparing import Prices, frames_of
from forecaster.ranges import windows_between
from forecaster.scrambling import (
    FEWEST_BLOCKS,
    Order,
    Part,
    block_order,
    exchange,
    parts_of,
)

__all__ = [
    "Attributions",
    "Fold",
    "integrated_gradients",
    "permutation_importance",
    "window_losses",
]
Fold = tuple[Forecaster, str | date | None, str | date | None]
USUAL_BLOCKS = 8


def permutation_importance(
    forecasters: Forecaster | Sequence[Fold],
    prices: Prices,
    *,
    start: str | date | None = None,
    end: str | date | None = None,
    n_repeats: int = 5,
    seed: int = 0,
    block: int | None = None,
) -> pd.DataFrame:
    """Score a network again with one input exchanged between windows at a time.

    A feature's whole lookback moves from one window to another, so each window still
    holds a course that really was; it is only that of another time. Neighbouring
    windows share all but one session, so blocks of consecutive origins move together,
    and none stays in its place. What stands for a window's footing (the price that its
    forecast is counted from) stays. The scrambled network is not trained anew: a
    feature that another one can stand in for seems to matter little. Padded windows are
    left out.

    Parameters
    ----------
    forecasters
        A Forecaster, or the folds of a walk-forward: ``(forecaster, start, end)``,
        each scored on its own range. All must read the same inputs.
    prices
        A checked price frame, or one for each ticker; each is scored by itself.
    start, end
        The range of a single Forecaster, as in `Forecaster.evaluate`.
    n_repeats
        Times that each input is scrambled, each time otherwise.
    seed
        Of the exchanges; equal seeds give equal tables.
    block
        Consecutive origins that move together. Without it the lookback, or less so
        that there are 8 blocks.

    Returns
    -------
    DataFrame
        One row for each input, most important first: `feature kind increase
        increase_spread ratio ratio_spread`. `increase` is by how much the loss grows,
        `ratio` the loss over that of the network left alone; means over folds, tickers
        and repeats, and standard deviations over the same (NaN for one value). The
        ticker is replaced by another of `data.tickers`. In `attrs`: `loss` (its name:
        squared error of prices, pinball loss of quantiles, or Brier score of
        directions), `base_loss`, `n_folds`, `n_repeats`, `n_windows`, `ticker`,
        `target`, and in ISO form `first_session` and `last_session`.

    Raises
    ------
    ConfigError
        If there is no fold or no repeat, or if folds read different inputs.
    DataError
        If a range is too short to exchange anything.

    References
    ----------
    .. [1] Breiman (2001), Random forests.
    .. [2] Fisher, Rudin & Dominici (2019), All models are wrong, but many are useful.
    .. [3] Künsch (1989), The jackknife and the bootstrap for general stationary
       observations (blocks).
    """
    folds = _folds(forecasters, start, end)
    parts, loss = _check(folds, n_repeats)
    increases, ratios, bases, n_windows = [], [], [], 0
    sessions: list[np.datetime64] = []
    random = np.random.default_rng(seed)
    for forecaster, first, last in folds:
        for frame in frames_of_any(prices, forecaster).values():
            windows = _whole(windows_between(forecaster, frame, first, last))
            orders = _orders(windows, forecaster.config, n_repeats, block, random)
            base, scrambled = _losses(forecaster, windows, parts, orders, random)
            increases.append(scrambled - base)
            ratios.append(scrambled / base)
            bases.append(base.mean())
            n_windows += len(windows)
            sessions += [windows.sessions.min(), windows.sessions.max()]
    table = _summary(parts, np.hstack(increases), np.hstack(ratios))
    table.attrs = {
        "loss": loss,
        "base_loss": float(np.mean(bases)),
        "n_folds": len(folds),
        "n_repeats": n_repeats,
        "n_windows": n_windows,
        "ticker": " ".join(frames_of_any(prices, folds[0][0])),
        "target": folds[0][0].config.data.target,
        "first_session": str(pd.Timestamp(min(sessions)).date()),
        "last_session": str(pd.Timestamp(max(sessions)).date()),
    }
    return table


def frames_of_any(prices: Prices, forecaster: Forecaster) -> dict[str, pd.DataFrame]:
    """Return price frames by ticker; a single frame may be of any ticker."""
    if isinstance(prices, pd.DataFrame):
        return {ticker_of(prices, forecaster.config): prices}
    known = {name.upper() for name in forecaster.config.data.tickers}
    own = {name: frame for name, frame in prices.items() if name.upper() in known}
    return frames_of(own or prices, forecaster.config)


def window_losses(forecaster: Forecaster, inputs: Any, windows: Windows) -> FloatArray:
    """Return the loss of each window when the network reads these inputs.

    Parameters
    ----------
    inputs
        As `feed` returns them, for the windows in their order.

    Returns
    -------
    ndarray of shape (n_windows,)
        Mean over the steps of the squared error of prices, of the pinball loss over
        levels, or with a direction head of the squared error of the probability.
    """
    raw = forecaster.predict_scaled(inputs)
    answer = read_answer(newest_step(raw, forecaster.config), forecaster.config.model)
    if answer.probability_up is not None:
        rose = windows.actual > windows.origin_price[:, None]
        return np.asarray(((answer.probability_up - rose) ** 2).mean(axis=1))
    if answer.quantiles is None:
        errors = windows.actual - windows.footing.decode(answer.centre)
        return np.asarray((errors**2).mean(axis=1))
    quantiles = windows.footing.decode(answer.quantiles)
    levels = forecaster.config.model.quantiles
    losses = pinball_losses(windows.actual, quantiles, levels)
    return np.asarray(losses.mean(axis=(1, 2)))


def _folds(
    forecasters: Forecaster | Sequence[Fold],
    start: str | date | None,
    end: str | date | None,
) -> list[Fold]:
    if isinstance(forecasters, Forecaster):
        return [(forecasters, start, end)]
    if start is not None or end is not None:
        raise ConfigError("each fold has a range of its own: leave start and end out")
    return list(forecasters)


def _check(folds: list[Fold], n_repeats: int) -> tuple[list[Part], str]:
    """Return the inputs and the loss that all folds have in common."""
    if not folds or n_repeats < 1:
        raise ConfigError(
            f"importance needs a fold and a repeat, got {len(folds)} fold(s) and "
            f"{n_repeats} repeat(s)"
        )
    kinds = [(parts_of(fold[0].config), _loss_name(fold[0].config)) for fold in folds]
    if any(kind != kinds[0] for kind in kinds):
        raise ConfigError(
            "the folds read different inputs or have different heads: compare folds "
            "of the same settings"
        )
    return kinds[0]


def _loss_name(config: Config) -> str:
    if config.model.has_quantiles:
        return "pinball loss"
    return "Brier score" if config.model.head == "direction" else "squared error"


def _whole(windows: Windows) -> Windows:
    """Leave padded windows out: their gaps cannot be exchanged."""
    whole = windows[~(windows.inputs == PADDING).any(axis=(1, 2))]
    if len(whole) < FEWEST_BLOCKS:
        raise DataError(
            f"importance exchanges inputs between windows: need at least "
            f"{FEWEST_BLOCKS} that are not padded, found {len(whole)}. Choose a "
            "longer range."
        )
    return whole


def _orders(
    windows: Windows,
    config: Config,
    n_repeats: int,
    block: int | None,
    random: np.random.Generator,
) -> Order:
    """Return an order of the windows for each repeat, (n_repeats, n_windows)."""
    usual = min(config.window.lookback, len(windows) // USUAL_BLOCKS)
    size = max(usual if block is None else block, 1)
    orders = [block_order(len(windows), size, random) for _ in range(n_repeats)]
    return np.stack(orders)


def _losses(
    forecaster: Forecaster,
    windows: Windows,
    parts: list[Part],
    orders: Order,
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Return losses, (n_repeats,) left alone and (n_parts, n_repeats) scrambled.

    All repeats go through the network at once. Those left alone stand in the same
    places of the same batches, so that an input without weight changes no bit.
    """
    n_repeats, n_windows = orders.shape
    repeated = windows[np.tile(np.arange(n_windows), n_repeats)]
    donors = orders.ravel() + np.repeat(np.arange(n_repeats), n_windows) * n_windows

    def scored(inputs: Any) -> FloatArray:
        losses = window_losses(forecaster, inputs, repeated)
        return np.asarray(losses.reshape(n_repeats, n_windows).mean(axis=1))

    inputs = feed(repeated, forecaster.config)
    named = inputs if isinstance(inputs, dict) else {"window": inputs}
    base, rows = scored(inputs), []
    for part in parts:
        changed = exchange(named, part, donors, forecaster.config, random)
        rows.append(scored(changed if isinstance(inputs, dict) else changed["window"]))
    return base, np.stack(rows)


def _summary(
    parts: list[Part], increases: FloatArray, ratios: FloatArray
) -> pd.DataFrame:
    """Return the table of parts from arrays of shape (n_parts, n_values)."""
    freedom = 1 if increases.shape[1] > 1 else 0
    nothing = np.full(len(parts), np.nan)
    table = pd.DataFrame(
        {
            "feature": [part.feature for part in parts],
            "kind": [part.kind for part in parts],
            "increase": increases.mean(axis=1),
            "increase_spread": increases.std(axis=1, ddof=1) if freedom else nothing,
            "ratio": ratios.mean(axis=1),
            "ratio_spread": ratios.std(axis=1, ddof=1) if freedom else nothing,
        }
    )
    # By the ratio: prices of several tickers weigh alike in it.
    return table.sort_values("ratio", ascending=False, ignore_index=True)
