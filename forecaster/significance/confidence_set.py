"""Model confidence set: the models that may be the best of several."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError, DataError
from forecaster.significance.bootstrap import block_length, resampled_losses

MIN_MODELS = 2


@dataclass(frozen=True)
class ModelConfidenceSet:
    """Models that cannot be told apart from the best.

    Attributes
    ----------
    included
        Names of those models, in the order of the columns given.
    p_values
        For each model, the largest size at which it stays in the set; 1 for the model
        that outlasts all others.
    n_forecasts
        Number of origins compared.
    """

    included: tuple[str, ...]
    p_values: Mapping[str, float]
    n_forecasts: int


def model_confidence_set(
    losses: pd.DataFrame,
    *,
    size: float = 0.10,
    horizon: int = 1,
    seed: int,
    n_bootstrap: int = 1000,
    block: int | None = None,
) -> ModelConfidenceSet:
    """Return the models that may have the smallest expected loss.

    The set holds the best model with probability ``1 - size`` at least. Models are
    dropped one by one, the worst first, as long as the losses of those left differ
    (range statistic, stationary bootstrap).

    Parameters
    ----------
    losses : DataFrame of shape (n_forecasts, n_models)
        One column a model, rows oldest first.
    size
        Probability of dropping the best model, in (0, 1).
    horizon
        Sessions that each forecast spans; the automatic block covers four overlaps.
    seed
        Of the resampling; the same seed gives the same set.
    n_bootstrap
        Number of resamples.
    block
        Mean block length in forecasts; chosen from the losses if left out.

    Raises
    ------
    ConfigError
        If `size` or `block` is out of range.
    DataError
        If there are fewer than 2 models or 20 forecasts, or a loss is missing.

    References
    ----------
    .. [1] Hansen, Lunde & Nason (2011), The model confidence set. Econometrica 79,
       453-497.
    """
    if not 0 < size < 1:
        raise ConfigError(f"size must lie in (0, 1), found {size}")
    if losses.shape[1] < MIN_MODELS:
        raise DataError(f"need at least {MIN_MODELS} models, found {losses.shape[1]}")
    values = resampled_losses(losses.to_numpy())
    names = [str(name) for name in losses]
    # Equal columns would divide zero by zero; the first of them answers for all.
    twins = _first_equal_columns(values)
    kept = sorted(set(twins))
    found = {kept[0]: 1.0}
    if len(kept) > 1:
        chosen = _whole_block(values[:, kept], horizon) if block is None else block
        in_order = _p_values(values[:, kept], size, seed, n_bootstrap, chosen)
        found = dict(zip(kept, in_order, strict=True))
    p_values = {name: found[twin] for name, twin in zip(names, twins, strict=True)}
    included = tuple(name for name, p_value in p_values.items() if p_value > size)
    return ModelConfidenceSet(included, p_values, len(losses))


def _whole_block(losses: FloatArray, horizon: int) -> int:
    differences = losses - losses.mean(axis=1, keepdims=True)
    return math.ceil(block_length(differences, horizon))


def _p_values(
    losses: FloatArray, size: float, seed: int, n_bootstrap: int, block: int
) -> list[float]:
    from arch.bootstrap import MCS

    if not 1 <= block <= len(losses):
        raise ConfigError(f"block must lie in 1 to {len(losses)}, found {block}")
    procedure = MCS(
        pd.DataFrame(losses),
        size,
        n_bootstrap,
        block,
        bootstrap="stationary",
        seed=seed,
    )
    # Losses that differ by a constant have a statistic without end, and are dropped.
    with np.errstate(divide="ignore", invalid="ignore"):
        procedure.compute()
    return procedure.pvalues["Pvalue"].sort_index().tolist()


def _first_equal_columns(losses: FloatArray) -> list[int]:
    """Return for each column the place of the first that holds the same losses."""
    seen: dict[bytes, int] = {}
    return [
        seen.setdefault(column.tobytes(), place)
        for place, column in enumerate(losses.T)
    ]
