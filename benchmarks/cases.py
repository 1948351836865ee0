"""The cases: what is measured beside what, and what must come out."""

from __future__ import annotations

from functools import partial

from benchmarks import accuracy, epochs, growth, many, peers, processes, refits
from benchmarks.case import OURS, Case, Limit

GROWTH = (
    # A tenth above linear: what a line through three or four noisy points can tell.
    Limit("time growth", must=1.1, aim=1.0),
    Limit("memory growth", must=1.1, aim=1.0),
)

CASES: dict[str, Case] = {
    "epoch-lstm": Case(
        "One epoch of the reference run: 1,198 windows of 60 sessions, 4 x LSTM(50).",
        {
            OURS: epochs.ours,
            "keras": epochs.keras,
            "torch": epochs.torch,
            "matmul": epochs.matmul,
        },
        (
            Limit("ratio", "keras", 0.45, 0.25),
            Limit("ratio", "torch", 0.65, 0.40),
            Limit("ratio", "matmul", 3.0, 1.5),
        ),
    ),
    "epoch-gru": Case(
        "The same with GRU layers.",
        {
            OURS: partial(epochs.ours, cell="gru"),
            "keras": partial(epochs.keras, cell="gru"),
        },
        (Limit("ratio", "keras", 0.6, 0.35),),
    ),
    "epoch-simple-rnn": Case(
        "The same with SimpleRNN layers.",
        {
            OURS: partial(epochs.ours, cell="simple_rnn"),
            "keras": partial(epochs.keras, cell="simple_rnn"),
        },
        (Limit("ratio", "keras", 0.6, 0.35),),
    ),
    "refits": Case(
        "100 refits of 1 x LSTM(16), 3 epochs on a year that moves on.",
        {OURS: refits.ours, "keras": refits.keras},
        (Limit("ratio", "keras", 0.2), Limit("memory", must=20.0)),
        repeats=3,  # 300 fresh Keras models take minutes as it is
    ),
    "neuralforecast": Case(
        "Train for 380 steps and predict: neuralforecast's LSTM.",
        {OURS: peers.ours, "neuralforecast": peers.neuralforecast},
        (Limit("ratio", "neuralforecast", 0.5, 0.25),),
    ),
    "darts": Case(
        "Train for 380 steps and predict: darts' RNNModel.",
        {OURS: peers.ours_every_session, "darts": peers.darts},
        (Limit("ratio", "darts", 0.5, 0.25),),
    ),
    "predict-many": Case(
        "1,000 tickers, 5 steps each, in one call; Keras one ticker after the other.",
        {OURS: many.ours, "keras": many.keras},
        (Limit("ratio", "keras", 0.02),),
    ),
    "predict-cold": Case(
        "`forecaster predict` as a whole process; Python importing TensorFlow.",
        {OURS: processes.ours_predict, "import tensorflow": processes.tensorflow},
        (Limit("ratio", "import tensorflow", 0.5), Limit("seconds", aim=1.0)),
    ),
    "help": Case(
        "`forecaster --help` as a whole process; Python doing nothing.",
        {OURS: processes.ours_help, "python": processes.nothing},
        (Limit("seconds", must=0.5, aim=0.3), Limit("ratio", "python")),
    ),
    "growth-windows": Case(
        "An epoch over 300 windows, and over 4, 16 and 64 times as many.",
        {f"x{n}": partial(growth.windows, size=n) for n in growth.WINDOW_SIZES},
        GROWTH,
    ),
    "growth-lookback": Case(
        "An epoch over 300 windows of 60 sessions, and of 120 and 240.",
        {f"x{n}": partial(growth.lookback, size=n) for n in growth.LOOKBACK_SIZES},
        GROWTH,
    ),
    "growth-tickers": Case(
        "Forecasts of 10, 100 and 1,000 tickers in one call.",
        {f"{n}": partial(growth.tickers, size=n) for n in growth.TICKER_SIZES},
        GROWTH,
    ),
    "gpu": Case(
        "One epoch of the reference run on a graphics card.",
        {
            OURS: epochs.gpu_ours,
            "keras": epochs.gpu_keras,
            "torch": epochs.gpu_torch,
        },
        (
            Limit("ratio", "keras", 1.0, 1 / 1.5),
            Limit("ratio", "torch", 1.0, 1 / 1.5),
        ),
        gpu=True,
    ),
    "accuracy": Case(
        "RMSE over last-value's on 2017 of the reference run, seeds 0 to 4.",
        {OURS: accuracy.ours, "stock": accuracy.stock},
        (Limit("difference", "stock"), Limit("ratio", "stock")),
        repeats=accuracy.N_SEEDS,
        only_named=True,
    ),
}
