"""The project's own pipeline passes, with settings of every kind."""

import warnings

import numpy as np
import pytest

from forecaster.audit.calibrated import calibrated
from forecaster.audit.run import PROJECT, audit_pipeline
from forecaster.audit.subject import Subject
from forecaster.config import load_config, with_values
from forecaster.errors import PriceWarning
from forecaster.loading import load_prices_for
from forecaster.training import train

VALIDATED = {"training__validation_fraction": 0.2, "training__early_stopping": 1}
KINDS = {
    "point": {},
    "quantiles": {"model__head": "quantiles"} | VALIDATED,
    "student-t": {"model__head": "student_t"},
    "direction": {"model__head": "direction"},
    "encoder-decoder": {"model__shape": "encoder_decoder", "window__horizon": 3},
    "sequence-to-sequence": {"model__shape": "sequence_to_sequence"},
    "seq2seq-returns": {
        "model__shape": "sequence_to_sequence",
        "target__form": "scaled_return",
        "target__volatility": 5,
    },
    "seq2seq-direction": {
        "model__shape": "sequence_to_sequence",
        "model__head": "direction",
    },
    "vector-to-sequence": {"model__shape": "vector_to_sequence", "window__horizon": 2},
    "window-scaling": {"features__scaling": "window"} | VALIDATED,
    "padded": {"window__shortest": 2},
    "padded-window-scaling": {"window__shortest": 2, "features__scaling": "window"},
    "log-return": {"target__form": "log_return", "window__horizon": 2},
    "scaled-return": {"target__form": "scaled_return", "target__volatility": 5},
    "unscaled": {"features__scaling": "none"},
    "companions": {
        "data__target": "open",
        "features__columns": ["AAPL:log_return", "rsi_5", "volume", "own"],
        "features__known_future": ["weekday_sin", "month_end", "days_since_last"],
        "features__static": ["volatility_5"],
        "features__scaling": "standard",
    },
}


def assert_clean(audit):
    assert not audit.leaks, audit.leaks
    audit.require_clean()


@pytest.fixture(scope="module")
def prices(make_prices):
    frame = make_prices(90)
    frame["AAPL:log_return"] = make_prices(90, seed=1)["close"].pct_change().fillna(0)
    frame["own"] = range(90)
    return frame


@pytest.mark.parametrize("kind", KINDS)
def test_honest_windows_pass(prices, tiny_config, kind):
    assert_clean(audit_pipeline(prices, tiny_config(**KINDS[kind]), epochs=0))


def test_an_honest_training_over_many_tickers_passes(make_prices, tiny_config):
    frames = {name: make_prices(90, seed=n, ticker=name) for n, name in enumerate("AB")}
    config = tiny_config(
        data__ticker="B",
        data__tickers=("A", "B"),
        features__columns=("log_return", "volatility_5"),
        features__scaling="standard",
        target__form="scaled_return",
        target__volatility=5,
        model__head="quantiles",
        model__ticker_embedding=2,
        calibration__method="adaptive",
        **VALIDATED,
    )
    told = []
    audit = audit_pipeline(frames, config, epochs=1, tell=told.append)
    assert_clean(audit)
    assert len(audit.checks) == 14
    assert len({check.name for check in audit.checks}) == 14
    assert sum(line.startswith("training") for line in told) == 5
    assert "Five trainings of 1 epochs, each on 16 windows" in audit.tried[1]


@pytest.mark.parametrize(
    "name",
    [
        *("google", "google-quantiles", "global-quantiles"),
        *("competitors", "seq2seq-20", "encoder-decoder"),
    ],
)
def test_shipped_settings_pass(name):
    config = load_config(name)
    small = [f"model.layers.{n}.units=2" for n in range(len(config.model.layers))]
    config = load_config(name, [*small, "training.start=2015-06-01"])
    assert_clean(audit_pipeline(load(config), config, epochs=0))


def load(config):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriceWarning)
        if not config.data.tickers:
            return load_prices_for(config, ticker=config.data.ticker)
        tickers = config.data.tickers
        return {ticker: load_prices_for(config, ticker=ticker) for ticker in tickers}


def test_calibrated_settings_are_audited_with_their_correction(
    make_prices, tiny_config
):
    prices = make_prices(90)
    config = tiny_config(
        target__form="log_return", model__head="quantiles", calibration__method="split"
    )
    config = with_values(config, {"model.quantiles": [0.25, 0.5, 0.75]})
    raw = train(prices, config, progress=False)
    corrected = calibrated(Subject.of(prices, config, PROJECT), raw)
    one, other = (each.evaluate(prices).predictions for each in (raw, corrected))
    np.testing.assert_allclose(one["q0.5"], other["q0.5"], rtol=1e-12)
    assert not np.allclose(one["q0.25"], other["q0.25"])
