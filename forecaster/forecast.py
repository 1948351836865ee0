"""Forecasts: prices of sessions to come, and a note of what they were learnt from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray


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
    """

    ticker: str
    target: str
    origin: pd.Timestamp
    last_price: float
    sessions: pd.DatetimeIndex
    price: FloatArray

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each session: `step predicted last_value`."""
        return pd.DataFrame(
            {
                "step": np.arange(1, len(self.sessions) + 1),
                "predicted": self.price,
                "last_value": self.last_price,
            },
            index=self.sessions.rename("session"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "ticker": self.ticker,
            "target": self.target,
            "origin": str(self.origin.date()),
            "last_price": self.last_price,
            "forecast": [
                {
                    "session": str(day.date()),
                    "step": step,
                    "predicted": float(price),
                }
                for step, (day, price) in enumerate(
                    zip(self.sessions, self.price, strict=True), start=1
                )
            ],
        }

    def __repr__(self) -> str:
        return (
            f"Forecast({self.ticker} {self.target}, origin {self.origin.date()}, "
            f"{len(self.sessions)} sessions from {self.sessions[0].date()})"
        )

    def _repr_html_(self) -> str:
        title = f"{self.ticker} {self.target}, known to {self.origin.date()}"
        return f"<p><b>{title}</b></p>{self.frame.round(4).to_html()}"
