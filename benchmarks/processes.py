"""Processes: how long a whole command takes, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.case import Side
from benchmarks.running import ROOT

RUN = "cold"
SHRUNK = ("window.lookback=5", "model.layers=[{units=2}]", "training.start=2016-06-01")


def python(*words: str) -> Callable[[], None]:
    """Return a call that runs the same Python with other arguments, from the checkout.

    What it prints is read and dropped, as a pipe behind it would.

    Raises
    ------
    CalledProcessError
        From the call, if the process fails.
    """
    command = [sys.executable, *words]

    def run() -> None:
        subprocess.run(command, cwd=ROOT, env=os.environ, check=True, text=True,
                       capture_output=True)  # fmt: skip

    return run


def ours_help(_quick: bool) -> Side:
    """Build `forecaster --help`."""
    return Side(python("-m", "forecaster", "--help"))


def nothing(_quick: bool) -> Side:
    """Build a Python that starts and does nothing."""
    return Side(python("-c", "pass"))


def ours_predict(quick: bool) -> Side:
    """Train a run for one epoch, and build `forecaster predict` of it, offline."""
    folder = tempfile.TemporaryDirectory()
    runs = str(Path(folder.name) / "runs")
    settings = [word for value in SHRUNK for word in ("--set", value)] if quick else []
    python(
        "-m", "forecaster", "train", "google", "--epochs", "1", "--quiet",
        "--name", RUN, "--runs-dir", runs, *settings,
    )()  # fmt: skip
    predict = python(
        "-m", "forecaster", "predict", RUN, "--offline", "--runs-dir", runs
    )

    def run() -> None:
        assert folder.name  # noqa: S101  the folder lives as long as this function
        predict()

    return Side(run)


def tensorflow(_quick: bool) -> Side:
    """Build a Python that imports TensorFlow and ends."""
    return Side(python("-c", "import tensorflow"))
