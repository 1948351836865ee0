# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How recurrent networks work
#
# A recurrent network reads a sequence one step at a time and carries a state from each
# step to the next. Here every formula is computed in NumPy and held against Keras, on
# Google's closing prices.
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x_t$ | input of step $t$ | (n_windows, n_features) |
# | $h_t$ | state after step $t$, also the output | (n_windows, units) |
# | $W$ | kernel: weights on the input | (n_features, units) |
# | $U$ | recurrent kernel: weights on $h_{t-1}$ | (units, units) |
# | $b$ | bias | (units,) |
#
# Rows are windows, so weights stand on the right: $x_t W$. An input array has the axes
# `[windows, steps, features]`.

# %%
import os
from functools import partial

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import forecaster as fc
from forecaster.metrics.distributions import pinball
from forecaster.models.backend import load_keras
from forecaster.models.feeding import feed
from forecaster.models.heads import read_answer
from forecaster.models.reference import GRU, LSTM, SimpleRNN, Weights, only_last_step
from forecaster.plotting import use_style
from forecaster.plotting.style import (
    BLACK,
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    finish,
)
from forecaster.preparing import prepare_training

keras = load_keras()
import tensorflow as tf  # after Keras, which holds back its start-up noise

keras.utils.set_random_seed(0)
use_style()
prices = fc.load_prices("GOOG")

# %% [markdown]
# ## 1. The recurrent neuron
#
# A recurrent neuron sees its input and its own last output:
#
# $$h_t = \tanh(x_t\,w + h_{t-1}\,u + b), \qquad h_0 = 0$$
#
# with the same $w$, $u$ and $b$ at every step. Below, with $w = 1$ and $b = 0$, it
# reads a pulse followed by zeros.


# %%
def run_neuron(inputs, w, u, b=0.0):
    h, outputs = 0.0, []
    for x in inputs:
        h = np.tanh(x * w + h * u + b)
        outputs.append(h)
    return np.array(outputs)


pulse = np.array([1.0] + [0.0] * 14)
echoes = {u: run_neuron(pulse, w=1.0, u=u) for u in (0.0, 0.5, 0.9, -0.9)}

figure, ax = plt.subplots(figsize=(8, 3.6))
for (u, echo), colour, marker in zip(echoes.items(), CYCLE, "osD^", strict=False):
    ax.plot(range(1, 16), echo, color=colour, marker=marker, ms=4, label=f"u = {u:g}")
ax.axhline(0, color=GREY, lw=0.8)
finish(
    ax,
    title="One recurrent neuron after a single pulse",
    xlabel="step (the pulse is the input of step 1)",
    ylabel="output h (no unit)",
)
plt.show()

for u, echo in echoes.items():
    print(f"u = {u:4.1f}: output at step 10 is {echo[9] / echo[0]:8.4f} of step 1")
assert not echoes[0.0][1:].any()  # without u nothing is remembered
assert (np.sign(echoes[-0.9]) == [1, -1] * 7 + [1]).all()
assert abs(echoes[0.5][9] / echoes[0.5][0]) < 0.5**9

# %% [markdown]
# With $u = 0$ the neuron forgets at once. Otherwise it remembers: the nearer $|u|$ is
# to 1, the longer, and a negative $u$ swings. Each step multiplies what is left by at
# most $|u|$, a product that comes back in section 8.

# %% [markdown]
# ## 2. Unrolling, and a mini-batch by hand
#
# In a layer each neuron sees the outputs of all. To *unroll* it is to write out the
# loop: one copy of the cell for each step, all with the same weights.


# %%
def draw_cells(ax, reads, writes, title, feeds_back=()):
    """Draw cells side by side; `reads` and `writes` name inputs and outputs by step.

    A dashed arrow leads from the output of a step in `feeds_back` to the next cell.
    """
    arrow = {"arrowstyle": "->", "color": BLACK, "shrinkA": 0, "shrinkB": 0}
    n_steps = max({*reads, *writes})
    for step in range(1, n_steps + 1):
        ax.add_patch(plt.Rectangle((step - 0.3, 0.78), 0.6, 0.44, fc="w", ec=BLACK))
        ax.text(step, 1, "cell", ha="center", va="center", fontsize=8)
        if step in reads:
            ax.annotate("", (step, 0.78), (step, 0.25), arrowprops=arrow)
            ax.text(step, 0.05, reads[step], ha="center", va="center", color=BLUE)
        if step in writes:
            ax.annotate("", (step, 1.75), (step, 1.22), arrowprops=arrow)
            ax.text(step, 1.95, writes[step], ha="center", va="center", color=ORANGE)
        if step in feeds_back:
            dashed = arrow | {"ls": "--", "color": ORANGE}
            ax.annotate("", (step + 0.8, 1.22), (step + 0.2, 1.85), arrowprops=dashed)
        if step < n_steps:
            ax.annotate("", (step + 0.7, 1), (step + 0.3, 1), arrowprops=arrow)
    ax.set(xlim=(0.4, n_steps + 0.6), ylim=(-0.2, 2.2), title=title)
    ax.axis("off")


def named(letter, *numbers):
    """Name the inputs or outputs of steps 1, 2, ...; None where a step has none."""
    return {
        step: f"${letter}_{number}$"
        for step, number in enumerate(numbers, start=1)
        if number is not None
    }


figure, (folded, unrolled_ax) = plt.subplots(
    1, 2, figsize=(8, 2.4), width_ratios=(1, 3)
)
draw_cells(folded, named("x", "t"), named("y", "t"), "folded")
folded.annotate(
    "",
    (1.3, 0.85),
    (1.3, 1.15),
    arrowprops={
        "arrowstyle": "->",
        "connectionstyle": "arc3,rad=-2.2",
        "shrinkA": 0,
        "shrinkB": 0,
    },
)
folded.text(1.68, 1, "$h$", va="center", ha="center")
folded.set_xlim(0.2, 1.8)
draw_cells(
    unrolled_ax,
    named("x", 1, 2, 3, 4),
    named("y", 1, 2, 3, 4),
    "unrolled over four steps",
)
for step in (1, 2, 3):
    unrolled_ax.text(step + 0.5, 1.1, f"$h_{step}$", ha="center")
plt.show()

# %% [markdown]
# The arrows between the cells are the state. Now two steps by hand, for 4 windows, 3
# features and 5 neurons:
#
# $$H_1 = \tanh(X_1 W + b), \qquad H_2 = \tanh(X_2 W + H_1 U + b)$$

# %%
random = np.random.default_rng(0)
n_windows, n_steps, n_features, units = 4, 2, 3, 5
batch = random.normal(size=(n_windows, n_steps, n_features)).astype(np.float32)
W = random.normal(0, 0.5, (n_features, units)).astype(np.float32)
U = random.normal(0, 0.4, (units, units)).astype(np.float32)
b = random.normal(0, 0.1, units).astype(np.float32)

H1 = np.tanh(batch[:, 0] @ W + b)
H2 = np.tanh(batch[:, 1] @ W + H1 @ U + b)
by_hand = np.stack([H1, H2], axis=1)

layer = keras.layers.SimpleRNN(units, return_sequences=True)
layer.build(batch.shape)
layer.set_weights([W, U, b])
by_keras = layer(batch).numpy()

