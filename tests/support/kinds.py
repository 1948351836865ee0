"""Kinds of networks, tiny: one setting file's worth of each way to train."""

from forecaster.config import config_from_dict

UNITS = {"units": 3, "dropout": 0.2}
STACK = {"layers": [UNITS, UNITS]}
KINDS = {
    "stack": {"model": STACK},
    "gru": {"model": {"layers": [{"cell": "gru", **UNITS}] * 2}},
    "simple_rnn": {"model": {"layers": [{"cell": "simple_rnn", **UNITS}] * 2}},
    "relu": {"model": {"layers": [{"cell": "simple_rnn", "activation": "relu"}]}},
    "recurrent dropout": {"model": {"layers": [UNITS | {"recurrent_dropout": 0.2}]}},
    "both directions": {"model": {"layers": [UNITS | {"bidirectional": True}] * 2}},
    "normalised": {
        "model": {
            "layers": [
                UNITS | {"normalization": "batch", "residual": True},
                UNITS | {"normalization": "layer", "cell": "gru"},
            ]
        }
    },
    "convolution": {"model": STACK | {"convolution": {"filters": 2, "kernel_size": 2}}},
    "every step": {"model": STACK | {"shape": "sequence_to_sequence"}},
    "unrolled": {
        "model": STACK | {"shape": "vector_to_sequence"},
        "window": {"horizon": 2},
    },
    "decoder": {
        "model": STACK | {"shape": "encoder_decoder", "teacher_forcing": True},
        "window": {"horizon": 2},
    },
    "padded": {"model": STACK, "window": {"shortest": 2}},
    "padded gru": {
        "model": {"layers": [{"cell": "gru", **UNITS}] * 2},
        "window": {"shortest": 2},
    },
    "padded every step": {
        "model": STACK | {"shape": "sequence_to_sequence"},
        "window": {"shortest": 2},
    },
    "own scale at every step": {
        "model": STACK | {"shape": "sequence_to_sequence"},
        "features": {"scaling": "window"},
        "window": {"shortest": 2},
    },
    "returns at every step": {
        "model": STACK | {"shape": "sequence_to_sequence"},
        "target": {"form": "scaled_return"},
        "window": {"shortest": 2},
    },
    "in parts": {
        "model": {
            "layers": [
                UNITS,
                UNITS | {"bidirectional": True, "cell": "gru"},
                UNITS | {"bidirectional": True},
            ]
        },
        "window": {"lookback": 31},
    },
    "members": {"model": STACK | {"members": 2}},
    "quantiles": {
        "model": STACK | {"head": "quantiles"},
        "target": {"form": "scaled_return"},
        "window": {"horizon": 2},
    },
    "spread": {
        "model": STACK | {"head": "student_t", "spread_shortcut": True},
        "target": {"form": "scaled_return"},
    },
    "own scale": {"features": {"scaling": "window"}, "model": STACK},
    "several inputs": {
        "features": {
            "columns": ["close", "volume"],
            "known_future": ["weekday_sin"],
            "static": ["open"],
        },
        "model": STACK,
    },
    "tickers": {
        "data": {"tickers": ["TEST", "OTHER"]},
        "features": {"columns": ["log_return"]},
        "model": STACK | {"ticker_embedding": 2},
        "target": {"form": "scaled_return"},
    },
    "clipped": {
        "model": STACK,
        "training": {"clip_norm": 0.5, "watch_gradients": True, "optimizer": "nadam"},
    },
    "schedule": {"model": STACK, "training": {"schedule": "cosine"}},
    "drawn": {"model": STACK, "training": {"windows_per_epoch": 21}},
}
FURTHER = {
    "truncated": {
        "model": STACK | {"shape": "sequence_to_sequence"},
        "training": {"truncate": 2},
    }
}


def config_of(kind):
    """Return the settings of a kind: 60 sessions train, the last of them validate."""
    wanted = (KINDS | FURTHER)[kind]
    settings = {
        "name": "tiny",
        "data": {"ticker": "TEST", "target": "close"},
        "features": {"columns": ["close"]},
        "window": {"lookback": 4},
        "model": {},
        "target": {},
        "training": {
            "start": "2020-01-01",
            "end": "2020-03-27",
            "epochs": 2,
            "batch_size": 8,
            "validation_fraction": 0.25,
        },
        "evaluation": {"start": "2020-03-28", "end": "2020-12-31"},
    }
    for section, values in wanted.items():
        settings[section] = settings[section] | values
    return config_from_dict(settings)


def prices_of(config, make_prices):
    """Return the prices that the settings train on."""
    if not config.data.tickers:
        return make_prices(80)
    return {
        ticker: make_prices(80, seed=place, ticker=ticker)
        for place, ticker in enumerate(config.data.tickers)
    }
