"""Surprises: sessions that stand out, and whether one is due again.

Companies report every 13 weeks, mostly on the same weekday, and the session after a
report opens with a gap on many times the usual volume. Nobody needs a list of dates for
that: the prices of the quarters and years before tell it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.data.bars import overnight, trailing

USUAL = 60  # sessions whose median is usual
BEFORE = 5  # sessions that were calmer than one that stands out
LEAST_MOVE = 5e-4
# Ratios to the usual below and above which it makes no difference.
GAP, MOVE, VOLUME = (0.5, 12.0), (0.5, 8.0), (0.5, 6.0)
# Calendar days back to the same weekday one to four quarters and two and three years
# ago, with the weight of what happened then.
ANNIVERSARIES = {364: 1.0, 728: 0.5, 1092: 0.3, 91: 0.5, 182: 0.3, 273: 0.3}
SCALE = 10.0  # brings the square of a usual report's weights to about 1
WARMUP = USUAL + BEFORE


def surprise(
    open_: FloatArray, close: FloatArray, volume: FloatArray, length: int
) -> FloatArray:
    """Return the greatest surprise of the last sessions.

    A session's surprise is the logarithm of gap, move and squared volume, each over
    its usual size, less the greatest of the five sessions before; at least 0.
    """
    return trailing(np.max, _onset(open_, close, volume), length)


def surprise_due(
    open_: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    *,
    sessions: pd.DatetimeIndex,
    shifts: Sequence[int],
) -> FloatArray:
    """Return whether the next session is the anniversary of surprises.

    Parameters
    ----------
    shifts
        Days that the anniversary is away from the next session: (0,) for that very
        day. The greatest surprise of several days counts.

    Returns
    -------
    ndarray of shape (n_sessions,)
        Square of the weighted sum over quarters and years; of those before the first
        session nothing is known, and they count nothing.
    """
    onset = np.nan_to_num(_onset(open_, close, volume))
    total = np.zeros(len(close))
    for days, weight in ANNIVERSARIES.items():
        found = [_first_after(onset, sessions, days - shift) for shift in shifts]
        total += weight * np.max(found, axis=0)
    total[: min(WARMUP, len(total))] = np.nan
    return total**2 / SCALE


def _onset(open_: FloatArray, close: FloatArray, volume: FloatArray) -> FloatArray:
    move = np.full(len(close), np.nan)
    move[1:] = np.abs(np.log(close[1:] / close[:-1]))
    score = (
        np.log(np.clip(_over_usual(np.abs(overnight(open_, close))), *GAP))
        + np.log(np.clip(_over_usual(move), *MOVE))
        + 2 * np.log(np.clip(_volume_over_usual(volume), *VOLUME))
    )
    before = np.full(len(score), np.nan)
    before[1:] = np.maximum(trailing(np.max, score, BEFORE)[:-1], 0.0)
    return np.asarray(np.maximum(score - before, 0.0))


def _over_usual(moves: FloatArray) -> FloatArray:
    return np.asarray(moves / (trailing(np.median, moves, USUAL) + LEAST_MOVE))


def _volume_over_usual(volume: FloatArray) -> FloatArray:
    logs = np.log1p(volume)
    return np.asarray(np.exp(logs - trailing(np.median, logs, USUAL)))


def _first_after(
    values: FloatArray, sessions: pd.DatetimeIndex, days: int
) -> FloatArray:
    """Return the value of the first session after each session's date less `days`.

    For a session and the next one after it, that is the anniversary of the next one.
    """
    then = sessions - pd.Timedelta(days=days)
    places = sessions.searchsorted(then, side="right")
    found = values[np.minimum(places, len(values) - 1)]
    return np.where(then >= sessions[0], found, 0.0)
