"""Aliases: which version a name such as `production` means, and meant before."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from forecaster.atomic import write_bytes
from forecaster.checksums import canonical_json
from forecaster.errors import ConfigError
from forecaster.registry.entries import read_signed

FILE = "aliases.json"
PRODUCTION = "production"


@dataclass(frozen=True)
class Change:
    """One change of an alias.

    Attributes
    ----------
    version, before
        What it names now, and what it named before; None if nothing.
    time
        ISO, with a time zone.
    reason, failures
        Why a failed gate was overruled, and what had failed; empty if it was passed.
    """

    alias: str
    action: Literal["promote", "rollback"]
    version: int
    before: int | None
    time: str
    reason: str = ""
    failures: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"failures": list(self.failures)}


@dataclass(frozen=True)
class Aliases:
    """All changes of a model's aliases, oldest first."""

    history: tuple[Change, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Aliases:
        """Read a model's aliases; there are none without a file.

        Raises
        ------
        BundleError
            If the file is damaged.
        """
        path = folder / FILE
        if not path.exists():
            return cls()
        cure = "Restore it from a copy, or move it away and promote again"
        changes = read_signed(path, cure)["history"]
        return cls(
            tuple(
                Change(**{**change, "failures": tuple(change["failures"])})
                for change in changes
            )
        )

    def write(self, folder: Path) -> None:
        """Write the file; readers see either the old one or the new."""
        content = {
            "aliases": self.current,
            "history": [change.to_dict() for change in self.history],
        }
        write_bytes(folder / FILE, canonical_json(content))

    @property
    def current(self) -> dict[str, int]:
        """Version of each alias."""
        names = dict.fromkeys(change.alias for change in self.history)
        return {name: self.stack(name)[-1] for name in names}

    def stack(self, alias: str) -> list[int]:
        """Return what a rollback goes down: the version now last, those before first.

        >>> changes = [("promote", 1), ("promote", 2), ("rollback", 1), ("promote", 3)]
        >>> made = [Change("production", what, n, None, "") for what, n in changes]
        >>> Aliases(tuple(made)).stack("production")
        [1, 3]
        """
        stack: list[int] = []
        for change in self.history:
            if change.alias != alias:
                continue
            if change.action == "rollback":
                stack.pop()
            elif stack[-1:] != [change.version]:
                stack.append(change.version)
        return stack

    def reason(self, alias: str, version: int) -> str:
        """Return why a version got an alias against the gate; empty if it passed."""
        promotions = [
            change.reason
            for change in self.history
            if (change.alias, change.action) == (alias, "promote")
            and change.version == version
        ]
        return promotions[-1] if promotions else ""

    def promoted(self, change: Change) -> Aliases:
        """Return the aliases after a promotion.

        Nothing is noted where the version has the alias already, on the same grounds.
        """
        stack = self.stack(change.alias)
        before = stack[-1] if stack else None
        known = self.reason(change.alias, change.version)
        if before == change.version and known == change.reason:
            return self
        return Aliases((*self.history, replace(change, before=before)))

    def rolled_back(self, model: str, alias: str, time: str) -> Aliases:
        """Return the aliases with one of them on the version that it named before.

        Raises
        ------
        ConfigError
            If it named nothing before.
        """
        stack = self.stack(alias)
        if not stack:
            known = ", ".join(self.current) or "none"
            raise ConfigError(
                f"{model} has no alias '{alias}' to roll back; it has: {known}."
            )
        if len(stack) == 1:
            raise ConfigError(
                f"{model}@{alias} names version {stack[0]}, and named none before. "
                "Promote another one with `forecaster models promote`."
            )
        back = Change(alias, "rollback", stack[-2], stack[-1], time)
        return Aliases((*self.history, back))
