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
# step to the next. This notebook takes one apart: every formula is written out,
# computed in NumPy, and held against Keras. The sequences are Google's closing prices,
# which come with the package.
#
# | symbol | what it is | shape |
# |---|---|---|
# | $x_t$ | input of step $t$, one row for each window | (n_windows, n_features) |
# | $h_t$ | hidden state after step $t$, also the output | (n_windows, units) |
# | $W$ | kernel: weights on the input | (n_features, units) |
# | $U$ | recurrent kernel: weights on the state before | (units, units) |
# | $b$ | bias | (units,) |
#
# Rows are windows, so weights stand on the right: $x_t W$. Keras keeps them in the same
# way. An input array has three axes: `[windows, steps, features]`.

# %%
import os
from functools import partial

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import forecaster as fc
from forecaster.models.backend import load_keras
from forecaster.models.feeding import feed
from forecaster.models.reference import GRU, LSTM, SimpleRNN, Weights, only_last_step
from forecaster.plotting import use_style
from forecaster.plotting.style import BLACK, BLUE, CYCLE, GREY, ORANGE, finish
from forecaster.preparing import prepare_training

keras = load_keras()
import tensorflow as tf  # after Keras, which holds back its start-up noise

keras.utils.set_random_seed(0)
use_style()
prices = fc.load_prices("GOOG")

# %% [markdown]
# ## 1. The recurrent neuron
#
# A neuron of a feed-forward network sees its input and nothing else. A recurrent neuron
# also sees its own last output:
#
# $$h_t = \tanh(x_t\,w + h_{t-1}\,u + b), \qquad h_0 = 0$$
#
# The same $w$, $u$ and $b$ serve every step. Below, one neuron with $w = 1$ and $b = 0$
# reads a single pulse followed by zeros, for four values of $u$.


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
# With $u = 0$ the neuron is feed-forward and forgets at once. The other three remember:
# the nearer $|u|$ is to 1, the longer, and a negative $u$ swings. Each further step
# multiplies what is left by at most $|u|$, since $|\tanh a| \le |a|$. That product,
# taken again and again, comes back as the problem of sections 8 and 9.

# %% [markdown]
# ## 2. Unrolling, and a mini-batch by hand
#
# A layer has many neurons, and each sees the outputs of all. To *unroll* it is to write
# the loop out, one copy of the cell for each step. The copies share their weights.


# %%
def draw_cells(ax, reads, writes, title, numbers=None):
    """Draw cells side by side; steps in `reads` have inputs, in `writes` outputs."""
    arrow = {"arrowstyle": "->", "color": BLACK, "shrinkA": 0, "shrinkB": 0}
    n_steps = max(reads | writes)
    for step in range(1, n_steps + 1):
        number = numbers or step
        ax.add_patch(plt.Rectangle((step - 0.3, 0.78), 0.6, 0.44, fc="w", ec=BLACK))
        ax.text(step, 1, "cell", ha="center", va="center", fontsize=8)
        if step in reads:
            ax.annotate("", (step, 0.78), (step, 0.25), arrowprops=arrow)
            ax.text(step, 0.05, f"$x_{number}$", ha="center", va="center", color=BLUE)
        if step in writes:
            ax.annotate("", (step, 1.75), (step, 1.22), arrowprops=arrow)
            ax.text(step, 1.95, f"$y_{number}$", ha="center", va="center", color=ORANGE)
        if step < n_steps:
            ax.annotate("", (step + 0.7, 1), (step + 0.3, 1), arrowprops=arrow)
    ax.set(xlim=(0.4, n_steps + 0.6), ylim=(-0.2, 2.2), title=title)
    ax.axis("off")


figure, (folded, unrolled_ax) = plt.subplots(
    1, 2, figsize=(8, 2.4), width_ratios=(1, 3)
)
draw_cells(folded, {1}, {1}, "folded", numbers="t")
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
draw_cells(unrolled_ax, {1, 2, 3, 4}, {1, 2, 3, 4}, "unrolled over four steps")
for step in (1, 2, 3):
    unrolled_ax.text(step + 0.5, 1.1, f"$h_{step}$", ha="center")
