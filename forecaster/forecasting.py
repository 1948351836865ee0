"""Forecasting: the Forecaster, a trained network with all that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.baselining import baselines_before
from forecaster.config import Config, config_from_dict
from forecaster.config.feature_names import scale_free
from forecaster.data.calendar import as_day, next_sessions
from forecaster.data.scaling import Scaler
from forecaster.data.splits import rows_between, session_index
from forecaster.data.table import Table, make_table
from forecaster.data.windows import Windows, last_window
from forecaster.describing import describe, describe_html
from forecaster.doubts import warn_if_outside, warn_if_seen, warn_of_gap
from forecaster.errors import NotEnoughHistory, TrainingFailed
from forecaster.evaluation import Evaluation, Spread, evaluate_forecasts
from forecaster.feedback import (
    UNROLLED,
    check_horizon,
    feed_back,
    is_rollable,
    next_after,
)
from forecaster.forecast import Forecast, TrainedOn
from forecaster.models.baselines import last_value
from forecaster.models.feeding import feed, newest_step
from forecaster.models.heads import Answer, read_answer
from forecaster.models.recurrent import network_for
from forecaster.preparing import history_before, test_dates, windows_ending_in

PREDICTION_BATCH = 256


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
            Sessions to forecast; the network's own horizon if absent. An encoder and
            decoder is unrolled to any. Other networks' forecasts are fed back, which
            needs the target as only input and a point forecast.
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
        check_horizon(n_steps, self.config)
        known = prices if as_of is None else prices.loc[: as_day(as_of)]
        if known.empty:
            raise NotEnoughHistory(ticker, self.config.window.lookback, 0)
        table = make_table(known, self.config, ticker=ticker)
        sessions = next_sessions(
            known.index[-1], n_steps, calendar=self.config.data.calendar
        )
        warn_if_outside(self.scaler, self._watched(table), ticker)
        if as_of is not None and sessions[0] <= as_day(as_of):
            warn_of_gap(known.index[-1].date(), as_day(as_of).date(), ticker)
        return self._forecast(table, sessions)

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
        first, last = test_dates(prices, self.config, start, end)
        test = rows_between(
            session_index(prices), first, last, ticker=ticker, what="test"
        )
        table = make_table(prices.iloc[: test.stop], self.config, ticker=ticker)
        windows = windows_ending_in(table, test, self.config, self.scaler)
        if ticker in self.trained_on.ticker.split():
            warn_if_seen(first, self.config.training.end, ticker)
        centre, spread, probability_up = self.forecast_windows(windows)
        return evaluate_forecasts(
            centre,
            windows.actual,
            origin_price=windows.origin_price,
            history=history_before(
                prices[target], test.start, self.config.training.start
            ),
            origins=windows.origins,
            sessions=windows.sessions,
            labels={
                "ticker": ticker,
                "target": target,
                "trained_until": pd.Timestamp(self.trained_on.last),
            },
            baselines=baselines_before(table, windows, test.start, self),
            spread=spread,
            probability_up=probability_up,
        )

    def forecast_windows(
        self, windows: Windows
    ) -> tuple[FloatArray, Spread | None, FloatArray | None]:
        """Return prices of windows, their quantiles and the probability of up.

        Returns
        -------
        tuple
            Prices of shape (n_windows, horizon) in the quote currency; quantiles if
            the network has them; probabilities if it says them.
        """
        answer = self.answer(windows)
        prices = self._prices(answer.centre, windows)
        return prices, self._spread(answer, windows), answer.probability_up

    def answer(self, windows: Windows) -> Answer:
        """Run the network on windows; what it says is in its own numbers.

        Raises
        ------
        TrainingFailed
            If the network answers with numbers that are not finite.
        """
        raw = self.predict_scaled(feed(windows, self.config))
        return read_answer(newest_step(raw, self.config), self.config.model)

    def predict_scaled(self, inputs: Any) -> FloatArray:
        """Run the network on scaled inputs.

        Parameters
        ----------
        inputs
            As `forecaster.models.feeding.feed` returns them: an array of shape
            (n_windows, lookback, n_features), or several arrays by name.

        Returns
        -------
        ndarray of shape (n_windows, horizon), or as `build_network` describes
            The numbers of the last layer, float32.

        Raises
        ------
        TrainingFailed
            If the network answers with numbers that are not finite.
        """
        scaled = np.asarray(
            self.network.predict(inputs, batch_size=PREDICTION_BATCH, verbose=0)
        )
        if not np.isfinite(scaled).all():
            raise TrainingFailed(
                "the network's forecasts are not finite numbers. Train again with a "
                "lower `training.learning_rate`."
            )
        return scaled

    def __repr__(self) -> str:
        return f"Forecaster({describe(self.config, self.trained_on)})"

    def _repr_html_(self) -> str:
        return describe_html(self.config, self.trained_on, len(self.history))

    def _ticker(self, prices: pd.DataFrame) -> str:
        return str(prices.attrs.get("ticker", self.config.data.ticker))

    def _watched(self, table: Table) -> pd.DataFrame:
        """Return the newest inputs whose range in training is known to the scaler."""
        rows = table.features.iloc[-self.config.window.lookback :]
        if self.config.features.scaling != "window":
            return rows
        return rows.loc[:, [name for name in rows if scale_free(str(name))]]

    def _forecast(self, table: Table, sessions: pd.DatetimeIndex) -> Forecast:
        n_steps, own = len(sessions), self.config.window.horizon
        forecaster = self
        if n_steps > own and self.config.model.shape in UNROLLED:
            forecaster, own = self._with_horizon(n_steps), n_steps
        window = last_window(
            table,
            forecaster.config,
            self.scaler,
            next_after(sessions, own, self.config),
        )
        spread, up = None, None
        if n_steps > own:
            prices = self._fed_back(table, window, sessions)
        else:
            centre, spread, up = forecaster.forecast_windows(window)
            prices = centre[0]
        return Forecast(
            ticker=table.ticker,
            target=self.config.data.target,
            origin=table.sessions[-1],
            last_price=float(table.target[-1]),
            sessions=sessions,
            price=prices[:n_steps],
            levels=() if spread is None else self.config.model.quantiles,
            quantiles=None if spread is None else spread.quantiles[0, :n_steps],
            probability_up=None if up is None else up[0, :n_steps],
        )

    def _with_horizon(self, horizon: int) -> Self:
        """Return the same network for another horizon, which its weights allow."""
        settings = self.config.resolved()
        settings["window"]["horizon"] = horizon
        config = config_from_dict(settings)
        network = network_for(config).predictor
        network.set_weights(self.network.get_weights())
        return replace(self, network=network, config=config)

    def _fed_back(
        self, table: Table, window: Windows, sessions: pd.DatetimeIndex
    ) -> FloatArray:
        """Return prices of more steps than the network forecasts at once."""
        if is_rollable(self.config):
            from forecaster.models.rolling import roll_forward

            scaled = roll_forward(
                self.network,
                window.inputs,
                horizon=self.config.window.horizon,
                n_steps=len(sessions),
            )[0]
            return self.scaler.inverse(scaled, self.config.data.target)
        return feed_back(self, table, sessions)

    def next_prices(self, windows: Windows) -> FloatArray:
        """Return the forecast prices of windows, (n_windows, horizon)."""
        return self._prices(self.answer(windows).centre, windows)

    def _prices(self, centre: FloatArray, windows: Windows) -> FloatArray:
        if self.config.model.head == "direction":
            return last_value(windows.origin_price, centre.shape[1])
        return windows.footing.decode(centre)

    def _spread(self, answer: Answer, windows: Windows) -> Spread | None:
        if answer.quantiles is None:
            return None
        prices = windows.footing.decode(answer.quantiles)
        return Spread(self.config.model.quantiles, prices)
