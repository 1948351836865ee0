"""Listing: a row for each version of a model, and everything that is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from forecaster.errors import BundleError
from forecaster.registry.aliases import Aliases
from forecaster.registry.entries import Entry
from forecaster.registry.registry import Registry


def list_models(registry: Registry, name: str | None = None) -> list[dict[str, Any]]:
    """Return a row for each version of one or all models, oldest first.

    ``name version state aliases created run ticker target``, the evidence (``ratio
    against p_value outcome``, None without a run), ``audit`` (`passed`, `failed`, `not
    run` or `damaged`) and ``forced``, the reason of a forced promotion by alias. Of
    what is damaged, `state` says so, and there is no more than is known.

    Raises
    ------
    RunNotFound
        If there is no such model.
    """
    names = registry.names() if name is None else [name]
    return [row for one in names for row in _rows(registry, one)]


def find_problems(registry: Registry, name: str | None = None) -> list[str]:
    """Read every byte of one or all models, and return what is damaged.

    Raises
    ------
    RunNotFound
        If there is no such model.
    """
    names = registry.names() if name is None else [name]
    problems = [_problem(check) for one in names for check in _checks(registry, one)]
    return [problem for problem in problems if problem]


def _rows(registry: Registry, name: str) -> Iterator[dict[str, Any]]:
    versions = registry.versions(name)
    try:
        aliases, state = registry.aliases(name), "registered"
    except BundleError:
        aliases, state = Aliases(), "aliases damaged"
    for version in versions:
        own = [alias for alias, number in aliases.current.items() if number == version]
        row = {"name": name, "version": version, "state": state, "aliases": own}
        try:
            row |= _facts(registry.entry(name, version), own, aliases)
        except BundleError:
            row["state"] = "damaged"
        yield row


def _facts(entry: Entry, own: list[str], aliases: Aliases) -> dict[str, Any]:
    verdict, record = entry.verdict, entry.record
    facts = {} if verdict is None else verdict.to_dict()
    reasons = {alias: aliases.reason(alias, entry.version) for alias in own}
    return {
        **{name: record[name] for name in ("created", "ticker", "target")},
        "run": None if record["run"] is None else record["run"]["name"],
        **{name: facts.get(name) for name in ("ratio", "against", "p_value")},
        "outcome": facts.get("outcome"),
        "audit": audit_state(entry),
        "forced": {alias: reason for alias, reason in reasons.items() if reason},
    }


def audit_state(entry: Entry) -> str:
    """Return what is known of an entry's audit, in a word or two."""
    try:
        found = entry.load_audit()
    except BundleError:
        return "damaged"
    if found is None:
        return "not run"
    return "passed" if found["passed"] else "failed"


def _checks(registry: Registry, name: str) -> Iterator[Callable[[], object]]:
    yield partial(_check_aliases, registry, name)
    for version in registry.versions(name):
        yield partial(_check_version, registry, name, version)


def _check_version(registry: Registry, name: str, version: int) -> None:
    entry = registry.entry(name, version)
    entry.verify()
    entry.load_audit()


def _check_aliases(registry: Registry, name: str) -> None:
    known = registry.versions(name)
    for alias, version in registry.aliases(name).current.items():
        if version not in known:
            raise BundleError(
                f"{name}@{alias} names version {version}, which is gone. Promote "
                f"another one with `forecaster models promote {name}`."
            )


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except BundleError as error:
        return str(error)
    return ""