plt.show()

# %% [markdown]
# Left, the cell with its state going round; right, the same cell drawn once for each
# step. The arrows between the cells are the state.
#
# Now two steps by hand: a mini-batch of 4 windows, 3 features, 5 neurons. For a whole
# mini-batch each step is two products of matrices:
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
# The weights know nothing of the number of steps, so the same layer reads sequences of
# any length. `forecaster.models.reference` has the loop for every cell in NumPy, with
# all that happens on the way kept; it takes the weights of a Keras layer as they are.
# Keras can also write the loop out into its graph (`unroll=True`): the numbers are the
# same, while the graph and its memory grow with the steps.

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
# A recurrent layer can be asked at every step or only at the last, and fed at every
# step or only at the first. Each combination is run here on real windows: a small
# network (8 LSTM units, or a pair of such layers) is trained for six epochs on the
# closes of 2012 to 2016, scaled to 0 … 1.
#
# | shape | elsewhere | here |
# |---|---|---|
# | one to one | classify a picture | today's close → tomorrow's |
# | one to many | caption a picture | today's close → the next five |
# | many to one | judge a review | 60 closes → tomorrow's |
# | many to many | tag each word | 60 closes → at each, the next |
# | delayed many to many | translate a sentence | 60 closes → the next five |
#
# | shape | `model.shape` | in plain Keras |
# |---|---|---|
# | one to one | `sequence_to_vector`, lookback 1 | nothing to unroll |
# | one to many | `vector_to_sequence` | `RepeatVector`, `return_sequences=True` |
# | many to one | `sequence_to_vector` | `return_sequences=False` |
# | many to many | `sequence_to_sequence` | `return_sequences=True` |
# | delayed many to many | `encoder_decoder` | one layer's state starts another |

