"""A worker: builds one side of a case, then runs it once for each line it is sent.

``python -m benchmarks.worker CASE SIDE [--quick]`` answers on stdout, a JSON object a
line: first `ready` or `missing`, then `ran` for each line read. It ends with its input.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any, TextIO

from benchmarks.case import INSTALL, NotMeasured, Side
from benchmarks.cases import CASES
from benchmarks.machine import peak_mb, resident_mb

PEERS = ("torch", "neuralforecast", "darts", "pytorch_lightning")


def main(case: str, side: str, *, quick: bool) -> None:
    """Serve one side until the input ends."""
    answers = _take_stdout()
    try:
        built = CASES[case].sides[side](quick)
        (built.warm or built.run)()
    except (NotMeasured, ModuleNotFoundError) as error:
        _say(answers, "missing", why=_why(error))
        return
    _say(answers, "ready", facts=built.facts(), **_memory())
    for _ in sys.stdin:
        _say(answers, "ran", **_timed(built), **_memory())


def _timed(side: Side) -> dict[str, Any]:
    """Run a side once; garbage of the run before is not collected on its account."""
    gc.collect()
    began = time.perf_counter()
    outcome = side.run()
    return {"seconds": time.perf_counter() - began, "outcome": outcome}


def _memory() -> dict[str, float]:
    return {"resident_mb": resident_mb(), "peak_mb": peak_mb()}


def _why(error: NotMeasured | ModuleNotFoundError) -> str:
    """Return why a side cannot be measured; a module of ours must not be missing."""
    if isinstance(error, NotMeasured):
        return str(error)
    if (error.name or "").partition(".")[0] not in PEERS:
        raise error
    return INSTALL


def _take_stdout() -> TextIO:
    """Keep stdout for the answers, and lead whatever libraries print to stderr."""
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, event: str, **content: Any) -> None:
    answers.write(json.dumps({"event": event, **content}) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], quick="--quick" in sys.argv[3:])
