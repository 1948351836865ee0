"""Run folders: their reservation, their lock, and their appearance whole or not at all.

While a run trains, it lives in a hidden workplace beside its later folder::

    runs/.google.partial/   lock, stamp, checkpoint.npz and the half-written run/
    runs/google/            appears in one step when everything in it is complete
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock

from forecaster.atomic import output_errors, sync_folder, sync_tree, write_text
from forecaster.errors import ConfigError, OutputError, RunLocked

CHECKPOINT, STAMP, OLD = "checkpoint.npz", "stamp.json", "old"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Existing = Literal["keep", "resume", "replace"]


@dataclass(frozen=True)
class Workplace:
    """A reserved name, locked for this process until `release`.

    Attributes
    ----------
    target
        The folder that will appear.
    folder
        The hidden folder to work in.
    resumed
        Whether an earlier, unfinished run of the same settings was found here.
    replaces
        Whether a finished run of the name gives way to this one.
    """

    target: Path
    folder: Path
    lock: filelock.BaseFileLock
    resumed: bool = False
    replaces: bool = False

    @property
    def checkpoint(self) -> Path:
        """File that keeps the state of training."""
        return self.folder / CHECKPOINT

    @contextlib.contextmanager
    def publish(self) -> Iterator[Path]:
        """Yield an empty folder that becomes `target` if the block succeeds."""
        staging = self.folder / "run"
        with output_errors(self.target):
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir()
        yield staging
        with output_errors(self.target):
            sync_tree(staging)
            if self.replaces and self.target.exists():
                shutil.rmtree(self.folder / OLD, ignore_errors=True)
                self.target.rename(self.folder / OLD)
            try:
                staging.rename(self.target)
            except OSError:
                _restore(self.target)
                raise
            sync_folder(self.target.parent)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()

    def release(self) -> None:
        """Let other processes at the name again; keep the folder if it can resume."""
        if not self.lock.is_locked:  # published: the folder may be another's by now
            return
        _restore(self.target)
        if not self.checkpoint.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.release()


def reserve(
    runs_dir: Path,
    name: str,
    stamp: str,
    *,
    exact: bool = False,
    existing: Existing = "keep",
) -> Workplace:
    """Reserve a name for a run and lock it.

    Parameters
    ----------
    stamp
        Identifies settings and prices: only a run with the same stamp is resumed.
    exact
        Take this very name; otherwise the first free one of ``name``, ``name-2``, …
    existing
        What becomes of an earlier run of the name: `keep` it (and take another name,
        if that is allowed), `resume` it if it is unfinished and has the same stamp,
        or `replace` it.

    Raises
    ------
    RunLocked
        If another process is at work on the exact name.
    ConfigError
        If the name is none, or the run to resume has other settings or prices.
    OutputError
        If the exact name is taken, or the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"a run cannot be called '{name}': want letters, digits, '.', '_' and '-', "
            "and a letter or digit first. Name its folder with `--runs-dir`."
        )
    if existing == "resume":
        found = _resumable(runs_dir, name, stamp, exact=exact)
        if found is not None:
            return found
    if existing == "replace":
        return _start(runs_dir / name, stamp, replaces=True)
    if exact:
        _refuse_existing(runs_dir / name, resuming=existing == "resume")
        return _start(runs_dir / name, stamp)
    for number in itertools.count(1):
        target = runs_dir / (name if number == 1 else f"{name}-{number}")
        if not target.exists() and not _partial(target).exists():
            with contextlib.suppress(RunLocked):
                return _start(target, stamp)
    raise OutputError(f"{runs_dir}: no free name")  # unreachable: names never end


def unfinished_runs(runs_dir: Path) -> list[str]:
    """Return the names of runs that were begun and neither finished nor thrown away."""
    folders = sorted(runs_dir.glob(".*.partial"))
    return [path.name[1 : -len(".partial")] for path in folders]


def begun_run(runs_dir: Path, name: str, stamp: str) -> str | None:
    """Return which unfinished run, of a name or ``name-2`` on, has a stamp."""
    for candidate in unfinished_runs(runs_dir):
        if candidate == name or _numbered(candidate, name):
            begun = _read_stamp(runs_dir / candidate).get("stamp")
            appeared = (runs_dir / candidate).exists()
            if begun == stamp and not appeared:
                return candidate
    return None


def _resumable(
    runs_dir: Path, name: str, stamp: str, *, exact: bool
) -> Workplace | None:
    others = []
    for candidate in unfinished_runs(runs_dir):
        if candidate != name and (exact or not _numbered(candidate, name)):
            continue
        target = runs_dir / candidate
        lock = _lock(target)
        if lock is None:
            if exact:
                raise _locked(target)
            continue
        _restore(target)
        begun = _read_stamp(target)
        if target.exists() and not begun.get("replaces"):
            # Killed after the run had appeared, before its workplace was cleared.
            shutil.rmtree(_partial(target), ignore_errors=True)
        elif begun.get("stamp") == stamp:
            replaces = bool(begun["replaces"])
            return Workplace(target, _partial(target), lock, True, replaces)
        else:
            others.append(candidate)
        lock.release()
    if others:
        raise ConfigError(
            f"cannot resume {', '.join(others)}: begun with other settings or other "
            "prices. Use the same ones, or leave `--resume` out to start a new run."
        )
    return None


def _refuse_existing(target: Path, *, resuming: bool) -> None:
    if target.exists():
        state = "is finished, so nothing is left to resume" if resuming else "exists"
        raise OutputError(
            f"the run {target} {state}. Choose another `--name`, or replace it with "
            "`--overwrite`."
        )
    if _partial(target).exists():
        lock = _lock(target)
        if lock is None:
            raise _locked(target)
        lock.release()
        raise OutputError(
            f"the run {target} is unfinished. Go on with `--resume`, or start it again "
            "with `--overwrite`."
        )


def _start(target: Path, stamp: str, *, replaces: bool = False) -> Workplace:
    partial = _partial(target)
    with output_errors(partial):
        partial.mkdir(parents=True, exist_ok=True)
    lock = _lock(target)
    if lock is None:
        raise _locked(target)
    _restore(target)
    if target.exists() and not replaces:  # another process finished it just now
        shutil.rmtree(partial, ignore_errors=True)
        lock.release()
        raise _locked(target)
    workplace = Workplace(target, partial, lock, replaces=replaces)
    try:
        with output_errors(partial):
            workplace.checkpoint.unlink(missing_ok=True)
        write_text(partial / STAMP, json.dumps({"stamp": stamp, "replaces": replaces}))
    except BaseException:
        workplace.release()
        raise
    return workplace


def _lock(target: Path) -> filelock.BaseFileLock | None:
    """Return the lock of a workplace, or None if another process holds it."""
    lock = filelock.FileLock(_partial(target) / "lock")
    with output_errors(target):
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, FileNotFoundError):  # held, or cleared just now
            return None
    return lock


def _restore(target: Path) -> None:
    """Put a run back that was killed between making way and being replaced."""
    old = _partial(target) / OLD
    if old.exists() and not target.exists():
        with output_errors(target):
            old.rename(target)


def _locked(target: Path) -> RunLocked:
    return RunLocked(
        f"another process is at work on the run {target}. Wait for it, or choose "
        "another `--name`."
    )


def _read_stamp(target: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((_partial(target) / STAMP).read_text(encoding="utf-8")))
    return {}


def _numbered(candidate: str, name: str) -> bool:
    return candidate.startswith(f"{name}-") and candidate[len(name) + 1 :].isdigit()


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")