print("states by hand, second step:\n", H2.round(4))
print("states by Keras, second step:\n", by_keras[:, 1].round(4))
print("largest difference over both steps:", np.abs(by_hand - by_keras).max())
assert by_hand.shape == by_keras.shape == (4, 2, 5)
assert np.abs(by_hand - by_keras).max() < 1e-6

# %% [markdown]
# The weights know nothing of the number of steps, so the layer reads sequences of any
# length, also if Keras writes the loop out into its graph (`unroll=True`).
# `forecaster.models.reference` has the loop for every cell in NumPy.

# %%
weights = Weights(*layer.get_weights())
written_out = keras.layers.SimpleRNN(units, return_sequences=True, unroll=True)
written_out.build((None, 30, n_features))
written_out.set_weights([W, U, b])

for n_steps in (2, 7, 30):
    longer = random.normal(size=(n_windows, n_steps, n_features)).astype(np.float32)
    reference = SimpleRNN().run(longer, weights).hidden
    difference = np.abs(reference - layer(longer).numpy()).max()
    print(f"{n_steps:2} steps, {layer.count_params()} weights: {difference:.0e} apart")
    assert difference < 1e-6
assert np.abs(written_out(longer) - layer(longer)).max() < 1e-6
assert layer.count_params() == units * (n_features + units + 1) == 45

# %% [markdown]
# ## 3. The shapes: one or many in, one or many out
#
# A layer can be fed a sequence or one value, and asked at every step or only at the
# last. Each combination is run on real windows: 8 LSTM units (or a pair of such
# layers), six epochs on the closes of 2012 to 2016, scaled to 0 … 1.
#
# | shape | `model.shape` | in plain Keras |
# |---|---|---|
# | one to one | `sequence_to_vector`, lookback 1 | nothing to unroll |
# | one to many | `vector_to_sequence` | `RepeatVector`, `return_sequences=True` |
# | many to one | `sequence_to_vector` | `return_sequences=False` |
# | many to many | `sequence_to_sequence` | `return_sequences=True` |
# | delayed many to many | `encoder_decoder` | one layer's state starts another |

# %%
SHAPES = {  # lookback, horizon, model.shape, what is asked
    "one to one": (1, 1, "sequence_to_vector", "one close → the next"),
    "one to many": (1, 5, "vector_to_sequence", "one close → the next five"),
    "many to one": (60, 1, "sequence_to_vector", "60 closes → the next"),
    "many to many": (60, 1, "sequence_to_sequence", "60 closes → at each, the next"),
    "delayed many to many": (60, 5, "encoder_decoder", "60 closes → the next five"),
}


def settings(cell, *more):
    return fc.load_config(
        "google",
        [
            f'model.layers=[{{cell="{cell}", units=8, dropout=0.0}}]',
            "training.learning_rate=0.01",
            *more,
        ],
    )


ran, rows = {}, []
for name, (lookback, horizon, shape, asked) in SHAPES.items():
    config = settings(
        "lstm",
        f"window.lookback={lookback}",
        f"window.horizon={horizon}",
        f"model.shape={shape}",
        "training.epochs=6",
    )
    trained = fc.train(prices, config, progress=False)
    windows = prepare_training(prices, config).training[-32:]
    outputs = np.asarray(trained.network(feed(windows, config)))
    ran[name] = windows, outputs
    losses = trained.history["loss"]
    rows.append(
        {
            "shape": name,
            "asked": asked,
            "input array": str(windows.inputs.shape),
            "output array": str(outputs.shape),
            "weights": trained.network.count_params(),
            "loss, epoch 1": losses.iloc[0],
            "loss, epoch 6": losses.iloc[-1],
        }
    )
    assert losses.iloc[-1] < losses.iloc[0]
table = pd.DataFrame(rows).set_index("shape")
assert list(table["output array"]) == [
    "(32, 1)",
    "(32, 5)",
    "(32, 1)",
    "(32, 60, 1)",
    "(32, 5)",
]
table.style.format(precision=4)

# %% [markdown]
# The arrays are one batch of 32 windows. Below, each shape, and what it read and
# answered at one origin. *One to many* repeats its one input. The decoder of *delayed
# many to many* reads the last close, then its own answers (dashed); in training it is
# shown the real closes instead (`model.teacher_forcing`, true by default).

# %%
figure, axes = plt.subplots(2, 5, figsize=(14, 5), height_ratios=(1, 1.7), sharey="row")
drawn = {  # inputs, outputs
    "one to one": (named("x", 1), named("y", 1)),
    "one to many": (named("x", 1, 1, 1), named("y", 1, 2, 3)),
    "many to one": (named("x", 1, 2, 3), named("y", None, None, 3)),
    "many to many": (named("x", 1, 2, 3), named("y", 1, 2, 3)),
    "delayed many to many": (named("x", 1, 2, 2), named("y", None, None, 3, 4, 5)),
}
origin = ran["one to many"][0].origins[-1]  # five sessions before the last
for (name, (windows, outputs)), (above, below) in zip(ran.items(), axes.T, strict=True):
    reads, writes = drawn[name]
    back = (3, 4) if name == "delayed many to many" else ()
    draw_cells(above, reads, writes, name, feeds_back=back)
    n_cells = max({*reads, *writes})
    spare = max(3 - n_cells, 0) / 2  # cells of the same width, in the middle
    above.set_xlim(0.4 - spare, n_cells + 0.6 + spare)
    place = int(np.flatnonzero(windows.origins == origin)[0])
    seen, answer = windows.inputs[place, :, 0], outputs[place].ravel()
    lookback = len(seen)
    first = 1 if name != "many to many" else 2 - lookback
    read_at = np.arange(1 - lookback, 1)
    answered_at = np.arange(first, first + len(answer))
    dots = {"marker": "o", "ms": 4}
    below.plot(
        read_at, seen, color=BLUE, lw=1.6, label="read", **dots if lookback == 1 else {}
    )
    below.plot(
        answered_at,
        answer,
        color=ORANGE,
        lw=1.2,
        label="answered",
        **{"ls": "--"} if name == "many to many" else dots,
    )
    below.set(xlim=(-22, 6.5), ylim=(0.86, 1.0))
    below.set_xlabel(f"session (0: {pd.Timestamp(origin):%d %b %Y})")
axes[1, 0].set_ylabel("scaled close\n(0, 1: extremes of training)")
axes[1, 0].legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# Blue is what a network read (of 60 sessions the last 23 are shown), orange what it
# answered; in *many to many*, at each session the answer given one session before. Six
# epochs are few: see only where inputs go in and answers come out.

# %% [markdown]
# ## 4. Memory cells
#
# A cell that hands a state from step to step is called a memory cell. Nothing else
# comes through from the past, so a sequence may be cut anywhere if the state is handed
# on. Below, untrained layers read 60 closes at once, and in parts of 50 and 10 with the
# state handed on or lost.