# %%
SHAPES = {  # lookback, horizon, model.shape
    "one to one": (1, 1, "sequence_to_vector"),
    "one to many": (1, 5, "vector_to_sequence"),
    "many to one": (60, 1, "sequence_to_vector"),
    "many to many": (60, 1, "sequence_to_sequence"),
    "delayed many to many": (60, 5, "encoder_decoder"),
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
for name, (lookback, horizon, shape) in SHAPES.items():
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
# The arrays of one batch of 32 windows. Where one number is forecast for each window
# the axis of steps is gone; in step with the input it has 60 entries, after it five.
# (The five outputs of a single feature come without a last axis.) The decoder's inputs,
# which are not in the table, are the last close and then its own answers.
#
# Below, the five shapes and under each the newest training window, read and answered.

# %%
figure, axes = plt.subplots(2, 5, figsize=(14, 5), height_ratios=(1, 1.7), sharey="row")
steps = {
    "one to one": ({1}, {1}),
    "one to many": ({1}, {1, 2, 3}),
    "many to one": ({1, 2, 3}, {3}),
    "many to many": ({1, 2, 3}, {1, 2, 3}),
    "delayed many to many": ({1, 2, 3}, {4, 5}),
}
for (name, (windows, outputs)), (above, below) in zip(ran.items(), axes.T, strict=True):
    draw_cells(above, *steps[name], name)
    n_cells = max(set().union(*steps[name]))
    spare = max(3 - n_cells, 0) / 2  # cells of the same width, in the middle
    above.set_xlim(0.4 - spare, n_cells + 0.6 + spare)
    seen, answer = windows.inputs[-1, :, 0], outputs[-1].ravel()
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
    below.set(xlim=(-22, 6.5), ylim=(0.86, 1.0), xlabel="session (0: the origin)")
axes[1, 0].set_ylabel("scaled close\n(0, 1: extremes of training)")
axes[1, 0].legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# Blue is what a network read (of 60 sessions, the last 23 are shown), orange what it
# answered. In step, the dashed line has at each session the answer of the session
# before. Six epochs are few, and nothing is tested here: what is to be seen is where
# inputs go in and answers come out.

# %% [markdown]
# ## 4. Memory cells
#
# Whatever part of a network keeps a state across steps is called a memory cell. The
# state is all that it knows of the past, so a sequence may be cut anywhere, provided
# the state is handed on. Below, untrained layers read 60 closes in one go, in two parts
# of 50 and 10, and in two parts with the state lost between them.

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
# The two right columns are the largest difference from reading all at once. With the
# state handed on there is none but rounding. With it lost, the untrained GRU is off by
# least: it forgets fastest, and after 10 steps little of an older state is left anyway
# (section 9). SimpleRNN and GRU have one state; the LSTM has two: $h$, which it shows,
# and $c$, which it keeps to itself.

# %% [markdown]
# ## 5. The LSTM, watched
#
# The long short-term memory (Hochreiter & Schmidhuber 1997; forget gate by Gers,
# Schmidhuber & Cummins 2000) adds a cell state $c$ that is changed by gates, numbers
# between 0 and 1:
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
# A small one of 8 units is trained to forecast the next close. It is then watched while
# it reads the 60 sessions to 28 August 2015. In them the price jumps by 16% in a day
# (17 July, after earnings) and falls hard a month later (to 24 August). The window is
# part of the training range: it shows how the cell works, not what forecasts are worth.

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
# The NumPy cell with the trained weights gives the library's own forecast, so what it
# kept on the way is what happened in the network.


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
print("widest range of any unit's gate after the fifth session:")
print({name: float(width.round(3)) for name, width in widest.items()})
assert max(widest.values()) < 0.15

frozen = {name: kept[0].mean(axis=0) for name, kept in watched.gates.items()}
c = np.zeros(8)
for candidate in watched.gates["candidate"][0]:
    c = frozen["forget"] * c + frozen["input"] * candidate
h = frozen["output"] * np.tanh(c)
with_frozen_gates = lstm.scaler.inverse(h @ V + bias, "close")[0]
print(
    f"the forecast was {by_hand:.2f}; with frozen gates it is {with_frozen_gates:.2f}"
)
assert abs(with_frozen_gates / by_hand - 1) < 0.03

# %% [markdown]
# Each row of a map is one unit; a gate of 1 is open, 0 shut. There is little to see,
# and that is the finding: even a jump of 16% hardly moves a gate. The last lines freeze
# every gate at its mean over the window, and the forecast changes by less than 3%. The
# cell state is then only a moving average of the candidates,
# $c_t = \bar f c_{t-1} + \bar\imath\,\tilde c_t$. On price levels the network has found
# little to decide.
#
# ### The same cell where it has something to decide
#
# Now the cell reads returns, $\ln(p_t / p_{t-1})$, standardised over the training
# range, and the network forecasts quantiles of the next one: how wide tomorrow may be.
# Calm and rough times have to be told apart, so there is something to remember and to
# forget.

# %%
RETURNS = (
    "features.columns=['log_return']",
    "features.scaling=standard",
    "target.form=log_return",
    "model.head=quantiles",
    "training.epochs=20",
)


def watch(cell, kind):
    """Train on returns; return the layer, and the cell's way through the window."""
    config = settings(kind, *RETURNS)
    trained = fc.train(prices, config, progress=False)
    windows = prepare_training(prices, config).training
    place = int(np.flatnonzero(windows.origins == np.datetime64("2015-08-28"))[0])
    layer = trained.network.layers[1]
    one = windows.inputs[place : place + 1]
    run = cell.run(one, Weights(*layer.get_weights()))
    assert np.abs(run.hidden[:, -1] - np.asarray(layer(one))).max() < 1e-5
    return layer, run


lstm_layer, watched = watch(LSTM(), "lstm")
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

# %% [markdown]
# The same window, the same sizes, and now the gates work. The jump drives gates to both
# ends at once: some units drop what they held, others keep all of it and add to it.
# Late August, with large moves down and up, does it again. One unit in lines:

# %%
unit = int(np.argmax(np.ptp(watched.cell[0, JUMP - 5 : JUMP + 5], axis=0)))
kept_share = watched.gates["forget"][0].mean(axis=0)
half_life = np.log(0.5) / np.log(kept_share)
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
# The unit whose cell state moves most around the jump. On that day (dotted) all its
# gates are open and its candidate is near 1: it keeps what it had and adds as much
# again, so its cell state doubles. Below, that step in numbers, and from the mean of
# each unit's forget gate, $\bar f$, in about how many sessions half of what a unit kept
# is gone: $\ln 0.5 / \ln \bar f$.

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
# The gated recurrent unit (Cho et al. 2014) has one state and two gates. The update
# gate $z$ does the work of two: what it does not keep, it replaces. Keras' own form,
# unless told otherwise, is `reset_after=True`: the reset gate $r$ acts *after* the
# product with $U_h$, and there are two biases, $b$ on the input's side and $d$ on the
# state's side:
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
#
# $$\tilde h_t = \tanh\bigl(x_t W_h + b_h + (r_t \odot h_{t-1})\,U_h\bigr)$$
#
# Chung et al. (2014) write $z$ and $1 - z$ the other way round: what they call update
# is what enters.

# %%
gru_layer, watched_gru = watch(GRU(), "gru")
draw_gates(
    watched_gru,
    {"hidden state": watched_gru.hidden},
    "GRU that reads returns, the same 60 sessions; dotted: 17 July 2015",
)

# %% [markdown]
# The same window. Where the update gate is near 1 (yellow) a unit keeps its state;
# where it is near 0 (blue) it takes the candidate. There is no output gate: the whole
# state is shown.
#
# The number of weights follows from the formulas. With $n$ features and $m$ units:

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
# A GRU has three blocks of weights where an LSTM has four. The last column holds all
# four cells of NumPy against Keras, with random weights over 20 steps; what is left is
# single precision.

# %% [markdown]
# ## 7. Back-propagation through time, by hand
#
# To learn, the loss $L$ is differentiated through all copies of the cell, from the last
# step to the first (Werbos 1990). The state $h_t$ moves the loss in two ways: as the
# output of step $t$, and through everything later. For the simple cell, with
# $a_t = x_t W + h_{t-1} U + b$ and $\tanh' a_t = 1 - h_t^2$:
#
# $$
# \begin{aligned}
# g_t &= \frac{\partial L}{\partial h_t} + \delta_{t+1} U^\top
#        && \text{both ways together; at the last step only the first} \\
# \delta_t &= g_t \odot (1 - h_t^2) && \text{through the activation} \\
# \frac{dL}{dW} &= \sum_t x_t^\top \delta_t, \quad
# \frac{dL}{dU} = \sum_t h_{t-1}^\top \delta_t, \quad
# \frac{dL}{db} = \sum_t \delta_t && \text{sums, because the copies share weights}
# \end{aligned}
# $$
#
# The network: 6 simple units, a dense output $\hat y = h_T V + c$ after 60 closes, and
# the mean squared error over a mini-batch of 16 real windows, in double precision.


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
# Every gradient agrees with TensorFlow's to more than ten digits. A second proof needs
# no theory: move one weight a little and watch the loss. The gated cells go the same
# way with longer formulas, written out in `forecaster.models.reference`; they are held
# against Keras on the same windows.

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
# Time runs to the right, and the line rises with it: the further back a step lies, the
# less it says in how the weights move. That is the subject of the next section.

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
# $\rho$ the spectral radius of $U$: the largest of its eigenvalues' absolute values.
# With $\tanh$, $\varphi' \le 1$ shrinks it further. Below, a random $U$ of 32 units is
# scaled to five spectral radii; a gradient of norm 1 is put in at the last step, and
# its norm taken at each earlier one, as a mean over 12 real windows.


# %%
def gradient_norms(cell, weights, windows, random):
    """Return the norm of dL/d(state) at 0, 1, ... steps before the last one.

    The gradient put in at the last hidden state is random and of norm 1.
    """
    run = cell.run(windows, weights)
    last = random.normal(size=(len(windows), weights.units))
    last /= np.linalg.norm(last, axis=1, keepdims=True)
    state_gradients = (last, *[np.zeros_like(last)] * (cell.n_states - 1))
    norms = []
    for step in reversed(range(windows.shape[1])):
        norms.append(np.linalg.norm(np.hstack(state_gradients), axis=1).mean())
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
measured = {
    (activation, radius): gradient_norms(
        SimpleRNN(activation), Weights(W, radius * U, b), real_windows, random
    )
    for activation in ("linear", "tanh")
    for radius in radii
}

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
# On a log axis the lines are nearly straight: each step multiplies by the same factor.
# The table has that factor, between 19 and 59 steps before the last.

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
rates.reset_index().style.hide().format(
    dict.fromkeys(columns[2:4], "{:.1e}")
    | {"radius": "{:.1f}", "factor per step": "{:.3f}"}
)

# %% [markdown]
# Without an activation the factor is the spectral radius to within 1%. At 0.5, what
# happened 59 steps ago has less than $10^{-16}$ of the weight of the last step: it
# *vanishes*, and the network cannot learn from it. At 1.5 the gradient grows more than
# a billion times: it *explodes*, and one update with it can undo all training. The
# $\tanh$ slows the explosion, because large states saturate, and makes vanishing worse.

# %% [markdown]
# ## 9. The cures, measured
#
# ### Against explosion: clipping
#
# Clipping by norm (Pascanu, Mikolov & Bengio 2013) leaves the gradient's direction and
# limits its length to a threshold $\theta$:
#
# $$g \leftarrow g \cdot \min\left(1,\ \frac{\theta}{\lVert g \rVert}\right)$$
#
# Here $\lVert g \rVert$ is the norm of all gradients together, `global_clipnorm` of a
# Keras optimiser; `clipnorm`, which is `training.clip_norm` in this package, limits
# each weight array apart, and `training.clip_value` each number. A linear network of 8
# units whose $U$ starts at spectral radius 1.02 learns the next close by plain gradient
# descent (rate 0.01, 200 updates) on the 16 windows of section 7.


# %%
def descend(clip, rate=0.01, n_updates=200):
    """Return the loss and the gradient's norm before each update."""
    random = np.random.default_rng(1)
    U = random.normal(size=(8, 8))
    U *= 1.02 / np.abs(np.linalg.eigvals(U)).max()
    W, b = random.normal(0, 0.1, (1, 8)), np.zeros(8)
    V, c = random.normal(0, 0.1, (8, 1)), np.zeros(1)
    cell, rows = SimpleRNN("linear"), []
    for _ in range(n_updates):
        run = cell.run(x, Weights(W, U, b))
        error = run.hidden[:, -1] @ V + c - y
        loss = np.mean(error**2)
        if loss > 1e9:  # beyond repair: the next states would overflow
            return np.array([*rows, (loss, np.nan)])
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


unclipped, clipped = descend(clip=np.inf), descend(clip=0.05)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8))
ways = (
    ("not clipped", unclipped, "s--", ORANGE),
    ("clipped at 0.05", clipped, "-", BLUE),
)
titles = ("Loss", "Norm of the gradient")
for column, (ax, title) in enumerate(zip(axes, titles, strict=True)):
    for label, rows, style, colour in ways:
        places = range(1, len(rows) + 1)
        ax.semilogy(places, rows[:, column], style, color=colour, ms=4, label=label)
    ax.set(xlabel="update", title=title)
    ax.grid(alpha=0.25)
