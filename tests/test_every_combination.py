"""Every combination of settings is refused with a reason, or trains and forecasts."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from forecaster.bundle import load_bundle, save_bundle
from forecaster.config import config_from_dict
from forecaster.errors import ConfigError
from forecaster.models.backend import load_keras
from forecaster.training import train
from tests.support.combinations import (
    FORMS,
    HEADS,
    SHAPES,
    TICKERS,
    any_settings,
    with_changes,
)

N_SESSIONS = 70
# What pydantic says of its own accord, and what a bare exception does.
GENERIC = ("validation error", "Value error", "Input should be", "Assertion failed")
SHORTEST_REASON = 20


@pytest.fixture(scope="module")
def frames(make_prices):
    return {
        ticker: make_prices(N_SESSIONS, seed=place, ticker=ticker)
        for place, ticker in enumerate(TICKERS)
    }


def checked(drawn):
    """Return the settings, or None if they are refused with a reason."""
    try:
        return config_from_dict(drawn)
    except ConfigError as error:
        reason = str(error)
        assert len(reason) > SHORTEST_REASON, reason
        assert not any(text in reason for text in GENERIC), reason
        return None


def check_spread(levels, quantiles):
    assert quantiles.shape[-1] == len(levels)
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def run_through(config, frames):
    """Train, evaluate, forecast, save and reload; everything is checked."""
    load_keras().utils.clear_session(free_memory=False)
    prices = frames if config.data.tickers else frames["TEST"]
    forecaster = train(prices, config, progress=False)
    assert np.isfinite(forecaster.history.to_numpy(dtype=float)).all()
    evaluated = forecaster.evaluate(frames["TEST"])
    table = evaluated.predictions
    assert table["step"].max() == config.window.horizon
    assert np.isfinite(table.select_dtypes("number").to_numpy()).all()
    assert np.isfinite(evaluated.scores[["rmse", "mae"]].to_numpy()).all()
    quantiles = table.loc[:, [name for name in table if name.startswith("q0")]]
    assert bool(quantiles.shape[1]) == config.model.has_quantiles
    if config.model.has_quantiles:
        check_spread(config.model.quantiles, quantiles.to_numpy())
    with tempfile.TemporaryDirectory() as folder:
        again = load_bundle(save_bundle(forecaster, Path(folder) / "bundle"))
    assert again.config == config
    weights = (each.network.get_weights() for each in (forecaster, again))
    for one, two in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, two)
    first, second = (each.predict(frames["TEST"]) for each in (forecaster, again))
    assert first.price.shape == (config.window.horizon,)
    assert np.isfinite(first.price).all()
    for name in ("price", "quantiles", "probability_up"):
        one, two = getattr(first, name), getattr(second, name)
        assert (one is None) == (two is None)
        if one is not None:
            np.testing.assert_array_equal(one, two)
    if first.quantiles is not None:
        check_spread(first.levels, first.quantiles)


# Most of the time goes into building: few examples, each of which draws everything, and
# no search for a smaller one that fails too.
@settings(
    max_examples=10,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(drawn=any_settings())
def test_any_settings_are_refused_or_work(frames, drawn):
    config = checked(drawn)
    if config is not None:
        run_through(config, frames)


# Refusing costs nothing, so here many are drawn.
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(drawn=any_settings())
def test_any_refusal_has_a_reason(drawn):
    checked(drawn)


@pytest.mark.parametrize(
    ("shape", "head", "form"),
    [
        (shape, head, form)
        for shape, head, form in itertools.product(SHAPES, HEADS, FORMS)
        if (shape, head) != ("encoder_decoder", "direction")
    ],
)
def test_every_shape_head_and_form(frames, shape, head, form):
    drawn = with_changes(
        target={"form": form},
        window={"horizon": 1 if shape == "sequence_to_sequence" else 2},
        model={"shape": shape, "head": head, "quantiles": [0.1, 0.5, 0.9]},
    )
    run_through(config_from_dict(drawn), frames)