# %%
config = settings("lstm")
data = prepare_training(prices, config)
sixty = data.training.inputs[::300]  # four windows of 60 scaled closes
handed, lost, kept = {}, {}, {}
for kind in ("SimpleRNN", "GRU", "LSTM"):
    layer = getattr(keras.layers, kind)(8, return_state=True)
    whole, *state_after = layer(sixty)
    _, *state_between = layer(sixty[:, :50])
    in_parts = layer(sixty[:, 50:], initial_state=state_between)[0]
    fresh = layer(sixty[:, 50:])[0]
    kept[kind] = [tuple(state.shape) for state in state_after]
    handed[kind] = np.abs(whole - in_parts).max()
    lost[kind] = np.abs(whole - fresh).max()
    assert handed[kind] < 1e-6
    assert lost[kind] > 1e-5
memory = pd.DataFrame(
    {"state [windows, units]": kept, "state handed on": handed, "state lost": lost}
)
assert [len(states) for states in kept.values()] == [1, 1, 2]
assert min(lost, key=lost.get) == "GRU"
memory.style.format("{:.0e}", subset=["state handed on", "state lost"])

# %% [markdown]
# The right columns are the largest difference from reading all at once. With the state
# handed on there is only rounding. With it lost, the untrained GRU is off by least. The
# LSTM has two states: $h$, which it shows, and $c$, which it keeps to itself.

# %% [markdown]
# ## 5. The LSTM, watched
#
# The long short-term memory (Hochreiter & Schmidhuber 1997; forget gate by Gers,
# Schmidhuber & Cummins 2000) adds a cell state $c$, changed by gates between 0 and 1:
#
# $$
# \begin{aligned}
# f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) && \text{forget: what stays} \\
# i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) && \text{input: what enters} \\
# \tilde c_t &= \tanh(x_t W_c + h_{t-1} U_c + b_c) && \text{candidate} \\
# o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) && \text{output: what is shown} \\
# c_t &= f_t \odot c_{t-1} + i_t \odot \tilde c_t \\
# h_t &= o_t \odot \tanh(c_t)
# \end{aligned}
# $$
#
# ### On price levels
#
# One of 8 units learns to forecast the next close. We watch it read the 60 sessions to
# 28 August 2015, with a jump of 16% on 17 July, after earnings. They are part of the
# training range: this shows how the cell works, not what forecasts are worth.

# %%
lstm = fc.train(prices, settings("lstm", "training.epochs=20"), progress=False)
price_layer, dense = lstm.network.layers[1], lstm.network.layers[-1]
chosen = int(np.flatnonzero(data.training.origins == np.datetime64("2015-08-28"))[0])
window = data.training.inputs[chosen : chosen + 1]
sessions = prices.index[prices.index <= "2015-08-28"][-60:]
closes = prices["close"].loc[sessions]
JUMP = int(sessions.get_loc("2015-07-17"))

watched = LSTM().run(window, Weights(*price_layer.get_weights()))
V, bias = dense.get_weights()
by_hand = lstm.scaler.inverse(watched.hidden[0, -1] @ V + bias, "close")[0]
by_library = lstm.predict(prices, as_of="2015-08-28").price[0]
moves = closes.pct_change()
fall = closes["2015-08-24"] / closes["2015-08-17"] - 1
print(f"17 July: {moves.iloc[JUMP]:+.1%}; from 17 to 24 August: {fall:+.1%}")
print(f"forecast for 31 August by hand {by_hand:.4f}, by the library {by_library:.4f}")
assert np.allclose(lstm.scaler.inverse(window[0, :, 0], "close"), closes, rtol=1e-6)
assert abs(by_hand - by_library) < 1e-4
assert moves.iloc[JUMP] == moves.max()
assert 0.155 < moves.max() < 0.165

# %% [markdown]
# The NumPy cell with the trained weights gives the library's own forecast, so its gates
# are the network's.


# %%
def draw_gates(watched, states, title):
    """Draw the closes, and each gate and state of every unit as a map."""
    maps = {
        **{f"{name} gate": kept for name, kept in watched.gates.items()},
        **states,
    }
    maps = {name.replace("candidate gate", "candidate"): m for name, m in maps.items()}
    figure, axes = plt.subplots(
        len(maps) + 1, 1, figsize=(10, 2 + 1.25 * len(maps)), sharex=True
    )
    axes[0].plot(range(60), closes, color=BLACK, lw=1.4)
    axes[0].set(ylabel="close\n(US dollars)", title=title, xlim=(-0.5, 59.5))
    for ax, (name, kept) in zip(axes[1:], maps.items(), strict=True):
        is_gate = name.endswith("gate")
        largest = 1 if is_gate or name == "candidate" else np.abs(kept).max()
        image = ax.imshow(
            kept[0].T,
            aspect="auto",
            cmap="cividis" if is_gate else "PuOr",
            vmin=0 if is_gate else -largest,
            vmax=largest,
            interpolation="nearest",
        )
        ax.set(ylabel=f"{name}\n(unit)", yticks=range(0, 8, 2))
        ax.set_yticklabels(range(1, 9, 2))
        figure.colorbar(image, ax=ax, pad=0.01, aspect=8)
        ax.axvline(JUMP, color="white" if is_gate else BLACK, ls=":", lw=1.2)
    axes[0].axvline(JUMP, color=GREY, ls=":", lw=1.2)
    shown = range(3, 60, 8)
    axes[-1].set_xticks(shown, [f"{sessions[place]:%d %b}" for place in shown])
    axes[-1].set_xlabel("session of 2015")
    plt.show()


draw_gates(
    watched,
    {"cell state": watched.cell},
    "LSTM that reads price levels, GOOG; dotted: 17 July 2015",
)
widest = {
    name: np.ptp(watched.gates[name][0, 5:], axis=0).max()
    for name in ("input", "forget", "output")
}
print("widest range of any unit's gate after the fifth session of this window:")
print({name: float(width.round(3)) for name, width in widest.items()})


def freeze_gates(layer, windows):
    """Return the last hidden states as they are, and with each gate at its mean."""
    run = LSTM().run(windows.inputs, Weights(*layer.get_weights()))
    mean = {name: kept.mean(axis=1) for name, kept in run.gates.items()}
    c = np.zeros_like(mean["forget"])
    for step in range(60):
        c = mean["forget"] * c + mean["input"] * run.gates["candidate"][:, step]
    return run.hidden[:, -1], mean["output"] * np.tanh(c)


def in_dollars(scaled):
    return lstm.scaler.inverse(scaled.ravel(), "close")


def root_mean_square(values):
    return float(np.sqrt(np.mean(values**2)))


as_it_is, frozen = (
    in_dollars(hidden @ V + bias) for hidden in freeze_gates(price_layer, data.training)
)
actual = in_dollars(data.training.targets)
last_close = in_dollars(data.training.inputs[:, -1, 0])
cents = {
    "day's move (error of last value)": root_mean_square(actual - last_close),
    "freezing moves the forecast by": root_mean_square(frozen - as_it_is),
    "error of the network": root_mean_square(as_it_is - actual),
    "error with frozen gates": root_mean_square(frozen - actual),
}
print(f"\nUS dollars, root mean square over {len(actual)} training windows:")
for name, amount in cents.items():
    print(f"{name:34}{amount:.3f}")
move, shift, own_error, frozen_error = cents.values()
assert max(widest.values()) < 0.07
assert 0.7 < shift / move < 0.8
assert 1.05 < frozen_error / own_error < 1.12
assert own_error > move

