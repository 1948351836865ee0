"""Forecasting: the Forecaster, a trained network with all that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import pandas as pd

from forecaster.answering import TrainedNetwork
from forecaster.baselining import baselines_before
from forecaster.config import config_from_dict
from forecaster.config.feature_names import scale_free
from forecaster.data.calendar import as_day, next_sessions
from forecaster.data.splits import rows_between, session_index
from forecaster.data.table import Table, make_table
from forecaster.data.windows import last_window
from forecaster.doubts import warn_if_outside, warn_if_seen, warn_of_gap
from forecaster.errors import NotEnoughHistory
from forecaster.evaluation import Evaluation, evaluate_forecasts
from forecaster.fans import check_levels_wanted, refuse_without_quantiles, with_fan
from forecaster.feedback import (
    UNROLLED,
    check_horizon,
    next_after,
    steps_beyond,
)
from forecaster.forecast import Forecast
from forecaster.models.recurrent import network_for
from forecaster.preparing import history_before, test_dates, windows_ending_in


@dataclass(frozen=True, eq=False, repr=False)
class Forecaster(TrainedNetwork):
    """A trained network with everything that it needs to forecast.

    Its attributes are those of `forecaster.answering.TrainedNetwork`.
    """

    def predict(
        self,
        prices: pd.DataFrame,
        *,
        horizon: int | None = None,
        as_of: str | date | None = None,
        levels: Sequence[float] = (),
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
        levels
            Coverage of the central intervals that are wanted, such as (0.8, 0.95).

        Raises
        ------
        NotEnoughHistory
            If fewer than `lookback` sessions are known.
        ConfigError
            If a longer horizon would need inputs that nobody knows, `as_of` is no
            date, or the network lacks the quantiles of an interval.
        """
        wanted = check_levels_wanted(levels)
        refuse_without_quantiles(wanted, self.config)
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
        forecast = self._forecast(table, sessions)
        return with_fan(forecast, wanted, self.config, self.out_of_fold)

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
        earlier = self._replayed(table, test.start - 1)
        centre, spread, probability_up = self.forecast_windows(windows, earlier)
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
            prices = steps_beyond(self, table, window, sessions)
        else:
            earlier = forecaster._replayed(table, len(table) - 1)
            centre, spread, up = forecaster.forecast_windows(window, earlier)
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
            calibration=self._calibration,
        )

    def _with_horizon(self, horizon: int) -> Self:
        """Return the same network for another horizon, which its weights allow."""
        settings = self.config.resolved()
        settings["window"]["horizon"] = horizon
        config = config_from_dict(settings)
        network = network_for(config).predictor
        network.set_weights(self.network.get_weights())
        return replace(self, network=network, config=config)
