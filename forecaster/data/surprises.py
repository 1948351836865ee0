"""Surprises: sessions that stand out, and whether one is due again.

Companies report every 13 weeks, mostly on the same weekday, and the session after a
report opens with a gap on many times the usual volume. Nobody needs a list of dates for
that: the prices of the quarters and years before tell it.

The score of a session is the sum of three logarithms: of its gap overnight, its move
and its volume, each over its median of 60 sessions, the volume counted twice. Its
surprise is the score less the greatest of the five sessions before, so that a stormy
month is no surprise from its second day on; never below 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.data.bars import overnight, trailing

USUAL = 60  # sessions whose median is usual, the session itself among them
BEFORE = 5  # sessions that were calmer than one that stands out
LEAST_MOVE = 5e-4  # of 0.05%, added to the usual move: prices may stand still
# The least and the greatest ratio to the usual; beyond, it makes no difference.
GAP, MOVE, VOLUME = (0.5, 12.0), (0.5, 8.0), (0.5, 6.0)
# Calendar days back to the same weekday one to four quarters and two and three years
# ago, with the weight of what happened then.
ANNIVERSARIES = {364: 1.0, 728: 0.5, 1092: 0.3, 91: 0.5, 182: 0.3, 273: 0.3}
SCALE = 10.0  # brings the square of what regular reports add up to near 1
WARMUP = USUAL + BEFORE  # sessions before the first one with a surprise


def surprise(
    open_: FloatArray, close: FloatArray, volume: FloatArray, length: int
) -> FloatArray:
    """Return the greatest surprise of the last `length` sessions, 0 to 8.1."""
    return trailing(np.max, _surprises(open_, close, volume), length)


def surprise_due(
    open_: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    *,
    sessions: pd.DatetimeIndex,
    shifts: Sequence[int],
) -> FloatArray:
    """Return how much the next session is the anniversary of surprises.

    The anniversaries of the next session are the sessions 13, 26, 39, 52, 104 and 156
    weeks before it. Nobody needs to know its date: they are the first ones after this
    session's date less so many weeks, unless a holiday lies between.

    Parameters
    ----------
    open_, close, volume : ndarray of shape (n_sessions,)
        Of each session, oldest first.
    sessions
        Their dates.
    shifts
        Days by which a surprise came later than the anniversary (earlier, if below
        0): (0,) for that very day. The greatest of several counts.

    Returns
    -------
    ndarray of shape (n_sessions,)
        Square of the weighted sum over the anniversaries. Those before the first
        session, in its warmup or with a missing volume behind them count nothing.
        NaN in the first 65 rows.
    """
    known = np.nan_to_num(_surprises(open_, close, volume))
    total = np.zeros(len(close))
    for days, weight in ANNIVERSARIES.items():
        found = [_first_after(known, sessions, days - shift) for shift in shifts]
        total += weight * np.max(found, axis=0)
    total[: min(WARMUP, len(total))] = np.nan
    return total**2 / SCALE


def _surprises(open_: FloatArray, close: FloatArray, volume: FloatArray) -> FloatArray:
    """Return the surprise of each session; NaN in the first 65."""
    move = np.full(len(close), np.nan)
    move[1:] = np.abs(np.log(close[1:] / close[:-1]))
    score = (
        np.log(np.clip(_over_usual(np.abs(overnight(open_, close))), *GAP))
        + np.log(np.clip(_over_usual(move), *MOVE))
        + 2 * np.log(np.clip(_volume_over_usual(volume), *VOLUME))
    )
    before = np.full(len(score), np.nan)
    # Nothing is a surprise for being usual after days that were less than that.
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

    With `days` above 0 that is never later than the session itself; 0 where the prices
    begin after the date.
    """
    then = sessions - pd.Timedelta(days=days)
    n_before = sessions.searchsorted(then, side="right")
    return np.where(n_before > 0, values[n_before], 0.0)