# %% [markdown]
# Each row of a map is one unit; a gate of 1 is open, 0 shut. Even a jump of 16% moves
# no gate by more than 0.07. Yet freeze every gate at its mean over the window, so that
# the cell state is a moving average, $c_t = \bar f c_{t-1} + \bar\imath\,\tilde c_t$,
# and over the training range the forecast shifts by three quarters of a day's move. The
# error, larger than last value's anyway, grows by a twelfth. Small motions count where
# an answer must be exact to within a day's move.
#
# ### The same cell where it has something to decide
#
# Now the cell reads standardised returns, $\ln(p_t / p_{t-1})$, and forecasts quantiles
# of the next one. Calm and rough times have to be told apart, so there is something to
# remember and to forget.

# %%
RETURNS = (
    "features.columns=['log_return']",
    "features.scaling=standard",
    "target.form=log_return",
    "model.head=quantiles",
    "training.epochs=20",
)


def watch(cell, kind):
    """Train on returns; return the training, its windows, and the cell's way."""
    config = settings(kind, *RETURNS)
    trained = fc.train(prices, config, progress=False)
    windows = prepare_training(prices, config).training
    place = int(np.flatnonzero(windows.origins == np.datetime64("2015-08-28"))[0])
    layer = trained.network.layers[1]
    one = windows.inputs[place : place + 1]
    run = cell.run(one, Weights(*layer.get_weights()))
    assert np.abs(run.hidden[:, -1] - np.asarray(layer(one))).max() < 1e-5
    return trained, windows, run


on_returns, windows, watched = watch(LSTM(), "lstm")
lstm_layer, returns_dense = on_returns.network.layers[1:3]
draw_gates(
    watched,
    {"cell state": watched.cell, "hidden state": watched.hidden},
    "LSTM that reads returns, GOOG; dotted: 17 July 2015",
)
widest = {
    name: np.ptp(watched.gates[name][0, 5:], axis=0).max()
    for name in ("input", "forget", "output")
}
print({name: float(width.round(3)) for name, width in widest.items()})
on_the_day = watched.gates["forget"][0, JUMP]
print("forget gates of the 8 units on 17 July:", on_the_day.round(2))
assert min(widest.values()) > 0.5
assert on_the_day.min() < 0.1
assert on_the_day.max() > 0.9

model = on_returns.config.model
V_returns, bias_returns = returns_dense.get_weights()
own_quantiles, frozen_quantiles = (
    read_answer((hidden @ V_returns + bias_returns)[:, None], model).quantiles
    for hidden in freeze_gates(lstm_layer, windows)
)
constant = np.broadcast_to(
    np.quantile(windows.targets, model.quantiles), own_quantiles.shape
)
answered = {
    "the network": own_quantiles,
    "with frozen gates": frozen_quantiles,
    "constant quantiles": constant,
}
pinball_loss = {
    name: pinball(windows.targets, quantiles, model.quantiles)
    for name, quantiles in answered.items()
}
print(f"pinball loss over {len(windows.targets)} training windows, scaled returns:")
print({name: round(loss, 4) for name, loss in pinball_loss.items()})
own_loss, frozen_loss, constant_loss = pinball_loss.values()
assert 0.95 < own_loss / constant_loss < 0.97
assert frozen_loss > constant_loss

# %% [markdown]
# Now the gates work. The jump drives them to both ends: some units drop what they held,
# others keep all of it and add to it. Late August does it again. Frozen at their means,
# they lose all that the network had gained over constant quantiles, about 4%. One unit
# in lines:

# %%
unit = int(np.argmax(np.ptp(watched.cell[0, JUMP - 5 : JUMP + 5], axis=0)))
half_life = np.log(0.5) / np.log(watched.gates["forget"][0]).mean(axis=0)
returns = 100 * np.log(prices["close"]).diff().loc[sessions]

figure, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(10, 6.5), sharex=True, height_ratios=(1, 1.4, 1.2)
)
top.bar(range(60), returns, color=BLACK)
top.set(ylabel="log return\n(100 times)", title=f"The gates of unit {unit + 1}")
marks = {"forget": "-", "input": "--", "output": ":", "candidate": "-."}
for (name, style), colour in zip(marks.items(), CYCLE, strict=False):
    middle.plot(
        range(60), watched.gates[name][0, :, unit], style, color=colour, label=name
    )
middle.set_ylabel("gate, candidate\n(no unit)")
middle.legend(ncols=4, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.98))
bottom.plot(range(60), watched.cell[0, :, unit], color=BLUE, label="cell state c")
bottom.plot(range(60), watched.hidden[0, :, unit], "--", color=ORANGE, label="hidden h")
bottom.set(ylabel="state\n(no unit)", xlabel="session of 2015", xlim=(-0.5, 59.5))
bottom.legend(frameon=False)
shown = range(3, 60, 8)
bottom.set_xticks(shown, [f"{sessions[place]:%d %b}" for place in shown])
for ax in (top, middle, bottom):
    ax.axvline(JUMP, color=GREY, ls=":")
plt.show()

# %% [markdown]
# This is the unit whose cell state moves most around the jump (dotted). With its gates
# open and its candidate near 1 it keeps what it had and adds as much again. Below, that
# step in numbers, and in how many sessions half of what each unit kept is gone:
# $\ln 0.5$ over the mean of $\ln f_t$.

# %%
gates = {name: kept[0, JUMP, unit] for name, kept in watched.gates.items()}
c_before = watched.cell[0, JUMP - 1, unit]
c = gates["forget"] * c_before + gates["input"] * gates["candidate"]
h = gates["output"] * np.tanh(c)
print(
    f"c = {gates['forget']:.3f} * {c_before:.3f} "
    f"+ {gates['input']:.3f} * {gates['candidate']:.3f} = {c:.3f}\n"
    f"h = {gates['output']:.3f} * tanh({c:.3f}) = {h:.3f}\n"
    f"half-lives of the 8 units, in sessions: {half_life.round(1)}"
)
assert min(gates.values()) > 0.9
assert 1.8 < c / c_before < 2.2
assert np.isclose(c, watched.cell[0, JUMP, unit])
assert np.isclose(h, watched.hidden[0, JUMP, unit])

# %% [markdown]
# ## 6. The GRU beside it
#
# The gated recurrent unit (Cho et al. 2014) has one state and two gates. What the
# update gate $z$ does not keep, it replaces. In Keras' usual form, `reset_after=True`,
# the reset gate $r$ acts *after* the product with $U_h$, and there are two biases, $b$
# and $d$:
#
# $$
# \begin{aligned}
# z_t &= \sigma(x_t W_z + b_z + h_{t-1} U_z + d_z) \\
# r_t &= \sigma(x_t W_r + b_r + h_{t-1} U_r + d_r) \\
# \tilde h_t &= \tanh\bigl(x_t W_h + b_h + r_t \odot (h_{t-1} U_h + d_h)\bigr) \\
# h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t
# \end{aligned}
# $$
#
# In the paper's form, `reset_after=False`, there is no $d$, and
# $\tilde h_t = \tanh\bigl(x_t W_h + b_h + (r_t \odot h_{t-1})\,U_h\bigr)$. Chung et al.
# (2014) write $z$ and $1 - z$ the other way round.

