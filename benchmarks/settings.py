"""Settings: the runs that the cases measure, whole or shrunk, and their windows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from forecaster.config import Config
    from forecaster.data.windows import Windows

UNITS, QUICK_UNITS = 50, 4
LOOKBACK, QUICK_LOOKBACK = 60, 6
N_LAYERS, QUICK_LAYERS = 4, 2
QUICK_START = "2016-07-01"  # about 120 training windows rather than 1,198
DROPOUT = 0.2


def reference_config(
    quick: bool, *overrides: str, cell: str = "lstm", drops_last: bool = True
) -> Config:
    """Return the settings of the reference run, with another cell if that is wanted.

    Parameters
    ----------
    drops_last
        Whether the last layer has dropout behind it as the others have.
    """
    from forecaster.config import load_config

    units, n_layers = shape_of(quick)
    drops = [DROPOUT] * (n_layers - 1) + [DROPOUT if drops_last else 0.0]
    layers = [f"{{cell='{cell}', units={units}, dropout={drop}}}" for drop in drops]
    settings = [f"model.layers=[{', '.join(layers)}]"]
    if quick:
        settings += [
            f"window.lookback={QUICK_LOOKBACK}",
            f"training.start={QUICK_START}",
        ]
    return load_config("google", [*settings, *overrides])


def shape_of(quick: bool) -> tuple[int, int]:
    """Return the units of a layer, and the number of layers."""
    return (QUICK_UNITS, QUICK_LAYERS) if quick else (UNITS, N_LAYERS)


def training_windows(config: Config) -> Windows:
    """Return the training windows of a run on its embedded prices."""
    from forecaster.data.sources import load_prices
    from forecaster.preparing import prepare_training

    return prepare_training(load_prices(config.data.ticker), config).training


def training_arrays(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Return the same windows as the two float32 arrays that any library takes.

    Returns
    -------
    tuple
        Inputs of shape (n_windows, lookback, 1), answers of shape (n_windows, horizon).
    """
    import numpy as np

    windows = training_windows(config)
    return (
        np.ascontiguousarray(windows.inputs, dtype=np.float32),
        np.ascontiguousarray(windows.targets, dtype=np.float32),
    )


def n_batches(n_windows: int, batch_size: int) -> int:
    """Return how many gradient steps an epoch has, the last batch being a part.

    >>> n_batches(1198, 32)
    38
    """
    return math.ceil(n_windows / batch_size)
