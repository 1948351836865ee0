"""Significance: is a difference between two forecasts more than luck."""

from forecaster.significance.accuracy import (
    ClarkWest,
    DieboldMariano,
    clark_west,
    diebold_mariano,
)
from forecaster.significance.bootstrap import RatioInterval, ratio_interval
from forecaster.significance.confidence_set import (
    ModelConfidenceSet,
    model_confidence_set,
)
from forecaster.significance.direction import PesaranTimmermann, pesaran_timmermann
from forecaster.significance.long_run import long_run_variance, newey_west_lags

__all__ = [
    "ClarkWest",
    "DieboldMariano",
    "ModelConfidenceSet",
    "PesaranTimmermann",
    "RatioInterval",
    "clark_west",
    "diebold_mariano",
    "long_run_variance",
    "model_confidence_set",
    "newey_west_lags",
    "pesaran_timmermann",
    "ratio_interval",
]
