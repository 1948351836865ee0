"""The recurrent cells in plain NumPy, for tests and for teaching: exact, not fast.

Each cell runs over a sequence, keeps every gate of every step, and goes back through
time to the gradients. Weights are in the order and the shapes of Keras.
"""

from __future__ import annotations

from forecaster.models.reference.gru import GRU
from forecaster.models.reference.lstm import LSTM
from forecaster.models.reference.records import Gradients, Unrolled, Weights
from forecaster.models.reference.simple_rnn import SimpleRNN
from forecaster.models.reference.unrolling import Cell, only_last_step

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "Gradients",
    "SimpleRNN",
    "Unrolled",
    "Weights",
    "only_last_step",
]
