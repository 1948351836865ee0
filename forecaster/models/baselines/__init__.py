"""Baselines: the forecasts that cost little, which a network has to beat."""

from forecaster.models.baselines.registry import (
    BASELINES,
    POINT_BASELINES,
    QUANTILE_BASELINES,
    make_baseline,
)
from forecaster.models.baselines.scene import (
    Baseline,
    FittedBaseline,
    Outlook,
    Scene,
    scene_of,
)
from forecaster.models.baselines.simple import drift, last_value

__all__ = [
    "BASELINES",
    "POINT_BASELINES",
    "QUANTILE_BASELINES",
    "Baseline",
    "FittedBaseline",
    "Outlook",
    "Scene",
    "drift",
    "last_value",
    "make_baseline",
    "scene_of",
]
