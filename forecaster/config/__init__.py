"""The settings of a run: checked models, and the TOML files that carry them."""

from __future__ import annotations

from forecaster.config.files import (
    config_from_dict,
    dump_config,
    list_configs,
    load_config,
    with_values,
)
from forecaster.config.network import ConvolutionConfig, LayerConfig, ModelConfig
from forecaster.config.settings import (
    Config,
    DataConfig,
    EvaluationConfig,
    FeaturesConfig,
    TargetConfig,
    TrainingConfig,
    WindowConfig,
)
from forecaster.config.tuning import Range, TuningConfig

__all__ = [
    "Config",
    "ConvolutionConfig",
    "DataConfig",
    "EvaluationConfig",
    "FeaturesConfig",
    "LayerConfig",
    "ModelConfig",
    "Range",
    "TargetConfig",
    "TrainingConfig",
    "TuningConfig",
    "WindowConfig",
    "config_from_dict",
    "dump_config",
    "list_configs",
    "load_config",
    "with_values",
]
