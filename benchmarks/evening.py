"""Evening: one store, one ledger and the settings of the batch that fills them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from benchmarks.running import ROOT
from benchmarks.watched import Ended, watch

KEY = ("ticker", "model", "origin", "session", "quantile")
VALUES = ("step", "value", "last_price")
Rows = dict[tuple[Any, ...], tuple[Any, ...]]
FORECASTER = (sys.executable, "-m", "forecaster")


@dataclass(frozen=True)
class Comparison:
    """How the rows of one ledger differ from those of another."""

    n_same: int
    n_lacking: int
    n_further: int
    n_other_values: int

    @property
    def n_different(self) -> int:
        """Rows that are not the same in both."""
        return self.n_lacking + self.n_further + self.n_other_values


@dataclass(frozen=True)
class Evening:
    """A folder with a price store, a ledger and a batch of its own.

    Attributes
    ----------
    environment
        Leads the client to the loopback Yahoo; its store and caches are replaced.
    words
        Options of the batch.
    """

    folder: Path
    environment: Mapping[str, str]
    words: tuple[str, ...] = ()

    @classmethod
    def prepare(
        cls,
        folder: Path,
        tickers: Sequence[str],
        bundle: Path,
        environment: Mapping[str, str],
        words: Sequence[str] = (),
    ) -> Evening:
        """Write the settings of a batch with nothing stored."""
        folder.mkdir(parents=True)
        (folder / "universe.txt").write_text("\n".join(tickers) + "\n")
        own = {
            "FORECASTER_DATA": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        made = cls(folder, {**environment, **own}, tuple(words))
        made.settings.write_text(tomli_w.dumps(made.batch(bundle)))
        return made

    @property
    def settings(self) -> Path:
        """The batch's TOML file."""
        return self.folder / "nightly.toml"

    @property
    def ledger(self) -> Path:
        """The database."""
        return self.folder / "ledger.db"

    def batch(self, bundle: Path) -> dict[str, Any]:
        """Return the settings of the batch."""
        return {
            "name": "nightly",
            "universe": {"file": "universe.txt"},
            "source": {"name": "yahoo", "calendar": "XNYS"},
            "model": {"bundle": str(bundle)},
            "forecast": {"horizon": 1, "levels": [0.8, 0.95], "delay_minutes": 30},
            "ledger": {"place": str(self.ledger)},
            "outputs": {"folder": str(self.folder / "out"), "formats": ["csv"]},
        }

    @property
    def log(self) -> Path:
        """What the last batch said."""
        return self.folder / "batch.log"

    def run(self, *, kill_after: float | None = None) -> Ended:
        """Run the batch in a process of its own, and kill it if it takes so long."""
        command = [*FORECASTER, "batch", str(self.settings), *self.words]
        self.log.unlink(missing_ok=True)
        return watch(command, self.environment, self.log, kill_after=kill_after)

    def doing(self) -> str:
        """Return what the last batch told of last: its imports, if it told nothing."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in reversed(lines):
            with suppress(ValueError, KeyError, TypeError):
                return str(json.loads(line)["event"])
        return "imports"

    def rows(self) -> Rows:
        """Return the forecasts in the ledger, values by key, exactly as stored."""
        names = ", ".join((*KEY, *VALUES))
        found = self._ask(f"SELECT {names} FROM forecasts")
        return {row[: len(KEY)]: row[len(KEY) :] for row in found}

    def tickers(self) -> set[str]:
        """Return the tickers that have forecasts."""
        return {key[0] for key in self.rows()}

    def runs(self) -> dict[str, int]:
        """Count the runs in the ledger by status."""
        return dict(Counter(row[0] for row in self._ask("SELECT status FROM runs")))

    def failures(self) -> dict[str, str]:
        """Return the kind of error of each ticker that failed in the last run."""
        query = (
            "SELECT ticker, kind FROM failures WHERE run = (SELECT MAX(id) FROM runs)"
        )
        return dict(self._ask(query))

    def ledger_problems(self) -> str:
        """Return what `ledger verify` finds; nothing if the ledger is whole."""
        return self._verify("ledger", "verify", "--ledger", str(self.ledger))

    def store_problems(self) -> str:
        """Return what `data verify` finds; nothing if the stored prices are whole."""
        return self._verify("data", "verify")

    def _verify(self, *words: str) -> str:
        answer = subprocess.run(
            [*FORECASTER, *words],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return (answer.stdout + answer.stderr).strip() if answer.returncode else ""

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        if not self.ledger.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as base:
            return base.execute(query).fetchall()


def compare_rows(wanted: Rows, found: Rows) -> Comparison:
    """Compare two ledgers' rows by key, and their values exactly."""
    both = wanted.keys() & found.keys()
    n_same = sum(wanted[key] == found[key] for key in both)
    return Comparison(
        n_same=n_same,
        n_lacking=len(wanted.keys() - both),
        n_further=len(found.keys() - both),
        n_other_values=len(both) - n_same,
    )


def last_words(log: Path, n_lines: int = 12) -> str:
    """Return the end of what a batch said."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-n_lines:])


def settle(evening: Evening, wanted: set[str], most: int) -> list[Ended]:
    """Run the batch until every wanted ticker has a forecast, so often at most."""
    endings: list[Ended] = []
    while len(endings) < most and evening.tickers() < wanted:
        endings.append(evening.run())
    return endings


def dump(document: Any, file: Path) -> None:
    """Write plain values as JSON."""
    file.write_text(json.dumps(document, indent=1, default=str) + "\n")
