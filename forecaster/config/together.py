"""Settings together: what no single section can refuse, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecaster.config.feature_names import (
    PEERS,
    is_known_ahead,
    parse_feature,
    scale_free,
)

if TYPE_CHECKING:
    from forecaster.config.settings import Config


def check_together(config: Config) -> None:
    """Refuse settings that contradict each other.

    Raises
    ------
    ValueError
        With every reason; `config_from_dict` makes a `ConfigError` of it.
    """
    for names in (config.features.columns, config.features.static):
        for name in names:
            parse_feature(name)
    reasons = [
        *_of_shape(config),
        *_of_features(config),
        *_of_training(config),
        *_of_calibration(config),
    ]
    if reasons:
        raise ValueError("; ".join(reasons))


def _of_shape(config: Config) -> Iterator[str]:
    model, window = config.model, config.window
    if model.shape == "sequence_to_sequence" and window.horizon > 1:
        yield (
            "sequence_to_sequence forecasts the next session at each step: set "
            "window.horizon to 1 (more are forecast by feeding back)"
        )
    if model.shape == "sequence_to_sequence" and config.features.known_future:
        yield (
            "sequence_to_sequence reads what is known of the future among "
            "features.columns: leave features.known_future out"
        )
    if model.shape == "sequence_to_sequence" and config.features.static:
        yield (
            "sequence_to_sequence forecasts at every session, and features.static "
            "holds what only the last one knows: put it among features.columns"
        )
    if model.shape == "vector_to_sequence" and window.shortest:
        yield "vector_to_sequence reads one session: leave window.shortest out"
    if window.shortest and model.convolution:
        yield "a convolution cannot skip padding: leave window.shortest out"
    if (
        model.shape == "sequence_to_sequence"
        and window.shortest
        and model.ticker_embedding
    ):
        yield (
            "sequence_to_sequence would learn from padding beside an embedding: leave "
            "window.shortest or model.ticker_embedding out"
        )
    if model.ticker_embedding and not config.data.tickers:
        yield "model.ticker_embedding needs several tickers: set data.tickers"


def _of_features(config: Config) -> Iterator[str]:
    features = config.features
    unknown = [name for name in features.known_future if not is_known_ahead(name)]
    if unknown:
        yield (
            f"features.known_future: nobody knows {', '.join(unknown)} beforehand; "
            "calendar features such as weekday_sin are known"
        )
    tickers = [name.upper() for name in config.data.tickers]
    peers = [
        name
        for name in (*features.columns, *features.static)
        if parse_feature(name).companion == PEERS
    ]
    if peers and len(tickers) < 2:  # noqa: PLR2004
        yield (
            f"{', '.join(peers)} is a mean over other tickers: set data.tickers to "
            "several"
        )
    if tickers and config.data.ticker.upper() not in tickers:
        yield (
            f"data.ticker ({config.data.ticker}) is not among data.tickers "
            f"({', '.join(tickers)}): set it to the one to be evaluated"
        )
    static = [name for name in features.static if not scale_free(name)]
    if tickers and static and features.scaling == "window":
        yield (
            f"features.static has no window to be scaled in: {', '.join(static)} of "
            "several tickers have no common scale"
        )
    if not tickers or features.scaling == "window":
        return
    own = [
        name for name in (*features.columns, *features.static) if not scale_free(name)
    ]
    if own:
        yield (
            f"prices of several tickers have no common scale: {', '.join(own)} want "
            "features.scaling = 'window', or returns instead"
        )
    if config.target.form == "price":
        yield (
            "prices of several tickers have no common scale: set target.form to "
            "log_return or scaled_return, or features.scaling to 'window'"
        )


def _of_training(config: Config) -> Iterator[str]:
    model, training = config.model, config.training
    if model.head != "point" and training.loss != "mse":
        yield (f"the {model.head} head has a loss of its own: leave training.loss out")
    if not training.truncate:
        return
    if model.shape != "sequence_to_sequence":
        yield (
            "training.truncate cuts a window into parts that all have targets: it "
            "needs model.shape = 'sequence_to_sequence'"
        )
    if model.members > 1 or config.window.shortest or model.convolution:
        yield (
            "training.truncate goes with one network (model.members = 1), whole "
            "windows (no window.shortest) and no convolution"
        )
    if config.window.lookback % training.truncate:
        yield (
            f"training.truncate ({training.truncate}) must divide window.lookback "
            f"({config.window.lookback})"
        )


def _of_calibration(config: Config) -> Iterator[str]:
    method, model = config.calibration.method, config.model
    if method != "none" and not model.has_quantiles:
        yield (
            f"calibration.method = '{method}' corrects quantiles, and the "
            f"{model.head} head has none: set model.head to quantiles or student_t, "
            "or calibration.method to none"
        )
