"""Findings: what an audit checked, what it found, and what it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forecaster.errors import LeakFound


@dataclass(frozen=True)
class Check:
    """One question to a pipeline, and its answer.

    Attributes
    ----------
    name
        Stable: it stays the same from one version to the next.
    passed
        Whether nothing leaks there.
    detail
        One or several sentences: what was tried, or what leaks and how.
    """

    name: str
    passed: bool
    detail: str

    @classmethod
    def of(cls, name: str, leaks: list[str], clean: str) -> Check:
        """Return a check that passes if there is no leak; `clean` then tells why."""
        return cls(name, not leaks, " ".join(leaks) or clean)


@dataclass(frozen=True)
class Audit:
    """The checks of one pipeline with one set of settings.

    Attributes
    ----------
    name
        Of the settings.
    checks
        In the order in which they were made.
    tried
        What the experiments were.
    not_proved
        What they cannot tell.
    """

    name: str
    checks: tuple[Check, ...]
    tried: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not self.leaks

    @property
    def leaks(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def require_clean(self) -> None:
        """Refuse a pipeline that leaks.

        Raises
        ------
        LeakFound
            If a check did not pass.
        """
        if not self.passed:
            names = ", ".join(check.name for check in self.leaks)
            raise LeakFound(
                f"{self.name}: {len(self.leaks)} of {len(self.checks)} checks found a "
                f"leak: {names}. Scores of these settings are worth nothing until it "
                "is mended."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "name": self.name,
            "passed": self.passed,
            "checks": [
                {"name": check.name, "passed": check.passed, "detail": check.detail}
                for check in self.checks
            ],
            "tried": list(self.tried),
            "not_proved": list(self.not_proved),
        }

    def __repr__(self) -> str:
        found = f"{len(self.leaks)} leaks" if self.leaks else "no leak"
        return f"Audit({self.name}: {found} in {len(self.checks)} checks)"
