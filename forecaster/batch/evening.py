"""The evening: what a batch is asked for besides its settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

RUNS_DIR = Path("runs")


@dataclass(frozen=True)
class Evening:
    """What a batch is asked for besides its settings.

    Attributes
    ----------
    now
        The clock, with a time zone.
    as_of
        Pretend that it is the evening of this date.
    catch_up
        How many sessions before are wanted too, where they were missed.
    heed
        Raises if the process was told to end.
    runs_dir
        Where the run of a network is looked for by name.
    sleep
        How to wait for a source; replaceable in tests.
    """

    now: Callable[[], datetime]
    as_of: str | date | None = None
    catch_up: int = 0
    heed: Callable[[], None] = field(default=lambda: None)
    runs_dir: Path = RUNS_DIR
    sleep: Callable[[float], None] = field(default=time.sleep)