# %%
on_returns, _, watched_gru = watch(GRU(), "gru")
gru_layer = on_returns.network.layers[1]
draw_gates(
    watched_gru,
    {"hidden state": watched_gru.hidden},
    "GRU that reads returns, the same 60 sessions; dotted: 17 July 2015",
)

# %% [markdown]
# Where the update gate is near 1 (yellow) a unit keeps its state; near 0 (blue) it
# takes the candidate. The whole state is shown.
#
# The number of weights, with $n$ features and $m$ units:

# %%
formulas = {
    "SimpleRNN": lambda n, m: m * (n + m + 1),
    "GRU, reset before": lambda n, m: 3 * m * (n + m + 1),
    "GRU, reset after": lambda n, m: 3 * m * (n + m + 2),
    "LSTM": lambda n, m: 4 * m * (n + m + 1),
}
makers = {
    "SimpleRNN": keras.layers.SimpleRNN,
    "GRU, reset before": partial(keras.layers.GRU, reset_after=False),
    "GRU, reset after": keras.layers.GRU,
    "LSTM": keras.layers.LSTM,
}
cells = {
    "SimpleRNN": SimpleRNN(),
    "GRU, reset before": GRU(reset_after=False),
    "GRU, reset after": GRU(),
    "LSTM": LSTM(),
}
words = ["m (n + m + 1)", "3 m (n + m + 1)", "3 m (n + m + 2)", "4 m (n + m + 1)"]
counts = pd.DataFrame({"formula": words}, index=list(formulas))
difference = {}
for n, m in ((1, 8), (1, 50), (50, 50)):
    column = []
    for name, make in makers.items():
        layer = make(m)
        layer.build((None, None, n))
        column.append(layer.count_params())
        assert column[-1] == formulas[name](n, m)
        layer.set_weights([random.normal(0, 0.3, w.shape) for w in layer.get_weights()])
        several = random.normal(size=(4, 20, n)).astype(np.float32)
        ours = cells[name].run(several, Weights(*layer.get_weights())).hidden[:, -1]
        difference[name] = max(
            difference.get(name, 0), np.abs(ours - layer(several).numpy()).max()
        )
    counts[f"n = {n}, m = {m}"] = column
counts["NumPy - Keras, largest"] = difference
assert max(difference.values()) < 1e-5
assert lstm_layer.count_params() == 320
assert gru_layer.count_params() == 264
counts.style.format("{:.0e}", subset=["NumPy - Keras, largest"])

# %% [markdown]
# The last column holds the NumPy cells against Keras, with random weights over 20
# steps: single precision is left.

# %% [markdown]
# ## 7. Back-propagation through time, by hand
#
# To learn, the loss $L$ is differentiated through all copies of the cell, from the last
# step to the first (Werbos 1990). For the simple cell, with $\delta_t$ the gradient at
# $a_t = x_t W + h_{t-1} U + b$, none after the last step:
#
# $$
# \begin{aligned}
# g_t &= \frac{\partial L}{\partial h_t} + \delta_{t+1} U^\top
#        && \text{as an output, and through all later steps} \\
# \delta_t &= g_t \odot (1 - h_t^2) && \text{through the activation} \\
# \frac{dL}{dW} &= \sum_t x_t^\top \delta_t, \quad
# \frac{dL}{dU} = \sum_t h_{t-1}^\top \delta_t, \quad
# \frac{dL}{db} = \sum_t \delta_t && \text{sums, as weights are shared}
# \end{aligned}
# $$
#
# The network: 6 simple units, a dense output $\hat y = h_T V + c$ after 60 closes, the
# mean squared error over 16 real windows, double precision.


# %%
def loss_of(x, y, W, U, b, V, c):
    """Go forward; return the loss, the states (from step 0 on), and the error."""
    states = [np.zeros((len(x), len(U)))]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] @ W + states[-1] @ U + b))
    error = states[-1] @ V + c - y
    return np.mean(error**2), states, error


def back_through_time(x, y, W, U, b, V, c):
    """Return the gradients of all five weights, and each step's share in dL/dU."""
    _, states, error = loss_of(x, y, W, U, b, V, c)
    d_answer = 2 * error / len(x)  # dL/dy-hat; one output for each window
    dV, dc = states[-1].T @ d_answer, d_answer.sum(axis=0)
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    shares = []
    g = d_answer @ V.T  # only the last state is an output
    for t in reversed(range(x.shape[1])):
        delta = g * (1 - states[t + 1] ** 2)
        dW += x[:, t].T @ delta
        dU += states[t].T @ delta
        db += delta.sum(axis=0)
        shares.insert(0, states[t].T @ delta)
        g = delta @ U.T
    return [dW, dU, db, dV, dc], shares


x = data.training.inputs[::75].astype(np.float64)
y = data.training.targets[::75].astype(np.float64)


