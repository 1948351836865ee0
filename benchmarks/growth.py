"""Growth: how time and memory grow with the amount of work, ours alone.

Each size is a side of its own, in a process of its own, so that the most memory that
it ever held is that of its size.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks import epochs, many
from benchmarks.case import Facts, Side
from benchmarks.machine import resident_mb
from benchmarks.settings import reference_config, training_windows

N_WINDOWS, QUICK_WINDOWS = 300, 16
WINDOW_SIZES, LOOKBACK_SIZES, TICKER_SIZES = (1, 4, 16, 64), (1, 2, 4), (10, 100, 1000)
QUICK_TICKER_SIZES = {10: 2, 100: 4, 1000: 8}


def windows(quick: bool, *, size: int) -> Side:
    """Build an epoch over `size` times as many windows."""
    before = _loaded()
    config, n_windows = reference_config(quick), size * _n_windows(quick)
    return _sized(_epoch(config, n_windows), size, before)


def lookback(quick: bool, *, size: int) -> Side:
    """Build an epoch over the same number of windows, each `size` times as long."""
    before = _loaded()
    length = size * reference_config(quick).window.lookback
    config = reference_config(quick, f"window.lookback={length}")
    return _sized(_epoch(config, _n_windows(quick)), size, before)


def tickers(quick: bool, *, size: int) -> Side:
    """Build one call that forecasts `size` tickers."""
    before = _loaded()
    n_tickers = QUICK_TICKER_SIZES[size] if quick else size
    return _sized(many.ours(quick, n_tickers=n_tickers), n_tickers, before)


def _epoch(config, n_windows: int) -> Side:  # type: ignore[no-untyped-def]
    import numpy as np

    cut = training_windows(config)
    return epochs.our_epoch(config, cut[np.arange(n_windows) % len(cut)])


def _n_windows(quick: bool) -> int:
    return QUICK_WINDOWS if quick else N_WINDOWS


def _loaded() -> float:
    """Load what every size needs, and return the memory that is held then, in MB."""
    from forecaster.models.backend import load_keras

    load_keras()
    return resident_mb()


def _sized(side: Side, size: int, before: float) -> Side:
    """Return a side that reports its size, and nothing that sizes must share."""

    def facts() -> Facts:
        known = side.facts()
        return {
            "size": size,
            "before_mb": before,
            "parameters": known["n_parameters"],
        }

    return replace(side, facts=facts)
