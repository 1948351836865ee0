"""Model tables: what `forecaster models` prints of versions, audits and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from forecaster.cli.console import print_json, say

if TYPE_CHECKING:
    from forecaster.registry import Entry, Registry
    from forecaster.registry.aliases import Change

COLUMNS = (
    *("model", "aliases", "created", "ticker", "target", "ratio", "p", "outcome"),
    *("audit", "forced"),
)
TRAINED_ON = "{ticker} ({source}), {first} to {last}, {n_windows} windows"


def worth(entry: Entry) -> str:
    """Return one sentence on what a version was worth on its test range."""
    verdict = entry.verdict
    return "No evidence: there is no run." if verdict is None else str(verdict)


def tell_change(
    registry: Registry, name: str, change: Change, *, as_json: bool
) -> None:
    """Print how an alias has changed, and against which failures."""
    from forecaster.registry.listing import audit_state

    if as_json:
        audit = audit_state(registry.entry(name, change.version))
        label = f"{name}@{change.version}"
        print_json({"model": label, **change.to_dict(), "audit": audit})
        return
    for failure in change.failures:
        say(f"warning: forced against: {failure}")
    typer.echo(told(name, change.to_dict()))


def told(name: str, change: dict[str, Any]) -> str:
    """Return one change of an alias as a line."""
    before = "nothing" if change["before"] is None else f"version {change['before']}"
    forced = f"; forced: {change['reason']}" if change["reason"] else ""
    return (
        f"{change['time']} {change['action']}: {name}@{change['alias']} is version "
        f"{change['version']}, before: {before}{forced}"
    )


def list_row(row: dict[str, Any]) -> dict[str, str]:
    """Return a row of `list_models` as the cells of the table."""
    shown = {name: "" if fact is None else str(fact) for name, fact in row.items()}
    number = {"ratio": row.get("ratio"), "p": row.get("p_value")}
    forced = row.get("forced") or {}
    damaged = row["state"] != "registered"
    return shown | {
        "model": f"{row['name']}@{row['version']}",
        "aliases": ", ".join(row["aliases"]),
        "outcome": row["state"] if damaged else row["outcome"] or "no evidence",
        "forced": "; ".join(f"{alias}: {why}" for alias, why in forced.items()),
        **{name: "" if n is None else f"{n:.3g}" for name, n in number.items()},
    }


def origin(entry: Entry) -> dict[str, object]:
    """Return the facts on where a version comes from."""
    record, run = entry.record, entry.record["run"]
    versions = ", ".join(f"{name} {is_}" for name, is_ in record["versions"].items())
    return {
        "model": entry.label,
        "folder": entry.folder,
        "registered": record["created"],
        "run": "none" if run is None else f"{run['folder']}, {run['created']}",
        "trained on": TRAINED_ON.format(**record["trained_on"]),
        "versions": versions,
        "fingerprint": entry.fingerprint,
    }


def print_audit(audit: dict[str, Any] | None) -> None:
    """Print whether the audit passed, and what leaks if not."""
    if audit is None:
        typer.echo("Audit: not run.")
        return
    state = "passed" if audit["passed"] else "failed"
    typer.echo(f"Audit: {state}, {len(audit['checks'])} checks, {audit['audited']}.")
    for check in audit["checks"]:
        if not check["passed"]:
            typer.echo(f"LEAK  {check['name']}: {check['detail']}")
