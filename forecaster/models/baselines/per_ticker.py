"""Per ticker: baselines that fit one model to each series of prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from forecaster.arrays import FloatArray
from forecaster.models.baselines.scene import Outlook, Question, Scene


class SeriesModel(Protocol):
    """A model of one series, with parameters that no longer change."""

    @property
    def fallback(self) -> str:
        """Why a simpler model stands in for the one that was asked for, or nothing."""

    def forecast(self, scene: Scene) -> Outlook:
        """Answer at each place from the prices up to it."""


SeriesFit = Callable[[str, FloatArray, Question], SeriesModel]


@dataclass(frozen=True)
class PerTicker:
    """A baseline that fits each ticker's series by itself.

    Attributes
    ----------
    name
        What it is called in tables.
    fit_series
        Fits one series: from ticker, prices and question to its model.
    """

    name: str
    fit_series: SeriesFit

    def fit(
        self,
        training: Mapping[str, Scene],
        *,
        levels: Sequence[float],
        horizon: int,
        seed: int,
    ) -> FittedPerTicker:
        """Fit one model to the training prices of each ticker.

        Raises
        ------
        DataError
            If the prices are too few, or not positive where logarithms are taken.
        """
        question = Question(tuple(levels), horizon, seed)
        models = {
            ticker: self.fit_series(ticker, scene.prices, question)
            for ticker, scene in training.items()
        }
        return FittedPerTicker(models, self.fit_series, question)


@dataclass(frozen=True)
class FittedPerTicker:
    """One model for each ticker.

    A ticker that was not trained on is fitted when it is asked for, on its prices up
    to the first place of the scene.
    """

    models: Mapping[str, SeriesModel]
    fit_series: SeriesFit
    question: Question

    @property
    def fallbacks(self) -> dict[str, str]:
        """Tickers for which a simpler model stands in, each with the reason."""
        return {
            ticker: model.fallback
            for ticker, model in self.models.items()
            if model.fallback
        }

    def forecast(self, ticker: str, scene: Scene) -> Outlook:
        """Answer at each place of a scene from the prices up to that place."""
        model = self.models.get(ticker)
        if model is None:
            before = scene.prices[: scene.places[0] + 1]
            model = self.fit_series(ticker, before, self.question)
        return model.forecast(scene)
