"""Replaying: the windows between the end of training and a forecast."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd

from forecaster.config import Config
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table
from forecaster.data.windows import Windows, last_window
from forecaster.feedback import next_after
from forecaster.preparing import windows_ending_in


def replayed_windows(
    table: Table, stop: int, config: Config, scaler: Scaler
) -> Windows | None:
    """Return the windows whose origins lie between the end of training and a row.

    Prices that the table does not know are NaN.

    Parameters
    ----------
    stop
        The row of the first origin that is asked for; not among the windows.
    """
    horizon, window = config.window.horizon, config.window
    trained = table.sessions.searchsorted(pd.Timestamp(config.training.end), "right")
    ready = table.n_unready + (window.shortest or window.lookback)
    begin = max(int(trained), ready)  # the first session that may be forecast
    parts: list[Windows] = []
    if len(table) - begin >= horizon:
        whole = windows_ending_in(table, slice(begin, len(table)), config, scaler)
        earlier = whole.origins < table.sessions[stop].to_datetime64()
        parts.append(_without_answers(whole[earlier]))
    partly = range(max(begin - 1, len(table) - horizon), stop)
    parts += [_ending_at(table, row, config, scaler) for row in partly]
    parts = [part for part in parts if len(part)]
    return Windows.join(parts) if parts else None


def _ending_at(table: Table, row: int, config: Config, scaler: Scaler) -> Windows:
    """Return the window with this origin, and what is known of its prices."""
    horizon, later = config.window.horizon, table.sessions[row + 1 :]
    sessions = next_after(later, horizon, config)
    window = last_window(table.rows(slice(0, row + 1)), config, scaler, sessions)
    known = table.target[row + 1 : row + 1 + horizon]
    window.actual[0, : len(known)] = known
    return _without_answers(window)


def _without_answers(windows: Windows) -> Windows:
    """Return windows whose targets all have the shape of the prices."""
    columns = {part.name: getattr(windows, part.name) for part in fields(windows)}
    return Windows(**{**columns, "wanted": windows.actual})
