"""Settings drawn from the whole space, mostly ones that go together."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

SHAPES = (
    "sequence_to_vector",
    "sequence_to_sequence",
    "vector_to_sequence",
    "encoder_decoder",
)
HEADS = ("point", "quantiles", "student_t", "direction")
HEADS_WITH_QUANTILES = ("quantiles", "student_t")
FORMS = ("price", "log_return", "scaled_return")
ACTIVATIONS = (
    "tanh", "linear", "relu", "elu", "selu", "gelu", "softsign", "sigmoid",
)  # fmt: skip
INITIALIZERS = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "lecun_uniform", "lecun_normal", "orthogonal", "random_normal",
)  # fmt: skip
RETURNS = ("log_return", "volatility_5", "rsi_3", "range", "weekday_sin")
KNOWN = ("weekday_sin", "weekday_cos", "month_end", "days_since_last")
TICKERS = ("TEST", "OTHER")
# Fits no window, no shape and no head alone: one in so many examples may break rules.
RECKLESS = 6

BASE = {
    "name": "any",
    "data": {"ticker": "TEST"},
    "features": {},
    "target": {"form": "price", "volatility": 3},
    "window": {"lookback": 4},
    "model": {"layers": [{"units": 2, "dropout": 0.0}]},
    "training": {
        "start": "2020-01-01",
        "end": "2020-03-13",
        "epochs": 1,
        "batch_size": 32,
    },
    "evaluation": {"start": "2020-03-14", "end": "2020-12-31"},
}


def with_changes(**sections: dict) -> dict:
    """Return the base settings with some sections' settings changed."""
    settings = copy.deepcopy(BASE)
    for section, values in sections.items():
        settings[section] |= values
    return settings


@st.composite
def layers(draw, *, bidirectional: bool) -> dict:
    """Draw a recurrent layer."""
    return {
        "cell": draw(st.sampled_from(("lstm", "gru", "simple_rnn"))),
        "units": draw(st.integers(1, 3)),
        "dropout": draw(st.sampled_from((0.0, 0.2))),
        "recurrent_dropout": draw(st.sampled_from((0.0, 0.3))),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "kernel_initializer": draw(st.sampled_from(INITIALIZERS)),
        "recurrent_initializer": draw(st.sampled_from(INITIALIZERS)),
        "bidirectional": bidirectional and draw(st.booleans()),
        "normalization": draw(st.sampled_from(("none", "batch", "layer"))),
        "residual": draw(st.booleans()),
    }


def some(draw, values: tuple[str, ...], least: int = 0) -> list[str]:
    """Draw a few of the values, none twice."""
    return draw(
        st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)
    )


@st.composite
def any_settings(draw) -> dict:
    """Draw plain settings; one in a few ignores what goes together."""
    reckless = draw(st.integers(1, RECKLESS)) == RECKLESS
    shape = draw(st.sampled_from(SHAPES))
    tickers = draw(st.booleans())
    scaling = draw(st.sampled_from(("minmax", "standard", "window", "none")))
    relative = tickers and scaling != "window" and not reckless
    model, with_convolution = _model(draw, shape, reckless=reckless)
    if reckless or tickers:
        model["ticker_embedding"] = draw(st.integers(0, 2))
    several = draw(st.booleans())
    columns = some(draw, RETURNS, least=int(relative))
    if not relative:
        columns = ["close", *columns] if several else []
    lookback = draw(st.integers(1, 6))
    whole = with_convolution or shape == "vector_to_sequence"
    shortest = draw(st.integers(0, lookback)) if reckless or not whole else 0
    one_step = shape == "sequence_to_sequence" and not reckless
    features = {"columns": columns, "scaling": scaling}
    features["known_future"] = [] if one_step else some(draw, KNOWN)
    features["static"] = [] if one_step else some(draw, RETURNS)
    forms = FORMS[1:] if relative else FORMS
    return with_changes(
        data={"tickers": list(TICKERS)} if tickers else {},
        features=features,
        target={"form": draw(st.sampled_from(forms))},
        window={
            "lookback": lookback,
            "horizon": 1 if one_step else draw(st.integers(1, 3)),
            "shortest": shortest,
        },
        model=model,
        training=_training(draw, model["head"], reckless=reckless),
    )


def _model(draw, shape: str, *, reckless: bool) -> tuple[dict, bool]:
    decoding = shape == "encoder_decoder"
    heads = HEADS[:3] if decoding and not reckless else HEADS
    both_ways = reckless or shape in ("sequence_to_vector", "vector_to_sequence")
    model = {
        "shape": shape,
        "head": draw(st.sampled_from(heads)),
        "layers": draw(
            st.lists(layers(bidirectional=both_ways), min_size=1, max_size=2)
        ),
        "teacher_forcing": draw(st.booleans()),
        "members": draw(st.sampled_from((1, 1, 2))),
        "quantiles": draw(st.sampled_from(([0.5], [0.1, 0.5, 0.9], [0.05, 0.5]))),
    }
    spreads = shape == "sequence_to_vector" and model["head"] in HEADS_WITH_QUANTILES
    model["spread_shortcut"] = (reckless or spreads) and draw(st.booleans())
    convolution = (reckless or shape != "vector_to_sequence") and draw(st.booleans())
    if convolution:
        model["convolution"] = {
            "filters": draw(st.integers(1, 3)),
            "kernel_size": draw(st.integers(1, 4)),
            "activation": draw(st.sampled_from(ACTIVATIONS)),
        }
    return model, convolution


def _training(draw, head: str, *, reckless: bool) -> dict:
    losses = ("mse", "mae", "huber") if reckless or head == "point" else ("mse",)
    clip = draw(st.sampled_from(("clip_norm", "clip_value", "neither")))
    training = {
        "optimizer": draw(st.sampled_from(("adam", "nadam", "rmsprop", "sgd"))),
        "loss": draw(st.sampled_from(losses)),
        "schedule": draw(st.sampled_from(("constant", "cosine", "exponential"))),
        "windows_per_epoch": draw(st.sampled_from((0, 0, 40))),
        "watch_gradients": draw(st.booleans()),
        "validation_fraction": draw(st.sampled_from((0.0, 0.2))),
        "seed": draw(st.integers(0, 99)),
    }
    if clip != "neither":
        training[clip] = 0.5
    if reckless:
        training["clip_norm"] = draw(st.sampled_from((0.0, 1.0)))
    return training
