"""Evening sources: what an evening's forecasts come from, and the model's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from forecaster.report.page import Section, Table, cell, facts_table
from forecaster.report.provenance import versions_table
from forecaster.report.verdicts import disagreement_notes, verdict_rows
from forecaster.verdict import Verdict

MOST_NETWORKS = 50
SHORT = 12
OLDER = (
    "This evening was written by an earlier version of forecaster, which did not keep "
    "versions, settings and networks beside the forecasts."
)


def model_section(summary: Mapping[str, Any]) -> Section | None:
    """Return the section on the verdict that the model itself was given.

    None where the evening does not tell: an earlier version wrote it.
    """
    known = summary.get("provenance")
    if known is None:
        return None
    texts = model_texts(summary)
    facts = known.get("verdict")
    if facts is None:
        return Section("model", "The model's own verdict", texts)
    verdict = {str(summary["model"]): Verdict.from_dict(facts)}
    if facts.get("lag"):
        texts = (*texts, str(facts["lag"]))
    return Section(
        "model",
        "The model's own verdict",
        texts,
        tables=(verdict_rows(verdict, "Beside the best baseline", "model"),),
        notes=(
            *disagreement_notes(verdict),
            f"From the test of {facts['ticker']} when it was trained. Other tickers, "
            "and later sessions, are judged by the scores of earlier forecasts alone.",
        ),
    )


def model_texts(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return in one sentence what the model was found worth, if the evening tells."""
    known = summary.get("provenance")
    if known is None:
        return ()
    model, facts = summary["model"], known.get("verdict")
    if facts is None:
        return (
            f"The model {model} is not scored yet: there is no verdict of a test range "
            "beside its network. What it is worth shows in the scores of its earlier "
            "forecasts, once their prices have come.",
        )
    return (
        f"The model {model}, when it was tested on {facts['ticker']} "
        f"{facts['target']} from {facts['first_session']} to {facts['last_session']}: "
        f"{facts['sentence']}",
    )


def page_sources(summary: Mapping[str, Any]) -> Section:
    """Return the section on what an evening's forecasts come from."""
    facts = {
        "batch": str(summary["name"]),
        "model": str(summary["model"]),
        "ledger": summary.get("ledger"),
        "written": f"{str(summary['finished'])[:16].replace('T', ' ')} UTC",
        "took": None if "seconds" not in summary else f"{summary['seconds']} s",
    }
    known = summary.get("provenance")
    title, where = "Provenance", "Where this comes from"
    if known is None:
        only = (facts_table(where, facts),)
        return Section("provenance", title, tables=only, notes=(OLDER,))
    settings = known.get("settings", {})
    facts |= _source_facts(settings.get("source", {}))
    networks, runs = known.get("networks", []), known.get("runs", [])
    tables = (
        facts_table(where, facts),
        *_tables_of(networks),
        _runs_table(runs),
        versions_table(known.get("versions", {})),
    )
    notes = [
        "A network's checksum is the SHA-256 of its bundle's manifest, which holds "
        "those of all its files. The versions are those of the run that wrote this.",
    ]
    if len(networks) > MOST_NETWORKS:
        notes.append(
            f"The first {MOST_NETWORKS} of {len(networks)} networks; all of them are "
            "in summary.json."
        )
    code = (
        ("Settings of the batch, defaults included", tomli_w.dumps(settings)),
        (
            "Settings of the network, defaults included",
            tomli_w.dumps(known.get("network_settings", {})),
        ),
    )
    if "settings" in settings.get("model", {}):
        notes.append(
            "The batch trains its networks itself: `training.end` in their settings is "
            "the end of the first training, and the ranges above are those of this "
            "evening."
        )
    notes += _other_networks(networks, runs)
    return Section("provenance", title, (), (), tables, tuple(notes), code)


def _other_networks(
    networks: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say which runs forecast with a network that has been replaced since."""
    known = {one["fingerprint"] for one in networks}
    others = [
        str(one["run"])
        for one in runs
        if one["fingerprint"] is not None and one["fingerprint"] not in known
    ]
    if not others:
        return []
    return [
        "The forecasts of these runs are those of another network than the ones named "
        f"here, which stood in its place before: {', '.join(others)}."
    ]


def short_fingerprints(summary: Mapping[str, Any]) -> str:
    """Return the beginnings of the checksums of an evening's networks, for a list."""
    known = (summary.get("provenance") or {}).get("networks", [])
    if len(known) > 1:
        return f"{len(known)} networks"
    return "".join(str(one["fingerprint"])[:SHORT] for one in known)


def _source_facts(source: Mapping[str, Any]) -> dict[str, Any]:
    place = source.get("path")
    asked = "yes" if place is None and source.get("name") != "embedded" else "no"
    if source.get("offline"):
        asked = "no, stored prices alone"
    return {
        "source of the prices": place or source.get("name"),
        "asked over the network": asked,
        "exchange calendar": source.get("calendar"),
    }


def _tables_of(networks: list[Mapping[str, Any]]) -> tuple[Table, ...]:
    """Return what the networks were trained on, and their checksums."""
    shown = networks[:MOST_NETWORKS]
    if not shown:
        return ()
    trained = tuple(
        (
            str(one["network"]),
            _shortened(str(one["trained_on"]["ticker"])),
            str(one["trained_on"]["source"]),
            f"{one['trained_on']['first']} to {one['trained_on']['last']}",
            cell(one["trained_on"]["n_sessions"]),
            cell(one["trained_on"]["n_windows"]),
            _versions(one["versions"]),
        )
        for one in shown
    )
    columns = (
        *("network", "trained on", "source of the prices", "training range"),
        *("training sessions", "training windows", "trained with"),
    )
    words = frozenset(columns) - {"training sessions", "training windows"}
    sums = tuple(
        (str(one["network"]), str(one["fingerprint"]), one["trained_on"]["fingerprint"])
        for one in shown
    )
    names = ("network", "checksum of the network", "fingerprint of its prices")
    return (
        Table("Networks of the evening", columns, trained, words),
        Table("Checksums of the networks", names, sums, frozenset(names)),
    )


def _runs_table(runs: list[Mapping[str, Any]]) -> Table:
    rows = tuple(
        (
            str(one["run"]),
            str(one["batch"]),
            f"{str(one['started'])[:16].replace('T', ' ')}",
            str(one["n_tickers"]),
            str(one["forecaster"]),
            cell(one["fingerprint"])[:SHORT],
        )
        for one in runs
    )
    columns = (
        *("run", "batch", "begun (UTC)", "tickers", "forecaster"),
        "network",
    )
    words = frozenset({"run", "batch", "network"})
    return Table("Ledger runs behind the forecasts", columns, rows, words)


def _versions(versions: Mapping[str, Any]) -> str:
    names = ("forecaster", "keras", "tensorflow")
    return ", ".join(f"{name} {versions[name]}" for name in names if name in versions)


def _shortened(tickers: str) -> str:
    """Return the tickers of a network, of many only how many."""
    names = tickers.split()
    few = 12
    return tickers if len(names) <= few else f"{len(names)} tickers"
