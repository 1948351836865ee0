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
# # Words and translation
#
# Recurrent networks became known for language. Two of the tools from there are built
# here on data small enough to see through: an embedding, which learns a place for each
# word from the company it keeps, and an encoder-decoder, which reads one sequence and
# writes another of a different length. The second one translates dates in words, such
# as "the third of March nineteen ninety-seven", to `1997-03-03`. The encoder-decoder
# that `forecaster` offers for prices (`model.shape = "encoder_decoder"`) has the same
# plan.

# %%
import datetime as dt
import logging
import os
import re

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from forecaster.models.backend import layer_class, load_keras

keras = load_keras()  # `import keras` without its start-up messages
logging.getLogger("tensorflow").setLevel(logging.ERROR)
layers = keras.layers
LSTM = layer_class("LSTM")  # keras.layers.LSTM, run by a faster kernel

plt.rcParams.update({"figure.dpi": 100, "figure.constrained_layout.use": True})
BLACK, BLUE, ORANGE, GREY = "#000000", "#0072B2", "#D55E00", "#8C8C8C"
GREEN, PINK, YELLOW, SKY = "#009E73", "#CC79A7", "#E69F00", "#56B4E9"

# %% [markdown]
# # Part one: where words live
#
# The text is made by a small grammar: three kinds of market report, in which companies,
# weekdays, verbs and adjectives are drawn at random. The only rule is that a rise comes
# with good news and a fall with bad news.

# %%
CLASSES = {
    "company": "arbor beacon cobalt delta ember".split(),
    "weekday": "monday tuesday wednesday thursday friday".split(),
    "rise": "rose climbed gained advanced".split(),
    "fall": "fell slipped dropped sank".split(),
    "manner": "sharply slightly steadily".split(),
    "good": "strong solid record".split(),
    "bad": "weak poor dismal".split(),
    "news": "earnings sales orders".split(),
}
random = np.random.default_rng(0)


def draw(kind):
    return str(random.choice(CLASSES[kind]))


def report():
    """Return the words of one sentence."""
    move, news = [("rise", "good"), ("fall", "bad")][random.integers(2)]
    day, company, verb = draw("weekday"), draw("company"), draw(move)
    why = f"{draw(news)} {draw('news')}"
    sentence = [
        f"on {day} shares of {company} {verb} {draw('manner')} after {why}",
        f"{company} {verb} {draw('manner')} because of {why} reported on {day}",
        f"before the open on {day} {company} announced {why} and its shares {verb}",
    ][random.integers(3)]
    return sentence.split()


text = [report() for _ in range(400)]
words = sorted({word for sentence in text for word in sentence})
place = {word: number for number, word in enumerate(words)}
print(*(" ".join(sentence) + "." for sentence in text[:4]), sep="\n")
print(f"\n{sum(map(len, text))} words, {len(words)} different ones")

# %% [markdown]
# The network sees one word and is asked for a word at most four places away (the
# skip-gram of Mikolov and others, 2013). Word $w$ has a row $e_w$ of ten numbers, the
# embedding; each possible neighbour $v$ has a row $o_v$:
#
# $$p(v \mid w) = \frac{\exp(e_w \cdot o_v)}{\sum_u \exp(e_w \cdot o_u)} .$$
#
# Words that keep the same company need the same predictions, and so end up with similar
# rows. Nobody tells the network what a weekday is.