axes[0].set_ylim(1e-3, 1e3)
axes[0].set_ylabel("mean squared error\n(scaled closes squared, log axis)")
axes[1].set_ylim(1e-1, 1e5)
axes[1].set_ylabel("norm before clipping\n(log axis)")
axes[0].legend(frameon=False)
plt.show()
print(
    f"not clipped: loss {unclipped[0, 0]:.2f} at first, {unclipped[-1, 0]:.1e} "
    f"at update {len(unclipped)}\n"
    f"clipped:     loss {clipped[0, 0]:.2f} at first, {clipped[-1, 0]:.4f} "
    f"at update {len(clipped)}"
)
assert len(unclipped) < 50
assert unclipped[-1, 0] > 1e9
assert clipped[-1, 0] < clipped[0, 0] / 40

# %% [markdown]
# Both begin with the same weights. Within a few updates the unclipped descent meets a
# place where the gradient is huge, takes one giant step, and the loss leaves the
# picture for good. With clipping every step is at most $0.01 \cdot 0.05$ long, whatever
# the gradient, and the loss falls to less than a fortieth.
#
# ### Against vanishing: the first weights, and gates
#
# *Orthogonal initialisation* (Saxe, McClelland & Ganguli 2014) starts with a $U$ that
# only rotates and mirrors: every vector keeps its length, so nothing is lost but by the
# activation. It is what Keras does if nothing else is asked for.
#
# *The LSTM* has a second way back, along the cell state. Through it alone
#
# $$\frac{d c_T}{d c_{T-k}} = \prod_{s=0}^{k-1} f_{T-s}$$
#
# has no matrix and no $\tanh'$: it lasts as long as the forget gate is open. The bias
# $b_f$ decides that at the start: with $b_f = 0$ a gate is half open, and half of a
# half is soon nothing. Keras starts with $b_f = 1$ (Jozefowicz, Zaremba & Sutskever
# 2015), $\sigma(1) = 0.73$; for memories of up to $T$ steps, biases of up to
# $b_f = \ln(T - 1)$ with $b_i = -b_f$ have been proposed (Tallec & Ollivier 2018).
# Below, the same measurement as before, on untrained cells of 32 units, as a geometric
# mean over 5 seeds; for the LSTM it is the norm of $h$'s and $c$'s gradients together.


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
        norms_of[kind, start] = np.exp(np.log(of_seeds).mean(axis=0))

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
assert 0.15 < far["SimpleRNN", "orthogonal"] < 0.3
assert far["LSTM", "forget bias 0"] < 1e-10
assert 1e-7 < far["LSTM", "forget bias 1"] < 1e-3
assert 0.15 < far["LSTM", "forget bias ln 59"] < 0.25
assert far["GRU", "as Keras starts it"] < 1e-10
reach.reset_index().style.hide().format("{:.1e}", subset=list(reach))

