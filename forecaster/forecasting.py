"""Forecasting: the Forecaster, a trained network with all that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.data.calendar import as_day, next_sessions
from forecaster.data.features import check_complete, make_features
from forecaster.data.scaling import Scaler
from forecaster.data.splits import rows_between, session_index
from forecaster.data.windows import Windows, cut_windows, last_window
from forecaster.doubts import warn_if_outside, warn_if_seen, warn_of_gap
from forecaster.errors import (
    ConfigError,
    NotEnoughHistory,
    TrainingFailed,
)
from forecaster.evaluation import Evaluation, evaluate_forecasts
from forecaster.forecast import Forecast, TrainedOn

PREDICTION_BATCH = 256
MOST_STEPS = 250


@dataclass(frozen=True, eq=False)
class Forecaster:
    """A trained network with everything that it needs to forecast.

    Attributes
    ----------
    network
        Keras model from (n_windows, lookback, n_features) to (n_windows, horizon).
    scaler
        Fitted on the training rows alone.
    config
        The settings that it was trained with.
    trained_on
        The prices that it was trained on.
    history
        One row for each epoch: `epoch loss`, and `val_loss` with validation.
    """

    network: Any
    scaler: Scaler
    config: Config
    trained_on: TrainedOn
    history: pd.DataFrame = field(default_factory=pd.DataFrame)

    def predict(
        self,
        prices: pd.DataFrame,
        *,
        horizon: int | None = None,
        as_of: str | date | None = None,
    ) -> Forecast:
        """Forecast the sessions after the last known one.

        Parameters
        ----------
        prices
            Checked price frame (see `load_prices`).
        horizon
            Sessions to forecast; the network's own horizon if absent. Beyond it the
            network's forecasts are fed back, which needs the target as only input.
        as_of
            Last date that may be known; the end of the prices if absent.

        Raises
        ------
        NotEnoughHistory
            If fewer than `lookback` sessions are known.
        ConfigError
            If a longer horizon would need inputs that nobody knows, or `as_of` is no
            date.
        """
        ticker = self._ticker(prices)
        n_steps = self.config.window.horizon if horizon is None else horizon
        self._check_horizon(n_steps)
        known = prices if as_of is None else prices.loc[: as_day(as_of)]
        rows = make_features(known, self.config.features.columns, ticker=ticker)
        rows = rows.iloc[-self.config.window.lookback :]
        check_complete(rows, ticker=ticker)
        window = last_window(
            self.scaler.transform(rows), self.config.window.lookback, ticker=ticker
        )
        sessions = next_sessions(
            known.index[-1], n_steps, calendar=self.config.data.calendar
        )
        warn_if_outside(self.scaler, rows, ticker)
        if as_of is not None and sessions[0] <= as_day(as_of):
            warn_of_gap(known.index[-1].date(), as_day(as_of).date(), ticker)
        scaled = self._roll_forward(window, n_steps)
        target = self.config.data.target
        return Forecast(
            ticker=ticker,
            target=target,
            origin=known.index[-1],
            last_price=float(known[target].iloc[-1]),
            sessions=sessions,
            price=self.scaler.inverse(scaled, target),
        )

    def evaluate(
        self,
        prices: pd.DataFrame,
        start: str | date | None = None,
        end: str | date | None = None,
    ) -> Evaluation:
        """Forecast known sessions, each from the real sessions before it, and score.

        Parameters
        ----------
        prices
            Checked price frame that covers the range and a lookback before it.
        start, end
            First and last date forecast. Without either, the configured test range;
            with `start` alone, to the end of the prices.

        Raises
        ------
        DataError
            If no session lies in the range, or too few before it.
        ConfigError
            If a date is no date.
        """
        ticker, target = self._ticker(prices), self.config.data.target
        first, last = self._range(prices, start, end)
        test = rows_between(
            session_index(prices), first, last, ticker=ticker, what="test"
        )
        windows = self._windows_ending_in(prices, test, ticker)
        if ticker == self.trained_on.ticker:
            warn_if_seen(first, self.config.training.end, ticker)
        values = prices[target].to_numpy(dtype=float)
        n_windows, horizon = windows.targets.shape
        begin = test.start
        return evaluate_forecasts(
            self.scaler.inverse(self.predict_scaled(windows.inputs), target),
            np.lib.stride_tricks.sliding_window_view(values[test], horizon),
            origin_price=values[begin - 1 : begin - 1 + n_windows],
            history=_history(prices[target], begin, self.config.training.start),
            origins=windows.origins,
            sessions=windows.sessions,
            labels={
                "ticker": ticker,
                "target": target,
                "trained_until": pd.Timestamp(self.trained_on.last),
            },
        )

    def predict_scaled(self, inputs: FloatArray) -> FloatArray:
        """Run the network on scaled inputs.

        Parameters
        ----------
        inputs : ndarray of shape (n_windows, lookback, n_features)

        Returns
        -------
        ndarray of shape (n_windows, horizon)
            Scaled forecasts, float32.

        Raises
        ------
        TrainingFailed
            If the network answers with numbers that are not finite.
        """
        scaled = np.asarray(
            self.network.predict(
                np.ascontiguousarray(inputs), batch_size=PREDICTION_BATCH, verbose=0
            )
        )
        if not np.isfinite(scaled).all():
            raise TrainingFailed(
                "the network's forecasts are not finite numbers. Train again with a "
                "lower `training.learning_rate`."
            )
        return scaled

    def __repr__(self) -> str:
        units = "-".join(str(layer.units) for layer in self.config.model.layers)
        on = self.trained_on
        return (
            f"Forecaster({self.config.name}: {on.ticker} {self.config.data.target}, "
            f"layers {units}, trained {on.first} to {on.last})"
        )

    def _repr_html_(self) -> str:
        facts = {
            "forecasts": f"{self.trained_on.ticker} {self.config.data.target}, "
            f"{self.config.window.horizon} session(s) ahead",
            "reads": f"{self.config.window.lookback} sessions of "
            f"{', '.join(self.config.features.columns)}",
            "network": ", ".join(
                f"{layer.cell}({layer.units})" for layer in self.config.model.layers
            ),
            "trained on": f"{self.trained_on.first} to {self.trained_on.last}, "
            f"{self.trained_on.n_windows} windows, {len(self.history)} epochs",
        }
        rows = "".join(
            f"<tr><th>{name}</th><td>{fact}</td></tr>" for name, fact in facts.items()
        )
        return f"<p><b>Forecaster {self.config.name}</b></p><table>{rows}</table>"

    def _ticker(self, prices: pd.DataFrame) -> str:
        return str(prices.attrs.get("ticker", self.config.data.ticker))

    def _range(
        self, prices: pd.DataFrame, start: str | date | None, end: str | date | None
    ) -> tuple[date, date]:
        test = self.config.evaluation
        newest = session_index(prices)[-1] if len(prices) else test.end
        first = as_day(test.start if start is None else start).date()
        last = as_day((test.end if start is None else newest) if end is None else end)
        if first > last.date():
            raise ConfigError(
                f"the test range begins on {first} and ends before, on {last.date()}. "
                "Choose an earlier start, or a later end."
            )
        return first, last.date()

    def _check_horizon(self, n_steps: int) -> None:
        own = self.config.window.horizon
        if not 1 <= n_steps <= MOST_STEPS:
            raise ConfigError(
                f"horizon must be at least 1 and at most {MOST_STEPS}, got {n_steps}"
            )
        inputs = self.config.features.columns
        if n_steps > own and inputs != (self.config.data.target,):
            raise ConfigError(
                f"cannot forecast {n_steps} sessions: this network forecasts {own} and "
                f"reads {', '.join(inputs)}, whose later values nobody knows. Ask for "
                f"at most {own}, or train with `window.horizon={n_steps}`."
            )

    def _roll_forward(self, window: FloatArray, n_steps: int) -> FloatArray:
        """Return scaled forecasts of shape (n_steps,), fed back where needed."""
        lookback = window.shape[1]
        series = window[0]
        steps: list[FloatArray] = []
        while sum(map(len, steps)) < n_steps:
            ahead = self.predict_scaled(series[None, -lookback:])[0]
            steps.append(ahead)
            if series.shape[1] == 1:
                series = np.concatenate([series, ahead[:, None]])
        return np.concatenate(steps)[:n_steps]

    def _windows_ending_in(
        self, prices: pd.DataFrame, test: slice, ticker: str
    ) -> Windows:
        """Return the windows whose targets all lie in the test rows."""
        lookback = self.config.window.lookback
        if test.start < lookback:
            first = prices.index[test.start].date()
            raise NotEnoughHistory(
                ticker, lookback, test.start, where=f"before {first}"
            )
        return cut_windows(
            prices.iloc[test.start - lookback : test.stop],
            self.config,
            self.scaler,
            ticker=ticker,
        )


def _history(target: pd.Series[float], stop: int, start: date) -> FloatArray:
    """Return the prices before the test, from the start of training if it can be."""
    before = target.iloc[:stop]
    recent = before.loc[pd.Timestamp(start) :]
    return (recent if len(recent) > 1 else before).to_numpy(dtype=float)