def keras_network(layer):
    network = keras.Sequential(
        [
            keras.Input((60, 1), dtype="float64"),
            layer,
            keras.layers.Dense(1, dtype="float64"),
        ]
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((network(x) - y) ** 2)
    gradients = tape.gradient(loss, network.trainable_variables)
    return network, loss.numpy(), [gradient.numpy() for gradient in gradients]


def relative(found, wanted):
    """Return the largest difference, relative to the largest gradient."""
    return np.abs(found - wanted).max() / np.abs(wanted).max()


network, keras_loss, keras_gradients = keras_network(
    keras.layers.SimpleRNN(6, dtype="float64")
)
at = [weight.astype(np.float64) for weight in network.get_weights()]
gradients, shares = back_through_time(x, y, *at)
names = ["W", "U", "b", "V", "c"]
rows = [
    (f"dL/d{name}", str(ours.shape), np.linalg.norm(ours), relative(ours, theirs))
    for name, ours, theirs in zip(names, gradients, keras_gradients, strict=True)
]
print(f"loss by hand {loss_of(x, y, *at)[0]:.10f}, by Keras {keras_loss:.10f}")
assert x.shape == (16, 60, 1)
assert all(row[3] < 1e-10 for row in rows)
pd.DataFrame(rows, columns=["gradient", "shape", "norm", "difference"]).set_index(
    "gradient"
).style.format({"norm": "{:.4f}", "difference": "{:.0e}"})

# %% [markdown]
# Every gradient agrees with TensorFlow's to more than ten digits. A second proof: move
# one weight a little and watch the loss. The longer formulas of the gated cells
# (`forecaster.models.reference`) are held against Keras too.

# %%
moved_up, moved_down = ([w.copy() for w in at] for _ in range(2))
moved_up[1][2, 3] += 1e-6
moved_down[1][2, 3] -= 1e-6
slope = (loss_of(x, y, *moved_up)[0] - loss_of(x, y, *moved_down)[0]) / 2e-6
print(f"dL/dU[2, 3]: by hand {gradients[1][2, 3]:.9f}, by moving it {slope:.9f}")
assert np.isclose(slope, gradients[1][2, 3], rtol=1e-5, atol=1e-9)

worst = {}
for name, make in makers.items():
    network, _, theirs = keras_network(make(6, dtype="float64"))
    *of_cell, V, c = network.get_weights()
    run = cells[name].run(x, Weights(*of_cell))
    d_answer = 2 * (run.hidden[:, -1] @ V + c - y) / len(x)
    ours = cells[name].backpropagate(run, only_last_step(d_answer @ V.T, 60))
    of_cell = [ours.kernel, ours.recurrent_kernel, ours.bias]
    worst[name] = max(map(relative, of_cell, theirs))
    print(f"{name:18} largest difference from TensorFlow's gradients {worst[name]:.0e}")
assert max(worst.values()) < 1e-10

# %% [markdown]
# Since the gradient is a sum over steps, each step's share can be looked at alone.

# %%
norms = np.array([np.linalg.norm(share) for share in shares])
ago = np.arange(59, -1, -1)
figure, ax = plt.subplots(figsize=(8, 3.4))
ax.semilogy(ago[1:], norms[1:], color=BLUE, marker="o", ms=3)
ax.invert_xaxis()
ax.set_yticks([0.05, 0.1, 0.2, 0.5, 1], ["0.05", "0.1", "0.2", "0.5", "1"])
ax.minorticks_off()
finish(
    ax,
    title="What each step of 60 closes adds to the gradient of the recurrent kernel",
    xlabel="steps before the last",
    ylabel="norm of the step's share\nin dL/dU (log axis)",
)
plt.show()
total = norms[1:].sum()
print(f"the last 10 steps give {norms[-10:].sum() / total:.0%} of the sum of the norms")
assert np.allclose(sum(shares), gradients[1])
assert norms[-10:].mean() > 5 * norms[1:11].mean()
assert norms[0] == 0  # the state before the first step is zero

# %% [markdown]
# Time runs to the right: the further back a step lies, the less it says in how the
# weights move.

# %% [markdown]
# ## 8. Vanishing and exploding gradients, measured
#
# From the last state back to an earlier one, the gradient goes through the same matrix
# again and again:
#
# $$\frac{dL}{dh_{T-k}} = \frac{dL}{dh_T}
#   \prod_{s=0}^{k-1} \mathrm{diag}\bigl(\varphi'(a_{T-s})\bigr)\,U^\top
#   \qquad \text{(factors from left to right)}$$
#
# Without an activation ($\varphi' = 1$) the norm goes as $\rho^k$ in the long run, with
# $\rho$ the spectral radius of $U$. With $\tanh$, $\varphi' \le 1$ shrinks it further.
# Below, a random $U$ of 32 units is scaled to five radii; a gradient of norm 1 is put
# in at the last step and its norm taken at each earlier one, as a geometric mean over
# 12 real windows.


# %%
def gradient_norms(cell, weights, windows, random):
    """Return the norm of dL/d(state) at 0, 1, ... steps before the last, by window.

    The gradient put in at the last hidden state is random and of norm 1.
    """
    run = cell.run(windows, weights)
    last = random.normal(size=(len(windows), weights.units))
    last /= np.linalg.norm(last, axis=1, keepdims=True)
    state_gradients = (last, *[np.zeros_like(last)] * (cell.n_states - 1))
    norms = []
    for step in reversed(range(windows.shape[1])):
        norms.append(np.linalg.norm(np.hstack(state_gradients), axis=1))
        state_gradients = cell.step_back(run, step, state_gradients).initial_state
    return np.array(norms)


real_windows = data.training.inputs[::100].astype(np.float64)
assert len(real_windows) == 12
random = np.random.default_rng(0)
units = 32
U = random.normal(size=(units, units))
U /= np.abs(np.linalg.eigvals(U)).max()  # now of spectral radius 1
W, b = random.normal(0, 0.5, (1, units)), np.zeros(units)
radii = (0.5, 0.9, 1.0, 1.1, 1.5)
of_windows = {
    (activation, radius): gradient_norms(
        SimpleRNN(activation), Weights(W, radius * U, b), real_windows, random
    )
    for activation in ("linear", "tanh")
    for radius in radii
}
measured = {key: np.exp(np.log(n).mean(axis=1)) for key, n in of_windows.items()}

figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True)
for ax, activation in zip(axes, ("linear", "tanh"), strict=True):
    for radius, colour, style in zip(
        radii, CYCLE, ("-", "--", ":", "-.", (0, (5, 1))), strict=False
    ):
        ax.semilogy(
            measured[activation, radius],
            color=colour,
            ls=style,
            label=f"radius {radius}",
        )
    ax.set(xlabel="steps before the last", xlim=(0, 59))
    ax.set_title(f"{activation} activation")
    ax.grid(alpha=0.25)
axes[0].set_ylabel("norm of the state's gradient\n(log axis; 1 at the last step)")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# A constant factor per step is a straight line on a log axis. After a first bend the
# lines are nearly that, but for $\tanh$ at 1.5: flat where states are saturated, rising
# over the first steps read, where they are not yet, since they begin at 0. The table
# has the factor between 19 and 59 steps before the last.

# %%
rows = []
for (activation, radius), norms in measured.items():
    per_step = (norms[59] / norms[19]) ** (1 / 40)
    rows.append((activation, radius, norms[10], norms[59], per_step))
columns = ["activation", "radius", "after 10 steps", "after 59", "factor per step"]
rates = pd.DataFrame(rows, columns=columns).set_index(["activation", "radius"])
factor = rates["factor per step"]
for radius in radii:
    assert abs(factor["linear", radius] / radius - 1) < 0.01
    assert factor["tanh", radius] < factor["linear", radius]
assert rates.loc[("linear", 0.5), "after 59"] < 1e-16
assert rates.loc[("linear", 1.5), "after 59"] > 1e9
run = SimpleRNN("tanh").run(real_windows, Weights(W, 1.5 * U, b))
slopes = (1 - run.hidden**2).mean(axis=(0, 2))
grown = int((of_windows["tanh", 1.1][59] > 1).sum())
print(f"mean tanh' at radius 1.5: first 10 steps {slopes[:10].mean():.2f}, ", end="")
print(f"last 40 {slopes[-40:].mean():.2f}")
print(f"radius 1.1 with tanh: the gradient has grown in {grown} of 12 windows")
assert slopes[:10].mean() > slopes[-40:].mean() + 0.08
assert factor["tanh", 1.1] < 1
assert grown == 3
by_level = np.argsort(real_windows.mean(axis=(1, 2)))
assert (of_windows["tanh", 1.1][59, by_level[:3]] > 1).all()
rates.reset_index().style.hide().format(
    dict.fromkeys(columns[2:4], "{:.1e}")
    | {"radius": "{:.1f}", "factor per step": "{:.3f}"}
)

# %% [markdown]
# Without an activation the factor is the spectral radius to within 1%. At 0.5, what
# happened 59 steps ago has less than $10^{-16}$ of the last step's weight: it
# *vanishes*. At 1.5 the gradient grows more than a billion times: it *explodes*, and
# one update can undo all training. The $\tanh$ shrinks both: at 1.1 the gradient still
# grows in the three windows of the lowest prices, which saturate least, and not in the
# others.

# %% [markdown]
# ## 9. The cures, measured
#
# ### Against explosion: clipping
#
# Clipping by norm (Pascanu, Mikolov & Bengio 2013) limits a gradient's length to a
# threshold $\theta$ and leaves its direction:
#
# $$g \leftarrow g \cdot \min\left(1,\ \theta / \lVert g \rVert\right)$$
#
# Here $\lVert g \rVert$ is the norm of all gradients together; `training.clip_norm`
# limits each weight array apart. A linear network of 8 units, with $U$ at spectral
# radius 1.02, learns the next close by 200 updates of gradient descent on 16 windows,
# from eight random starts.