# %% [markdown]
# Left: small random weights lose all within a few steps and large ones explode; the
# orthogonal start loses a factor of about five over 59 steps, all of it through the
# $\tanh$. Right: an LSTM with a half-open forget gate vanishes too. The usual bias of 1
# slows that, but is no cure at this distance: along the cell state alone it leaves
# $0.73^{59} \approx 10^{-8}$. Gates opened for the length of the window keep a fifth. A
# GRU starts like an LSTM with bias 0. None of this is final, since training moves
# weights and gates; but what has no gradient is not trained.
#
# ### Does it learn what lies far back?
#
# A task with nothing but memory: 30 random numbers between -1 and 1 are read, and the
# answer is the first of them. Whoever remembers nothing does best to answer 0, which
# has a mean squared error of 1/3. Four networks of 16 units: two cells,
# each with two kinds of first weights. Each reads 3840 sequences six times, in
# mini-batches of 64 (Adam, rate 0.005).


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
# gradient vanishes stay at the loss of an answer without memory (their lines cover each
# other); the two others learn.
#
# ### In a training of one's own
#
# Nobody writes all this out for each network. `training.watch_gradients` records the
# norm of each layer's gradient before any clipping, as a mean over the mini-batches of
# an epoch. Here for four LSTM layers of 16 units, as deep as the tutorial's network, on
# the closes of 2012 to 2016:

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
# No line climbs above 1, and none falls away from the others: from the price at the top
# down to the first layer the norms stay within a factor of 3. This training neither
# explodes nor vanishes *across layers*. What reaches back *across steps* within a layer
# these norms do not show; for that, the first weights above are what counts.
#
# ## What to keep
#
# - A recurrent layer is one cell, used at every step with the same weights; the state
#   is all that it remembers.
# - Its gradient is a sum over steps, and the far ones pass through a product of many
#   factors: below 1 it vanishes, above 1 it explodes.
# - Explosion is cured by clipping; vanishing by gates that can stay open, and by first
#   weights that neither shrink nor stretch. Truncated back-propagation, in
#   `03-variants`, does not carry gradients further: it does without.
# - `training.watch_gradients` shows whether layers of a real training starve or
#   explode, and `fc.plot_gradients` draws it.
# - Gates are of use where there is something to decide. On price levels the trained
#   LSTM left them nearly still; on returns it worked them from end to end.
