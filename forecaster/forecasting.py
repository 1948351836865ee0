"""Forecasting: the Forecaster, a trained network with all that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Self

import pandas as pd

from forecaster.answering import TrainedNetwork
from forecaster.baselining import baselines_before
from forecaster.data.calendar import next_sessions
from forecaster.data.newest import newest_windows, watched_rows
from forecaster.data.prices import ticker_of
from forecaster.data.recent import Series
from forecaster.data.splits import rows_between, session_index
from forecaster.data.table import make_table
from forecaster.data.windows import Windows, last_window
from forecaster.doubts import warn_if_outside, warn_if_seen
from forecaster.errors import (
    DataError,
    ForecasterError,
    NotEnoughHistory,
    TrainingFailed,
)
from forecaster.evaluation import Evaluation, evaluate_forecasts
from forecaster.fans import check_levels_wanted, refuse_without_quantiles, with_fan
from forecaster.feedback import UNROLLED, Request, next_after, steps_beyond
from forecaster.forecast import Forecast, Levels
from forecaster.models.rolling import unroll
from forecaster.preparing import history_before, test_dates, windows_ending_in

# Tickers whose windows are in memory at once; fewer where each has many replayed ones.
MOST_TICKERS, MOST_REPLAYED = 4096, 64


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
        levels: Levels = (),
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
            Coverage of the central intervals that are wanted: 0.8, or (0.8, 0.95).

        Raises
        ------
        DataError
            If the prices are no price frame, or fewer than `lookback` sessions are
            known (`NotEnoughHistory`).
        ConfigError
            If a longer horizon would need inputs that nobody knows, `as_of` is no
            date, or the network lacks the quantiles of an interval.
        """
        request, wanted = self._request(horizon, as_of, levels)
        forecaster = self._reaching(request.n_steps)
        one = forecaster._series(prices, ticker_of(prices, self.config), request)
        window = last_window(one.table, one.config, self.scaler, one.ahead)
        warn_if_outside(self.scaler, watched_rows(one, self.config), one.ticker)
        request.warn_of_gap(one)
        return forecaster._forecasts([one], window, wanted)[0]

    def predict_many(
        self,
        prices: Mapping[str, pd.DataFrame],
        *,
        horizon: int | None = None,
        as_of: str | date | None = None,
        levels: Levels = (),
        errors: dict[str, ForecasterError] | None = None,
    ) -> dict[str, Forecast]:
        """Forecast many tickers: as `predict` does each, asking the network once.

        Parameters
        ----------
        prices
            Checked price frames by ticker, which names those without ``attrs``.
        horizon, as_of, levels
            See `predict`.
        errors
            Takes the error of each ticker that cannot be forecast, while the others
            are forecast. Without it the first such error is raised.

        Returns
        -------
        dict
            By ticker, in the order of the prices.

        Raises
        ------
        DataError
            If a ticker's prices will not do, unless `errors` takes it.
        ConfigError
            If no ticker can be forecast in this way; see `predict`.
        """
        request, wanted = self._request(horizon, as_of, levels)
        forecaster = self._reaching(request.n_steps)
        asked, failed = forecaster._asked(prices, request)
        made: dict[str, Forecast] = {}
        size = MOST_REPLAYED if self._calibration == "adaptive" else MOST_TICKERS
        while asked:
            part = dict(islice(asked.items(), size))
            asked = dict(islice(asked.items(), size, None))
            made |= forecaster._forecast_part(part, request, wanted, failed)
        if failed and errors is None:
            raise next(failed[name] for name in prices if name in failed)
        if errors is not None:
            errors.update({name: failed[name] for name in prices if name in failed})
        return {name: made[name] for name in prices if name in made}

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
        ticker, target = ticker_of(prices, self.config), self.config.data.target
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

    def _request(
        self, horizon: int | None, as_of: str | date | None, levels: Levels
    ) -> tuple[Request, tuple[float, ...]]:
        """Check what is asked for; return it, and the levels of intervals."""
        wanted = check_levels_wanted(levels)
        refuse_without_quantiles(wanted, self.config)
        return Request.of(self.config, horizon, as_of), wanted

    def _series(self, prices: pd.DataFrame, ticker: str, request: Request) -> Series:
        """Return the prices that may be known, and the sessions after them."""
        known = request.known(prices)
        if known.empty:
            raise NotEnoughHistory(ticker, self.config.window.lookback, 0)
        sessions = next_sessions(
            known.index[-1], request.n_steps, calendar=self.config.data.calendar
        )
        ahead = next_after(sessions, self.config.window.horizon, self.config)
        return Series(ticker, known, sessions, ahead, self.config)

    def _asked(
        self, prices: Mapping[str, pd.DataFrame], request: Request
    ) -> tuple[dict[str, Series], dict[str, ForecasterError]]:
        """Return the series of all tickers, and the errors of those without one."""
        asked: dict[str, Series] = {}
        failed: dict[str, ForecasterError] = {}
        for name, frame in prices.items():
            try:
                ticker = str(frame.attrs.get("ticker", name))
                asked[name] = self._series(frame, ticker, request)
            except DataError as error:
                failed[name] = error
        return asked, failed

    def _forecast_part(
        self,
        asked: Mapping[str, Series],
        request: Request,
        levels: Sequence[float],
        failed: dict[str, ForecasterError],
    ) -> dict[str, Forecast]:
        """Return forecasts of the tickers that have a window; note the other errors."""
        names, series = list(asked), list(asked.values())
        errors: dict[int, DataError] = {}
        newest = newest_windows(series, self.config, self.scaler, errors)
        failed.update({names[place]: error for place, error in errors.items()})
        for place, rows in newest.watched.items():
            warn_if_outside(self.scaler, rows, series[place].ticker)
        for place in newest.places:
            request.warn_of_gap(series[place])
        chosen = {names[place]: series[place] for place in newest.places}
        if newest.windows is None:
            return {}
        try:
            made = self._forecasts(list(chosen.values()), newest.windows, levels)
            return dict(zip(chosen, made, strict=True))
        except (DataError, TrainingFailed):  # whose it was shows each one alone
            return self._forecast_alone(chosen, newest.windows, levels, failed)

    def _forecast_alone(
        self,
        asked: Mapping[str, Series],
        windows: Windows,
        levels: Sequence[float],
        failed: dict[str, ForecasterError],
    ) -> dict[str, Forecast]:
        """Return forecasts made one by one; note the errors of those that fail."""
        made = {}
        for place, (name, one) in enumerate(asked.items()):
            alone = windows[place : place + 1]
            try:
                made[name] = self._forecasts([one], alone, levels)[0]
            except (DataError, TrainingFailed) as error:
                failed[name] = error
        return made

    def _forecasts(
        self, series: Sequence[Series], windows: Windows, levels: Sequence[float]
    ) -> list[Forecast]:
        """Return the forecasts of series from their newest windows."""
        n_steps, rows = len(series[0].sessions), self.out_of_fold
        spread, up = None, None
        if n_steps > self.config.window.horizon:
            prices = steps_beyond(self, series, windows)
        else:
            prices, spread, up = self.forecast_each(
                windows, lambda: [one.table for one in series]
            )
        quantiles = None if spread is None else spread.quantiles
        forecasts = [
            Forecast(
                ticker=one.ticker,
                target=self.config.data.target,
                origin=one.known.index[-1],
                last_price=float(windows.origin_price[place]),
                sessions=one.sessions,
                price=prices[place, :n_steps],
                levels=() if spread is None else self.config.model.quantiles,
                quantiles=None if quantiles is None else quantiles[place, :n_steps],
                probability_up=None if up is None else up[place, :n_steps],
                calibration=self._calibration,
            )
            for place, one in enumerate(series)
        ]
        return [with_fan(one, levels, self.config, rows) for one in forecasts]

    def _reaching(self, n_steps: int) -> Self:
        """Return a forecaster of so many steps at once, if the network can be one."""
        own = self.config.window.horizon
        if n_steps <= own or self.config.model.shape not in UNROLLED:
            return self
        network, config = unroll(self.network, self.config, n_steps)
        return replace(self, network=network, config=config)
