"""Describing: what a Forecaster says of itself where it is shown."""

from __future__ import annotations

from forecaster.config import Config
from forecaster.forecast import TrainedOn


def describe(config: Config, trained_on: TrainedOn) -> str:
    """Return one line: target, layers and training range."""
    units = "-".join(str(layer.units) for layer in config.model.layers)
    return (
        f"{config.name}: {trained_on.ticker} {config.data.target}, layers {units}, "
        f"trained {trained_on.first} to {trained_on.last}"
    )


def describe_html(config: Config, trained_on: TrainedOn, n_epochs: int) -> str:
    """Return a table of the same and more."""
    facts = {
        "forecasts": f"{trained_on.ticker} {config.data.target}, "
        f"{config.window.horizon} session(s) ahead",
        "reads": f"{config.window.lookback} sessions of "
        f"{', '.join(config.features.columns)}",
        "network": ", ".join(
            f"{layer.cell}({layer.units})" for layer in config.model.layers
        ),
        "trained on": f"{trained_on.first} to {trained_on.last}, "
        f"{trained_on.n_windows} windows, {n_epochs} epochs",
    }
    rows = "".join(
        f"<tr><th>{name}</th><td>{fact}</td></tr>" for name, fact in facts.items()
    )
    return f"<p><b>Forecaster {config.name}</b></p><table>{rows}</table>"