# %%
REACH, WIDTH = 4, 10
pairs = np.array(
    [
        (place[word], place[sentence[other]])
        for sentence in text
        for here, word in enumerate(sentence)
        for other in range(max(here - REACH, 0), min(here + REACH + 1, len(sentence)))
        if other != here
    ]
)
keras.utils.set_random_seed(0)
embedding = layers.Embedding(len(words), WIDTH)
skip_gram = keras.Sequential(
    [
        keras.Input((), dtype="int32"),
        embedding,
        layers.Dense(len(words), use_bias=False),
    ]
)
skip_gram.compile(
    keras.optimizers.Adam(0.01),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
untrained = np.array(embedding.get_weights()[0])
learnt = skip_gram.fit(pairs[:, 0], pairs[:, 1], batch_size=256, epochs=40, verbose=0)
trained = embedding.get_weights()[0]
frequency = np.bincount(pairs[:, 1]) / len(pairs)
blind = -np.sum(frequency * np.log(frequency))
reached = learnt.history["loss"][-1]
print(f"{len(pairs)} pairs; cross-entropy {reached:.2f} nats, ", end="")
print(f"{blind:.2f} by the frequency of words alone")
assert reached < blind - 0.1

# %% [markdown]
# ### Neighbours
#
# Nearness is the cosine of the angle between two rows, after the mean of all rows is
# taken away.

# %%


def cosines(rows):
    """Return the cosine between each two centred rows; -1 of a row with itself."""
    centred = rows - rows.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    near = unit @ unit.T
    np.fill_diagonal(near, -1)
    return near


near = cosines(trained)
class_of = {word: name for name, members in CLASSES.items() for word in members}
asked = "monday friday arbor rose fell weak strong sharply earnings".split()
neighbours = pd.DataFrame(
    {
        word: [
            f"{words[i]} ({near[place[word], i]:.2f})"
            for i in np.argsort(-near[place[word]])[:3]
        ]
        for word in asked
    },
    index=["nearest", "second", "third"],
).T
neighbours

# %%


def share_in_class(rows):
    """Return how many classed words have a word of their class as nearest one."""
    nearest = cosines(rows).argmax(axis=1)
    return np.mean(
        [class_of.get(words[nearest[place[w]]]) == class_of[w] for w in class_of]
    )


for day in CLASSES["weekday"]:
    assert class_of.get(words[near[place[day]].argmax()]) == "weekday"
print(f"nearest word is of the same class: {share_in_class(trained):.0%} of words")
print(f"before training:                   {share_in_class(untrained):.0%}")
assert share_in_class(trained) > 0.9
assert share_in_class(untrained) < 0.4


def between(first, second):
    rows = [[place[word] for word in CLASSES[name]] for name in (first, second)]
    return near[np.ix_(*rows)].mean()


print("mean cosine of rises with ", end="")
print(
    ", ".join(
        f"{name} {between('rise', name):.2f}" for name in CLASSES if name != "rise"
    )
)
assert all(
    between("rise", "fall") > between("rise", name)
    for name in CLASSES
    if name not in ("rise", "fall")
)

# %% [markdown]
# The nearest word of every weekday is a weekday, and nearly every word lies beside one
# of its own class. Of all other classes the falls are nearest to the rises, although
# they mean the opposite: they stand in the same places, and only the news beside them
# differs. An embedding knows company, not meaning.

# %%
flat = PCA(2).fit(trained[[place[word] for word in class_of]])
figure, ax = plt.subplots(figsize=(9, 6))
colours = [BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK, GREY]
for (name, members), colour, marker in zip(
    CLASSES.items(), colours, "osD^vPX*", strict=True
):
    spots = flat.transform(trained[[place[word] for word in members]])
    ax.scatter(*spots.T, color=colour, marker=marker, s=45, label=name)
    for word, spot in zip(members, spots, strict=True):
        ax.annotate(word, spot, (5, 3), textcoords="offset points", fontsize=9)
ax.set(xlabel=f"first component ({flat.explained_variance_ratio_[0]:.0%} of variance)")
ax.set(ylabel=f"second component ({flat.explained_variance_ratio_[1]:.0%} of variance)")
ax.legend(frameon=False, ncols=2)
ax.grid(visible=True, alpha=0.25)
plt.show()

# %% [markdown]
# The ten numbers of each word, drawn in the two directions in which they differ most
# (no units). Words of a class stand together. What looks mixed here can still lie apart
# in the other eight directions; the table above counts all ten.
#
# # Part two: dates in words to ISO dates
#
# Each date from 1950 to 2049 can be written in six forms. The last one has two digits
# of the year: 50 to 99 are of the last century, 00 to 49 of this one, which the network
# has to find out.

# %%
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
FIRSTS = "first second third fourth fifth sixth seventh eighth ninth".split()
NTH = [
    *FIRSTS,
    *"tenth eleventh twelfth thirteenth fourteenth fifteenth".split(),
    *"sixteenth seventeenth eighteenth nineteenth twentieth".split(),
    *(f"twenty-{nth}" for nth in FIRSTS),
    *("thirtieth", "thirty-first"),
]


def number_words(number):
    """Return a number from 0 to 99 in words."""
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")


def year_words(year):
    """Return a year as it is said: nineteen oh five, two thousand and five."""
    century, rest = divmod(year, 100)
    if century == 20 and rest < 10:
        return "two thousand" + (f" and {ONES[rest]}" if rest else "")
    return f"{number_words(century)} {'oh ' if rest < 10 else ''}{number_words(rest)}"


def suffix(day):
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


FORMS = [
    lambda d: f"the {NTH[d.day - 1]} of {d:%B} {year_words(d.year)}",
    lambda d: f"{d:%B} the {NTH[d.day - 1]}, {year_words(d.year)}",
    lambda d: f"{d:%A}, the {NTH[d.day - 1]} of {d:%B} {d.year}",
    lambda d: f"{d:%B} {d.day}{suffix(d.day)}, {d.year}",
    lambda d: f"{d.day} {d:%b} {d.year}",
    lambda d: f"{d:%a} {d.day} {d:%b} '{d.year % 100:02d}",
]
example = dt.date(1997, 3, 3)
for form in FORMS:
    print(f"{form(example):45} {example.isoformat()}")
assert FORMS[0](example) == "the third of March nineteen ninety-seven"
assert FORMS[3](example) == "March 3rd, 1997"
assert FORMS[4](example) == "3 Mar 1997"

# %% [markdown]
# Dates are dealt out before any is written: the test dates occur in training in no form
# at all. Input is cut into words, single digits and signs; output into characters, with
# `<` for *go* and `>` for *end*.

# %%
N_TRAIN, N_TEST = 10_000, 2_000
FIRST_DAY = dt.date(1950, 1, 1)
n_days = (dt.date(2050, 1, 1) - FIRST_DAY).days
dealt = [FIRST_DAY + dt.timedelta(int(n)) for n in random.permutation(n_days)]
train_dates, test_dates = dealt[:N_TRAIN], dealt[N_TRAIN : N_TRAIN + N_TEST]
assert not set(train_dates) & set(test_dates)


def write_out(dates):
    return [FORMS[random.integers(len(FORMS))](date) for date in dates]


def cut(phrase):
    return re.findall(r"\d|[a-z]+|[,']", phrase.lower())


train_phrases, test_phrases = write_out(train_dates), write_out(test_dates)
PAD, GO, END = "_", "<", ">"
tokens = [PAD, *sorted({token for phrase in train_phrases for token in cut(phrase)})]
token_place = {token: number for number, token in enumerate(tokens)}
SIGNS = GO + END + "-0123456789"
n_steps = max(len(cut(phrase)) for phrase in train_phrases)
print(f"{len(tokens)} tokens, at most {n_steps} in a phrase, {len(SIGNS)} signs")
print(cut(test_phrases[0]), "to", list(GO + test_dates[0].isoformat() + END))


def encode(phrases, *, backwards=True):
    """Return token numbers (n_phrases, n_steps), padded before the first one read."""
    numbers = np.zeros((len(phrases), n_steps), dtype="int32")
    for row, phrase in zip(numbers, phrases, strict=True):
        read = [token_place[token] for token in cut(phrase)]
        row[n_steps - len(read) :] = read[::-1] if backwards else read
    return numbers


def encode_dates(dates, style="%Y-%m-%d"):
    """Return sign numbers (n_dates, 12), from go to end."""
    return np.array([[SIGNS.index(s) for s in f"{GO}{d:{style}}{END}"] for d in dates])


# %% [markdown]
# ## Encoder, decoder, teacher
#
# The encoder reads the phrase backwards, last token first, and keeps nothing but its
# last state $(h, c)$. The decoder starts with this state and the sign *go*, and gives
# at each step the probabilities of the next sign:
#
# $$(h^e, c^e) = \operatorname{LSTM}_e(x_n, \dots, x_1), \qquad
# p(y \mid x) = \prod_{t=1}^{m} p(y_t \mid y_0, \dots, y_{t-1}, h^e, c^e), \quad
# y_0 = \text{go} .$$
#
# In training the decoder is fed the true sign before, whatever it would have said
# itself: *teacher forcing*. Its input is the date without the last sign, its target the
# date without the first. The loss is $-\log p(y \mid x)$, averaged over signs.

# %%
N_UNITS = 128


def build(seed):
    """Return the trained whole, and the encoder and decoder that share its weights."""
    keras.utils.set_random_seed(seed)
    wide = keras.initializers.RandomNormal(stddev=1.0)
    phrase = keras.Input((n_steps,), dtype="int32")
    before = keras.Input((None,), dtype="int32")
    read = layers.Embedding(len(tokens), 64, embeddings_initializer=wide)(phrase)
    _, *state = LSTM(N_UNITS, return_state=True)(read)

    look_up = layers.Embedding(len(SIGNS), 16, embeddings_initializer=wide)
    writer = LSTM(N_UNITS, return_sequences=True, return_state=True)
    score = layers.Dense(len(SIGNS), activation="log_softmax")
    outputs, *_ = writer(look_up(before), initial_state=state)
    whole = keras.Model([phrase, before], score(outputs))

    held = [keras.Input((N_UNITS,)), keras.Input((N_UNITS,))]
    outputs, *after = writer(look_up(before), initial_state=held)
    return (
        whole,
        keras.Model(phrase, state),
        keras.Model([before, *held], [score(outputs), *after]),
    )


def loss(actual, log_probabilities):
    """Return the cross-entropy of the signs."""
    chosen = keras.ops.one_hot(keras.ops.cast(actual, "int32"), len(SIGNS))
    return -keras.ops.sum(chosen * log_probabilities, axis=-1)


whole, encoder, decoder = build(0)
whole.compile(keras.optimizers.Adam(0.004), loss)
print(f"{whole.count_params()} weights")


def fit(phrases, signs, n_epochs=1):
    """Train with the teacher: signs go in from the first, and are asked one later."""
    fitted = whole.fit(
        [phrases, signs[:, :-1]],
        signs[:, 1:],
        batch_size=64,
        epochs=n_epochs,
        verbose=0,
    )
    return fitted.history["loss"]


# %% [markdown]
# The embeddings start with a standard deviation of 1. Keras' own start (uniform within
# 0.05) makes all tokens look alike to the encoder, and training then stands still for
# many epochs.
#
# ## Greedy and beam
#
# After training nobody knows the sign before, so the decoder is fed its own. *Greedy*
# takes the likeliest sign at each step and cannot take it back. *Beam search* keeps the
# $k$ likeliest beginnings: each is continued by each sign, and the $k$ best of all
# continuations survive, scored by $\sum_t \log p(y_t \mid \dots)$. A beginning that has
# reached *end* stays as it is. All dates are equally long here; where answers differ in
# length, the sum has to be divided by some measure of it, for each sign makes it
# smaller.

# %%
MOST_SIGNS = 14


def step(signs, state):
    """Return log probabilities of the next sign (n, n_signs), and the states after."""
    scores, *after = decoder([signs[:, None], *state])
    return np.array(scores)[:, 0], [np.array(part) for part in after]


def decode_greedily(phrases):
    """Return sign numbers (n_phrases, MOST_SIGNS) and their log probability."""
    state = [np.array(part) for part in encoder(phrases)]
    signs = np.full(len(phrases), SIGNS.index(GO))
    total, written = np.zeros(len(phrases)), []
    for _ in range(MOST_SIGNS):
        scores, state = step(signs, state)
        ended = signs == SIGNS.index(END)
        signs = np.where(ended, SIGNS.index(END), scores.argmax(axis=1))
        total += np.where(ended, 0, scores.max(axis=1))
        written.append(signs)
    return np.stack(written, axis=1), total


def decode_by_beam(phrases, width, watch=None):
    """Return the beams (n_phrases, width, MOST_SIGNS), best first, and their scores."""
    n, end = len(phrases), SIGNS.index(END)
    state = [np.repeat(part, width, axis=0) for part in encoder(phrases)]
    beams = np.full((n, width, 1), SIGNS.index(GO))
    total = np.tile([0.0, *[-np.inf] * (width - 1)], (n, 1))  # one beginning at first
    only_end = np.where(np.arange(len(SIGNS)) == end, 0, -np.inf)
    for _ in range(MOST_SIGNS):
        scores, state = step(beams[..., -1].ravel(), state)
        ended = beams[..., -1:] == end
        scores = np.where(ended, only_end, scores.reshape(n, width, -1))
        every = (total[..., None] + scores).reshape(n, -1)
        best = np.argsort(-every, axis=1, kind="stable")[:, :width]
        parent, sign = np.divmod(best, len(SIGNS))
        total = np.take_along_axis(every, best, axis=1)
        kept = np.take_along_axis(beams, parent[..., None], axis=1)
        beams = np.concatenate([kept, sign[..., None]], axis=2)
        rows = (np.arange(n)[:, None] * width + parent).ravel()
        state = [part[rows] for part in state]
        if watch is not None:
            watch.append((beams[..., 1:], total))
    return beams[..., 1:], total


def spell(signs):
    """Return the text up to the end sign."""
    return "".join(SIGNS[number] for number in signs).partition(END)[0]


def exact(rows, dates):
    """Return which answers are right in every sign."""
    return np.array(
        [spell(row) == d.isoformat() for row, d in zip(rows, dates, strict=True)]
    )


# %% [markdown]
# ## Training, and both ways of decoding
#
# The test phrases are decoded after one epoch, when the network still errs, and again
# at the end: four epochs, then two at a quarter of the learning rate.

# %%
WIDTH_OF_BEAM = 4
inputs, signs = encode(train_phrases), encode_dates(train_dates)
test_inputs = encode(test_phrases)
losses, results, kept = [], {}, {}
for n_epochs, rate in ((1, 0.004), (3, 0.004), (2, 0.001)):
    whole.optimizer.learning_rate = rate
    losses += fit(inputs, signs, n_epochs)
    if len(losses) in (1, 6):
        greedy, greedy_score = decode_greedily(test_inputs)
        watched = []
        beams, beam_score = decode_by_beam(test_inputs, WIDTH_OF_BEAM, watched)
        results[f"after epoch {len(losses)}"] = {
            "greedy": exact(greedy, test_dates).mean(),
            "beam of 4": exact(beams[:, 0], test_dates).mean(),
            "right answer in beam": np.any(
                [exact(beams[:, k], test_dates) for k in range(4)], axis=0
            ).mean(),
            "greedy, mean log p": greedy_score.mean(),
            "beam, mean log p": beam_score[:, 0].mean(),
            "answers that differ": np.mean((greedy != beams[:, 0]).any(axis=1)),
        }
        kept[len(losses)] = greedy, greedy_score, beams, beam_score, watched
print("loss by epoch:", np.round(losses, 4))
results = pd.DataFrame(results)
results.round(4)