# %%
def descend(seed, clip, rate, n_updates=200):
    """Return the loss and the gradient's norm before each update."""
    random = np.random.default_rng(seed)
    U = random.normal(size=(8, 8))
    U *= 1.02 / np.abs(np.linalg.eigvals(U)).max()
    W, b = random.normal(0, 0.1, (1, 8)), np.zeros(8)
    V, c = random.normal(0, 0.1, (8, 1)), np.zeros(1)
    cell, rows = SimpleRNN("linear"), []
    for _ in range(n_updates):
        run = cell.run(x, Weights(W, U, b))
        error = run.hidden[:, -1] @ V + c - y
        if np.abs(error).max() > 1e5:  # beyond repair: squares would overflow
            return np.array([*rows, (1e10, np.nan)])
        loss = np.mean(error**2)
        d_answer = 2 * error / len(x)
        found = cell.backpropagate(run, only_last_step(d_answer @ V.T, 60))
        gradients = [
            found.kernel,
            found.recurrent_kernel,
            found.bias,
            run.hidden[:, -1].T @ d_answer,
            d_answer.sum(axis=0),
        ]
        norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
        rows.append((loss, norm))
        factor = min(1.0, clip / norm)
        for weight, gradient in zip((W, U, b, V, c), gradients, strict=True):
            weight -= rate * factor * gradient
    return np.array(rows)


WAYS = {  # threshold, rate, line
    "not clipped, rate 0.01": (np.inf, 0.01, {"color": ORANGE, "ls": "--"}),
    "clipped at 10, rate 0.01": (10.0, 0.01, {"color": BLUE, "ls": "-"}),
    "not clipped, rate 0.001": (np.inf, 0.001, {"color": GREEN, "ls": "-."}),
}
descents = {
    name: [descend(seed, clip, rate) for seed in range(8)]
    for name, (clip, rate, _) in WAYS.items()
}
SHOWN = 1
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8))
titles = ("Loss", "Norm of the gradient")
for column, (ax, title) in enumerate(zip(axes, titles, strict=True)):
    for name, (_, _, line) in WAYS.items():
        rows = descents[name][SHOWN]
        marks = {"marker": "s", "ms": 4} if len(rows) < 50 else {}
        ax.semilogy(
            range(1, len(rows) + 1), rows[:, column], **line, **marks, label=name
        )
    ax.set(xlabel="update", title=f"{title}, start {SHOWN}")
    ax.grid(alpha=0.25)
axes[0].set_ylim(3e-4, 1e3)
axes[0].set_ylabel("mean squared error\n(scaled closes squared, log axis)")
axes[1].axhline(10, color=GREY, lw=1, ls=":", label="threshold 10")
axes[1].set_ylim(1e-2, 1e4)
axes[1].set_ylabel("norm before clipping\n(log axis)")
axes[1].legend(frameon=False, loc="upper right")
plt.show()

last_loss = pd.DataFrame(
    {
        name: [rows[-1, 0] if len(rows) == 200 else np.nan for rows in of_seeds]
        for name, of_seeds in descents.items()
    }
).rename_axis("start")
n_clipped = [int((rows[:, 1] > 10).sum()) for rows in descents[list(WAYS)[1]]]
unclipped, clipped, slow = (last_loss[name] for name in WAYS)
assert list(unclipped.isna()) == [False, True, True, False, True, False, True, False]
assert slow.isna().sum() == 1
assert clipped.notna().all()
assert unclipped[5] < clipped[5]
assert (clipped.drop(5) <= unclipped.drop(5).fillna(np.inf)).all()
assert (clipped < slow.fillna(np.inf)).all()
assert max(n_clipped) < 10
assert n_clipped[SHOWN] == 3
last_loss.assign(**{"updates clipped": n_clipped}).style.format(
    "{:.4f}", subset=list(WAYS), na_rep="exploded"
)

# %% [markdown]
# All three lines start from the same weights. Unclipped, one giant step after a huge
# gradient throws the loss out of the picture for good. The threshold shortens three of
# the 200 updates and leaves the rest alone. The table has the last loss from each
# start. Unclipped, four of eight explode; clipped, none, and only start 5 would do
# better without. A tenth of the rate saves three of the four, and gets less far from
# every start.
#
# ### Against vanishing: the first weights, and gates
#
# *Orthogonal initialisation* (Saxe, McClelland & Ganguli 2014), Keras' default, starts
# with a $U$ that only rotates and mirrors: nothing is lost but by the activation.
#
# *The LSTM* has a second way back, along the cell state. Through it alone
#
# $$\frac{d c_T}{d c_{T-k}} = \prod_{s=0}^{k-1} f_{T-s}$$
#
# lasts while the forget gate is open. Keras starts with its bias $b_f = 1$ (Jozefowicz,
# Zaremba & Sutskever 2015), $\sigma(1) = 0.73$; up to $b_f = \ln(T - 1)$ with
# $b_i = -b_f$ has been proposed for memories of $T$ steps (Tallec & Ollivier 2018).
# Below, untrained cells of 32 units are measured as before, over 5 seeds; the LSTM by
# $h$'s and $c$'s gradients together.


# %%
def first_weights(kind, seed, **more):
    keras.utils.set_random_seed(seed)
    layer = getattr(keras.layers, kind)(units, **more)
    layer.build((None, None, 1))
    return Weights(*layer.get_weights())


def lstm_weights(seed, forget_bias, input_bias=0.0):
    weights = first_weights("LSTM", seed)
    weights.bias[:units] = input_bias
    weights.bias[units : 2 * units] = forget_bias
    return weights


normal = keras.initializers.RandomNormal
long_bias = np.log(60 - 1)
starts = {
    "SimpleRNN": {
        "normal, deviation 0.05": lambda seed: first_weights(
            "SimpleRNN", seed, recurrent_initializer=normal(stddev=0.05, seed=seed)
        ),
        "normal, deviation 0.35": lambda seed: first_weights(
            "SimpleRNN", seed, recurrent_initializer=normal(stddev=0.35, seed=seed)
        ),
        "orthogonal": lambda seed: first_weights("SimpleRNN", seed),
    },
    "LSTM": {
        "forget bias 0": lambda seed: lstm_weights(seed, 0.0),
        "forget bias 1": lambda seed: lstm_weights(seed, 1.0),
        "forget bias ln 59": lambda seed: lstm_weights(seed, long_bias, -long_bias),
    },
    "GRU": {"as Keras starts it": lambda seed: first_weights("GRU", seed)},
}
kinds = {"SimpleRNN": SimpleRNN(), "LSTM": LSTM(), "GRU": GRU()}
norms_of = {}
for kind, some in starts.items():
    for start, make in some.items():
        of_seeds = [
            gradient_norms(
                kinds[kind], make(seed), real_windows, np.random.default_rng(seed)
            )
            for seed in range(5)
        ]
        norms_of[kind, start] = np.exp(np.log(of_seeds).mean(axis=(0, 2)))

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), sharey=True)
for ax, shown in zip(axes, (("SimpleRNN",), ("LSTM", "GRU")), strict=True):
    drawn = [(key, norms) for key, norms in norms_of.items() if key[0] in shown]
    for (key, norms), colour, style in zip(
        drawn, CYCLE, ("-", "--", ":", "-."), strict=False
    ):
        ax.semilogy(norms, color=colour, ls=style, lw=1.8, label=", ".join(key))
    ax.set(xlabel="steps before the last", xlim=(0, 59), ylim=(1e-34, 1e6))
    ax.set_title(" and ".join(shown) + ", untrained")
    ax.grid(alpha=0.25)
    ax.legend(frameon=False, loc="lower left")
