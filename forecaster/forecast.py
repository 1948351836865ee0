"""Forecasts: prices of sessions to come, and a note of what they were learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.calibration import Interval
from forecaster.errors import ConfigError
from forecaster.paths import Band, path_interval

# Coverage of the intervals that are asked for: one, or several.
Levels = Sequence[float] | float


@dataclass(frozen=True)
class TrainedOn:
    """Which prices a network was trained on.

    Attributes
    ----------
    first, last
        First and last training session, ISO dates; validation is not counted.
    n_sessions, n_windows
        Training sessions, and the windows cut from them.
    fingerprint
        SHA-256 of the training and validation rows.
    """

    ticker: str
    source: str
    first: str
    last: str
    n_sessions: int
    n_windows: int
    fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Forecast:
    """Prices forecast for the sessions after an origin.

    Attributes
    ----------
    origin
        Last session that the forecast knows.
    last_price
        Price at the origin: what last-value would forecast for every step.
    sessions
        Real exchange sessions after the origin, nearest first.
    price : ndarray of shape (n_sessions,)
        Forecast prices in the quote currency.
    levels, quantiles : tuple, and ndarray of shape (n_sessions, n_levels)
        Quantiles of each step by their probabilities; empty and None without.
    probability_up : ndarray of shape (n_sessions,), optional
        Of a price above the last known one.
    intervals
        By level, the low and the high end of the central interval at each session,
        each of shape (n_sessions,). Of several sessions they are those of the paths.
    paths : ndarray of shape (n_paths, n_sessions), optional
        Joint price paths, where several sessions and their quantiles are forecast.
    calibration
        What put the quantiles right: `none`, `split`, `cqr` or `adaptive`.
    """

    ticker: str
    target: str
    origin: pd.Timestamp
    last_price: float
    sessions: pd.DatetimeIndex
    price: FloatArray
    levels: tuple[float, ...] = ()
    quantiles: FloatArray | None = None
    probability_up: FloatArray | None = None
    intervals: Mapping[float, Interval] = field(default_factory=dict)
    paths: FloatArray | None = None
    calibration: str = "none"

    def path_band(self, level: float) -> Band:
        """Return the band that holds a share of whole paths, at all sessions at once.

        It is wider than the intervals, each of which speaks of its session alone. For
        a forecast of one session it is that session's interval.

        Parameters
        ----------
        level
            Least share of the paths that never leave the band, in (0, 1).

        Raises
        ------
        ConfigError
            If there are no paths, and no interval of this level.
        """
        if self.paths is not None:
            return path_interval(self.paths, level)
        if level in self.intervals:
            interval = self.intervals[level]
            return Band(interval.low, interval.high, level)
        raise ConfigError(
            "this forecast has no paths: they need several sessions, and a network "
            "with quantiles on both sides of the median. Ask for the interval of one "
            f"session with `levels=({level:g},)`."
        )

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each session: `step predicted last_value`, and quantiles.

        With intervals also `low_0.8 high_0.8` and so on.
        """
        columns: dict[str, Any] = {
            "step": np.arange(1, len(self.sessions) + 1),
            "predicted": self.price,
            "last_value": self.last_price,
        }
        if self.quantiles is not None:
            for place, level in enumerate(self.levels):
                columns[f"q{level:g}"] = self.quantiles[:, place]
        if self.probability_up is not None:
            columns["probability_up"] = self.probability_up
        for level, interval in self.intervals.items():
            columns[f"low_{level:g}"] = interval.low
            columns[f"high_{level:g}"] = interval.high
        return pd.DataFrame(columns, index=self.sessions.rename("session"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; of paths, the bands of the levels of intervals."""
        return {
            "ticker": self.ticker,
            "target": self.target,
            "origin": str(self.origin.date()),
            "last_price": self.last_price,
            "calibration": self.calibration,
            "levels": list(self.intervals),
            "bands": self._bands(),
            "forecast": [
                {"session": str(day.date()), "step": int(row.pop("step")), **row}
                for day, row in zip(self.sessions, self._rows(), strict=True)
            ],
        }

    def _bands(self) -> list[dict[str, Any]]:
        if self.paths is None:
            return []
        bands = {level: self.path_band(level) for level in self.intervals}
        return [
            {
                "level": level,
                "share": band.share,
                "low": band.low.tolist(),
                "high": band.high.tolist(),
            }
            for level, band in bands.items()
        ]

    def _rows(self) -> list[dict[str, Any]]:
        rows = self.frame.drop(columns="last_value").to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]

    def __repr__(self) -> str:
        return (
            f"Forecast({self.ticker} {self.target}, origin {self.origin.date()}, "
            f"{len(self.sessions)} sessions from {self.sessions[0].date()})"
        )

    def _repr_html_(self) -> str:
        title = f"{self.ticker} {self.target}, known to {self.origin.date()}"
        return f"<p><b>{title}</b></p>{self.frame.round(4).to_html()}"
