"""Answering: a trained network, asked about windows, in prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.config import Config
from forecaster.correcting import Made, correct_by_ticker
from forecaster.data.scaling import Scaler
from forecaster.data.table import Table
from forecaster.data.windows import Windows
from forecaster.describing import describe, describe_html
from forecaster.errors import ConfigError, TrainingFailed
from forecaster.evaluation import Spread
from forecaster.forecast import TrainedOn
from forecaster.models.asking import ask
from forecaster.models.baselines import last_value
from forecaster.models.feeding import feed_lazily, newest_step
from forecaster.models.heads import Answer, read_answer
from forecaster.models.leases import Lease
from forecaster.replaying import replayed_windows


@dataclass(frozen=True, eq=False, repr=False)
class TrainedNetwork:
    """A trained network, its scaler and settings, and what calibrates it.

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
    out_of_fold
        Forecasts of training sessions by networks that had not seen them, which the
        quantiles are put right by; see `forecaster.outoffold`.
    lease
        Of a network that was lent for one training; see `forecaster.models.refits`.
    """

    network: Any
    scaler: Scaler
    config: Config
    trained_on: TrainedOn
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    out_of_fold: pd.DataFrame | None = None
    lease: Lease | None = None

    def check_lease(self) -> None:
        """Refuse to go on with a network that was trained again since.

        Raises
        ------
        ConfigError
            If it was lent by `Refits`, and has been lent again.
        """
        if self.lease is not None and self.lease.ended:
            raise ConfigError(
                "the network of this Forecaster has been trained again, since it was "
                "lent by `refits`. Use it before the next training, save it first, or "
                "train it without `refits`."
            )

    def forecast_windows(
        self, windows: Windows, earlier: Windows | None = None
    ) -> tuple[FloatArray, Spread | None, FloatArray | None]:
        """Return prices of windows, their quantiles and the probability of up.

        Quantiles are put right as `calibration.method` says, where there are
        out-of-fold forecasts.

        Parameters
        ----------
        windows
            In order of time, of one ticker or of several.
        earlier
            Of the same ticker, between the end of training and the first origin: an
            adaptive calibration follows them too.

        Returns
        -------
        tuple
            Prices of shape (n_windows, horizon) in the quote currency; quantiles if
            the network has them; probabilities if it says them.
        """
        answer = self.answer(windows)
        prices = self._prices(answer.centre, windows)
        spread = self._spread(answer, windows, earlier)
        return prices, spread, answer.probability_up

    def forecast_each(
        self, windows: Windows, tables: Callable[[], Sequence[Table]]
    ) -> tuple[FloatArray, Spread | None, FloatArray | None]:
        """Return the same as `forecast_windows`, of windows of a ticker each.

        Parameters
        ----------
        windows
            The newest one of each table.
        tables
            Returns the table of each window; an adaptive calibration follows what lies
            between the end of training and its last row.
        """
        if self._calibration != "adaptive":
            return self.forecast_windows(windows)
        answer, spreads = self.answer(windows), []
        earlier = [self._replayed(table, len(table) - 1) for table in tables()]
        made = self._made_each(earlier)
        quantiles = windows.footing.decode(_quantiles(answer))
        for place, before in enumerate(made):
            one = slice(place, place + 1)
            spreads.append(self._correct(windows[one], quantiles[one], before))
        spread = Spread(self.config.model.quantiles, np.concatenate(spreads))
        return self._prices(answer.centre, windows), spread, answer.probability_up

    def answer(self, windows: Windows) -> Answer:
        """Run the network on windows; what it says is in its own numbers.

        Raises
        ------
        TrainingFailed
            If the network answers with numbers that are not finite.
        """
        raw = self.predict_scaled(feed_lazily(windows, self.config))
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
        self.check_lease()
        scaled = ask(self.network, inputs)
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

    def next_prices(self, windows: Windows) -> FloatArray:
        """Return the forecast prices of windows, (n_windows, horizon)."""
        return self._prices(self.answer(windows).centre, windows)

    def _prices(self, centre: FloatArray, windows: Windows) -> FloatArray:
        if self.config.model.head == "direction":
            return last_value(windows.origin_price, centre.shape[1])
        return windows.footing.decode(centre)

    @property
    def _calibration(self) -> str:
        return "none" if self.out_of_fold is None else self.config.calibration.method

    def _replayed(self, table: Table, stop: int) -> Windows | None:
        """Return what an adaptive calibration follows before the origin at a row."""
        if self._calibration != "adaptive":
            return None
        return replayed_windows(table, stop, self.config, self.scaler)

    def _spread(
        self, answer: Answer, windows: Windows, earlier: Windows | None
    ) -> Spread | None:
        if answer.quantiles is None:
            return None
        prices = windows.footing.decode(answer.quantiles)
        if self._calibration != "none":
            made = self._made_each([earlier])[0]
            prices = self._correct(windows, prices, made)
        return Spread(self.config.model.quantiles, prices)

    def _correct(
        self, windows: Windows, prices: FloatArray, before: Made | None
    ) -> FloatArray:
        """Return quantiles put right by the out-of-fold forecasts."""
        assert self.out_of_fold is not None  # noqa: S101  it is calibrated
        return correct_by_ticker(
            Made.of(windows, prices),
            before,
            self.out_of_fold,
            self.config,
            windows.ticker_ids,
        )

    def _made_each(self, earlier: Sequence[Windows | None]) -> list[Made | None]:
        """Return the forecasts of several tickers' windows, asking the network once."""
        parts = [windows for windows in earlier if windows is not None]
        if not parts:
            return [None] * len(earlier)
        joined = Windows.join(parts)
        prices = joined.footing.decode(_quantiles(self.answer(joined)))
        made: list[Made | None] = []
        begin = 0
        for windows in earlier:
            if windows is None:
                made.append(None)
                continue
            stop = begin + len(windows)
            made.append(Made.of(windows, prices[begin:stop]))
            begin = stop
        return made


def _quantiles(answer: Answer) -> FloatArray:
    assert answer.quantiles is not None  # noqa: S101  the network has them
    return answer.quantiles
