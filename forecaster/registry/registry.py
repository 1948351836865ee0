"""The class `Registry`: a folder of models, and what may be done with them."""

from __future__ import annotations

import contextlib
import difflib
import os
from datetime import datetime
from pathlib import Path

from forecaster.data.store import default_folder
from forecaster.errors import ConfigError, RunNotFound
from forecaster.registry.aliases import PRODUCTION, Aliases, Change
from forecaster.registry.entries import Entry, read_entry
from forecaster.registry.folders import (
    clear_leftovers,
    folders_in,
    highest_in,
    locked,
    note_highest,
    versions_in,
)
from forecaster.registry.gate import Gate
from forecaster.registry.naming import (
    ALIAS,
    NEWEST,
    VERSION,
    check_alias,
    check_name,
)
from forecaster.registry.registering import Candidate
from forecaster.runfolder import NAME

FOLDER_VARIABLE = "FORECASTER_REGISTRY"


class Registry:
    """A folder of models in versions that never change, and their aliases.

    Made by `Registry.open`. Several processes may write at once.
    """

    def __init__(self, folder: Path, *, lock_timeout: float = 60.0) -> None:
        self.folder, self.lock_timeout = folder, lock_timeout

    @classmethod
    def open(cls, folder: str | Path | None = None) -> Registry:
        """Return the registry in a folder, which need not exist yet.

        Parameters
        ----------
        folder
            By default what the environment variable FORECASTER_REGISTRY says, else
            `registry` beside the stored prices.
        """
        chosen = folder or os.environ.get(FOLDER_VARIABLE)
        return cls(Path(chosen) if chosen else default_folder().parent / "registry")

    def register(
        self,
        reference: str | Path | None,
        *,
        name: str | None = None,
        runs_dir: str | Path = "runs",
        now: datetime,
    ) -> Entry:
        """Copy a run's model into the registry, as the next version of its name.

        Parameters
        ----------
        reference
            A run by name or folder, or a bundle; the newest run if None. A bundle
            without its run brings no evidence of skill.
        name
            That of its settings if absent.
        now
            With a time zone.

        Raises
        ------
        RunNotFound
            If there is no such run.
        BundleError
            If the run is damaged. Nothing is registered.
        ConfigError
            If nothing can be called so.
        RunLocked, OutputError
            If another process is at work for long, or the folder cannot be written.
        """
        candidate = Candidate.find(reference, Path(runs_dir))
        chosen = candidate.name if name is None else name
        check_name(chosen)
        with self._locked(chosen) as folder:
            clear_leftovers(folder)
            number = self._next_version(chosen)
            record = candidate.facts | {
                "name": chosen,
                "version": number,
                "created": now.isoformat(timespec="seconds"),
            }
            candidate.write(folder / str(number), record)
            note_highest(folder, number)
        return self.entry(chosen, number)

    def promote(
        self,
        name: str,
        version: int | None = None,
        *,
        alias: str = PRODUCTION,
        force: str | None = None,
        gate: Gate | None = None,
        now: datetime,
    ) -> Change:
        """Let an alias name a version, if that passes the gate.

        Parameters
        ----------
        version
            The newest if absent.
        force
            Why the version is promoted even if the gate refuses it; recorded, with what
            failed, in the alias's history.
        gate
            What is demanded; skill and a passed audit by default.
        now
            With a time zone.

        Returns
        -------
        Change
            What was recorded; the promotion that stands already if nothing changes.

        Raises
        ------
        NoSkill, LeakFound
            If the gate refuses. The result of an audit is kept.
        RunNotFound, BundleError
            If there is no such version, or it is damaged.
        ConfigError
            If nothing can be called by such an alias, or a reason is empty.
        """
        check_alias(alias)
        if force is not None and not force.strip():
            raise ConfigError("a forced promotion wants a reason that says something.")
        entry = self.entry(
            name, self.versions(name)[-1] if version is None else version
        )
        entry.verify()
        failures = (gate or Gate()).judge(entry, forced=force is not None, now=now)
        reason = (force or "").strip() if failures else ""
        time = now.isoformat(timespec="seconds")
        change = Change(alias, "promote", entry.version, None, time, reason, failures)
        with self._locked(name) as folder:
            known = Aliases.read(folder)
            aliases = known.promoted(change)
            if aliases is not known:
                aliases.write(folder)
        return next(one for one in reversed(aliases.history) if one.alias == alias)

    def rollback(self, name: str, *, alias: str = PRODUCTION, now: datetime) -> Change:
        """Let an alias name again what it named before; may be repeated.

        Raises
        ------
        ConfigError
            If it named nothing before.
        BundleError
            If the version before is damaged. The alias stays.
        """
        self.versions(name)
        with self._locked(name) as folder:
            time = now.isoformat(timespec="seconds")
            aliases = Aliases.read(folder).rolled_back(name, alias, time)
            change = aliases.history[-1]
            self.entry(name, change.version).verify()
            aliases.write(folder)
        return change

    def names(self) -> list[str]:
        """Return the names of all models, in order."""
        folders = [path for path in folders_in(self.folder) if versions_in(path)]
        return sorted(path.name for path in folders if NAME.fullmatch(path.name))

    def versions(self, name: str) -> list[int]:
        """Return the versions of a model, oldest first, be they damaged.

        Raises
        ------
        RunNotFound
            If there is no such model.
        """
        found = versions_in(self.folder / name) if NAME.fullmatch(name) else []
        if not found:
            raise self._unknown(name)
        return found

    def entry(self, name: str, version: int) -> Entry:
        """Return one version; its bundle is not read.

        Raises
        ------
        RunNotFound, BundleError
            If there is none, or its record is damaged.
        """
        known = self.versions(name)
        if version not in known:
            numbers = ", ".join(map(str, known))
            raise RunNotFound(f"{name} has no version {version}; it has {numbers}.")
        return read_entry(self.folder / name / str(version), name, version)

    def entries(self, name: str | None = None) -> list[Entry]:
        """Return every version of one or all models.

        Raises
        ------
        RunNotFound, BundleError
            If there is no such model, or a record is damaged.
        """
        names = self.names() if name is None else [name]
        return [
            self.entry(one, number) for one in names for number in self.versions(one)
        ]

    def aliases(self, name: str) -> Aliases:
        """Return the aliases of a model and their history."""
        self.versions(name)
        return Aliases.read(self.folder / name)

    def resolve(self, reference: str) -> Entry:
        """Return the version that is meant, once every file of it is checked.

        Parameters
        ----------
        reference
            ``name@3``, ``name@newest``, ``name@production`` or another alias; a name
            alone means its production.

        Raises
        ------
        RunNotFound
            If there is no such model, version or alias; with what there is.
        BundleError
            Naming the first file that is missing or damaged.
        """
        name, at, which = reference.partition("@")
        entry = self.entry(name, self._number(name, which if at else PRODUCTION))
        entry.verify()
        return entry

    def _number(self, name: str, which: str) -> int:
        known = self.versions(name)
        if which == NEWEST:
            return known[-1]
        if VERSION.fullmatch(which):
            return int(which)
        current = self.aliases(name).current
        if which not in current:
            others = ", ".join([*current, NEWEST, *map(str, known)])
            how = "" if which == PRODUCTION else f" --alias {which}"
            cure = f" Name a version so with `forecaster models promote {name}{how}`."
            raise RunNotFound(
                f"{name} has no '{which}'; it has {others}."
                + (cure if ALIAS.fullmatch(which) else "")
            )
        return current[which]

    def _next_version(self, name: str) -> int:
        """Return a number that no version had, even one that somebody deleted."""
        folder = self.folder / name
        named = (change.version for change in Aliases.read(folder).history)
        return max([highest_in(folder), *versions_in(folder), *named]) + 1

    def _locked(self, name: str) -> contextlib.AbstractContextManager[Path]:
        return locked(self.folder / name, self.lock_timeout)

    def _unknown(self, name: str) -> RunNotFound:
        names = self.names()
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        known = (
            ", ".join(names) or "none yet, add one with `forecaster models register`"
        )
        return RunNotFound(
            f"no model '{name}' in {self.folder}{hint} Models there: {known}."
        )