axes[0].set_ylabel("norm of the state's gradient\n(log axis; 1 at the last step)")
plt.show()

reach = pd.DataFrame(
    {"after 10 steps": n[10], "after 59": n[59]} for n in norms_of.values()
).set_index(pd.MultiIndex.from_tuples(norms_of, names=["cell", "first weights"]))
far = reach["after 59"]
assert far["SimpleRNN", "normal, deviation 0.05"] < 1e-20
assert far["SimpleRNN", "normal, deviation 0.35"] > 1
assert 1 / 40 < far["SimpleRNN", "orthogonal"] < 1 / 25
assert far["LSTM", "forget bias 0"] < 1e-10
assert 1e-7 < far["LSTM", "forget bias 1"] < 1e-3
assert 0.15 < far["LSTM", "forget bias ln 59"] < 0.25
assert far["GRU", "as Keras starts it"] < 1e-10
reach.reset_index().style.hide().format("{:.1e}", subset=list(reach))

# %% [markdown]
# Left: small random weights lose all and large ones explode; the orthogonal start loses
# a factor of thirty, all of it through the $\tanh$. Right: with a half-open forget gate
# an LSTM vanishes too, and so does a GRU. The usual bias of 1 is no cure at this
# distance: along the cell state alone it leaves $0.73^{59} \approx 10^{-8}$. Gates
# opened for the length of the window keep a fifth.
#
# ### Does it learn what lies far back?
#
# 30 random numbers between -1 and 1 are read, and the answer is the first of them.
# Without memory the best answer is 0, with a mean squared error of 1/3. Two cells of 16
# units, each with two kinds of first weights, read 3840 sequences six times (Adam, rate
# 0.005).


# %%
def recall_task(n_sequences, seed):
    random = np.random.default_rng(seed)
    sequences = random.uniform(-1, 1, (n_sequences, 30, 1)).astype(np.float32)
    return sequences, sequences[:, 0]


def learn_to_recall(layer, forget_bias=None):
    network = keras.Sequential([keras.Input((30, 1)), layer, keras.layers.Dense(1)])
    if forget_bias is not None:
        kernel, recurrent_kernel, bias = layer.get_weights()
        bias[16:32] = forget_bias
        layer.set_weights([kernel, recurrent_kernel, bias])
    network.compile(keras.optimizers.Adam(0.005), "mse")
    history = network.fit(
        *recall_task(3840, seed=1),
        batch_size=64,
        epochs=6,
        verbose=0,
        validation_data=recall_task(500, seed=2),
    )
    return history.history["val_loss"]


keras.utils.set_random_seed(0)
recalled = {
    "SimpleRNN, normal, deviation 0.05": learn_to_recall(
        keras.layers.SimpleRNN(16, recurrent_initializer=normal(stddev=0.05, seed=0))
    ),
    "SimpleRNN, orthogonal": learn_to_recall(keras.layers.SimpleRNN(16)),
    "LSTM, forget bias 0": learn_to_recall(keras.layers.LSTM(16), forget_bias=0.0),
    "LSTM, forget bias ln 29": learn_to_recall(
        keras.layers.LSTM(16), forget_bias=np.log(29)
    ),
}
figure, ax = plt.subplots(figsize=(9.5, 3.8))
for (name, losses), colour, style in zip(
    recalled.items(), CYCLE, ("o--", "o-", "x:", "s-"), strict=False
):
    size = 9 if style == "o--" else 5
    ax.semilogy(
        range(60, 361, 60), losses, style, color=colour, ms=size, mfc="none", label=name
    )
ax.axhline(1 / 3, color=GREY, lw=1, ls=":", label="no memory: 1/3")
ax.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
ax.minorticks_off()
finish(
    ax,
    title="Saying the first of 30 numbers after the last",
    xlabel="mini-batches of 64 sequences",
    ylabel="mean squared error\n(500 other sequences, log axis)",
)
plt.show()

at_the_end = {name: losses[-1] for name, losses in recalled.items()}
for name, loss in at_the_end.items():
    print(f"{name:34} {loss:.4f}")
assert at_the_end["SimpleRNN, normal, deviation 0.05"] > 0.3
assert at_the_end["SimpleRNN, orthogonal"] < 0.1
assert at_the_end["LSTM, forget bias 0"] > 0.3
assert at_the_end["LSTM, forget bias ln 29"] < 0.15

# %% [markdown]
# Within each kind of cell only the first weights differ, and they decide. The two whose
# gradient vanishes learn nothing (their lines cover each other); the others learn.
#
# ### In a training of one's own
#
# `training.watch_gradients` records the norm of each layer's gradient before clipping,
# as a mean over an epoch's mini-batches. Here for four LSTM layers of 16 units on the
# closes of 2012 to 2016:

# %%
layer = '{cell="lstm", units=16, dropout=0.0}'
deep = fc.load_config(
    "google",
    [
        f"model.layers=[{', '.join([layer] * 4)}]",
        "training.epochs=8",
        "training.watch_gradients=true",
    ],
)
history = fc.train(prices, deep, progress=False).history
figure, ax = plt.subplots(figsize=(9, 3.8))
fc.plot_gradients(history, ax)
plt.show()

watched_norms = history.filter(like="gradient/")
spread = watched_norms.max(axis=1) / watched_norms.min(axis=1)
print(f"largest norm over smallest: at most {spread.max():.1f} in any epoch")
assert len(watched_norms.columns) == 5
assert watched_norms.max(axis=None) < 1
assert watched_norms.iloc[1:].max(axis=None) < 0.2
assert spread.max() < 3

# %% [markdown]
# From the output, `price`, down to the first layer the norms stay within a factor of 3:
# this training neither explodes nor vanishes *across layers*. Of what reaches back
# *across steps* they say nothing; for that, the first weights above count.
#
# ## What to keep
#
# - A recurrent layer is one cell, used at every step with the same weights; the state
#   is all that it remembers.
# - Its gradient is a sum over steps, and the far ones pass through many factors: below
#   1 it vanishes, above 1 it explodes.
# - Clipping stops explosion by shortening a few updates. Gates that can stay open, and
#   first weights that neither shrink nor stretch, help against vanishing. Truncated
#   back-propagation, in `03-variants`, carries gradients no further.
# - `training.watch_gradients` and `fc.plot_gradients` show whether layers starve or
#   explode.
# - A gate that hardly moves is not idle: on price levels 0.07 mattered. On returns the
#   gates worked from end to end, and frozen they left nothing of the gain over constant
#   quantiles.
