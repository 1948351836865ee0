"""Gathering: rows of the ledger put together as what a person looks at."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from forecaster.ledger.showing import COVERAGE, coverage_names
from forecaster.verdict import SIGNIFICANCE
from forecaster.web import answers, failing, queries
from forecaster.web.forecasted import central_intervals, centre
from forecaster.web.opening import Reader
from forecaster.web.queries import Rows

Key = tuple[str, str]
P_VALUE = "_p_value"


def gather_universe(
    reader: Reader, *, text: str, model: str | None, offset: int, limit: int
) -> answers.Universe:
    """Return a page of tickers and models, those without any forecast among them."""
    with reader.connect() as connection:
        failed = newest_failures(connection)
        keys = {_key(row) for row in queries.read_pairs(connection, model=model)}
        keys |= {key for key in failed if model in (None, key[1])}
        wanted = sorted(key for key in keys if text.upper() in key[0])
        shown = wanted[offset : offset + limit]
        rows = _universe_rows(connection, shown, failed)
    return answers.Universe(n_rows=len(wanted), offset=offset, rows=rows)


def gather_ticker(reader: Reader, ticker: str) -> answers.TickerAnswer | None:
    """Return all models of a ticker; None if the ledger does not know it."""
    with reader.connect() as connection:
        failed = newest_failures(connection, ticker=ticker)
        known = queries.read_pairs(connection, tickers=[ticker])
        keys = sorted({_key(row) for row in known} | set(failed))
        rows = _universe_rows(connection, keys, failed)
    return answers.TickerAnswer(ticker=ticker, rows=rows) if rows else None


def gather_summary(reader: Reader) -> answers.Summary:
    """Return the whole ledger in a few numbers."""
    with reader.connect() as connection:
        pairs = queries.read_pairs(connection)
        skills = read_skills(connection)
        models = queries.read_models(connection)
        newest = queries.read_runs(connection, ids=[row["run"] for row in models])
    status = {row["id"]: row["status"] for row in newest}
    rows = [_model_row(row, status, pairs, skills) for row in models]
    return answers.Summary(
        read=datetime.now(UTC).isoformat(timespec="seconds"),
        n_tickers=len({pair["ticker"] for pair in pairs}),
        n_models=len(models),
        n_runs=sum(row["n_runs"] for row in models),
        origin=max((pair["origin"] for pair in pairs), default=None),
        outcomes=_shares(pairs, skills),
        models=rows,
    )


def read_skills(
    connection: sa.Connection, tickers: Iterable[str] | None = None
) -> dict[Key, answers.Skill]:
    """Return the newest stored scores by ticker and model."""
    wanted = None if tickers is None else {*tickers}
    numbers: dict[Key, dict[str, float]] = defaultdict(dict)
    through = {}
    for row in queries.read_scores(connection, wanted):
        numbers[_key(row)][row["metric"]] = row["value"]
        through[_key(row)] = row["through"]
    return {key: _skill(own, through[key]) for key, own in numbers.items()}


def newest_failures(
    connection: sa.Connection, *, ticker: str | None = None
) -> dict[Key, answers.Failure]:
    """Return the failure of the newest origin of each ticker and model."""
    rows = failing.read_newest_failures(connection, ticker=ticker)
    return {_key(row): failure(row) for row in rows}


def failure(row: Mapping[str, Any]) -> answers.Failure:
    """Return a row of the failures as an answer."""
    return answers.Failure(**{name: row[name] for name in answers.Failure.model_fields})


def _runs_by(connection: sa.Connection, ids: list[int]) -> Rows:
    # A database takes so many parameters at once, and no more.
    parts = [ids[first : first + 1000] for first in range(0, len(ids), 1000)]
    return [row for part in parts for row in queries.read_runs(connection, ids=part)]


def _universe_rows(
    connection: sa.Connection, keys: list[Key], failed: Mapping[Key, answers.Failure]
) -> list[answers.UniverseRow]:
    tickers = {ticker for ticker, _ in keys}
    newest = _newest_origins(connection)
    rows = groupby(queries.read_next(connection, tickers), key=_key)
    upcoming = {key: [*own] for key, own in rows}
    ids = {own[0]["run"] for own in upcoming.values()}
    status = {row["id"]: row["status"] for row in _runs_by(connection, [*ids])}
    skills = read_skills(connection, tickers)
    return [
        _universe_row(
            key, upcoming.get(key, []), newest, status, skills.get(key), failed.get(key)
        )
        for key in keys
    ]


def _newest_origins(connection: sa.Connection) -> dict[str, Any]:
    """Return the newest origin of each model."""
    newest: dict[str, Any] = {}
    for pair in queries.read_pairs(connection):
        known = newest.get(pair["model"])
        newest[pair["model"]] = max(known or pair["origin"], pair["origin"])
    return newest


def _universe_row(
    key: Key,
    rows: Rows,
    newest: Mapping[str, Any],
    status: Mapping[int, str],
    skill: answers.Skill | None,
    failed: answers.Failure | None,
) -> answers.UniverseRow:
    facts: dict[str, Any] = dict.fromkeys(answers.UniverseRow.model_fields)
    facts |= {"ticker": key[0], "model": key[1], "skill": skill}
    if rows:
        first = rows[0]
        values = {row["quantile"]: row["value"] for row in rows}
        predicted = centre(values)
        facts |= {name: first[name] for name in ("origin", "session", "last_price")}
        facts |= {"run": first["run"], "run_status": status[first["run"]]}
        facts |= {"predicted": predicted}
        if predicted is not None:
            facts["change"] = predicted / first["last_price"] - 1
        facts["interval"] = next(iter(central_intervals(values)), None)
    if failed is not None and (not rows or failed.origin > facts["origin"]):
        facts |= {"failure": failed, "status": "failed"}
    else:
        facts["status"] = "current" if facts["origin"] == newest[key[1]] else "behind"
    return answers.UniverseRow(**facts)


def _skill(numbers: Mapping[str, float], through: Any) -> answers.Skill:
    plain = set(answers.Skill.model_fields) - {"through", "outcome", "coverage"}
    facts: dict[str, Any] = {name: numbers.get(name) for name in plain}
    levels = sorted(
        float(name.removeprefix(COVERAGE)) for name in coverage_names(numbers)
    )
    coverage = [
        answers.Coverage(
            level=level,
            share=numbers[f"{COVERAGE}{level:g}"],
            p_value=numbers.get(f"{COVERAGE}{level:g}{P_VALUE}"),
        )
        for level in levels
    ]
    facts |= {"through": through, "outcome": _outcome(numbers), "coverage": coverage}
    return answers.Skill(**facts)


def _outcome(numbers: Mapping[str, float]) -> str:
    """Return what `forecaster.verdict.judge` said of the stored numbers."""
    ratio, p_value = numbers.get("rmse_ratio"), numbers.get("p_value")
    if ratio is None or p_value is None:
        return "too few"
    if p_value >= SIGNIFICANCE:
        return "ties"
    return "beats" if ratio < 1 else "loses"


def _shares(
    pairs: Rows, skills: Mapping[Key, answers.Skill], model: str | None = None
) -> answers.Shares:
    counts = dict.fromkeys(answers.Shares.model_fields, 0)
    for pair in pairs:
        if model in (None, pair["model"]):
            skill = skills.get(_key(pair))
            outcome = "unscored" if skill is None else skill.outcome
            counts[outcome.replace(" ", "_")] += 1
    return answers.Shares(**counts)


def _model_row(
    row: Mapping[str, Any],
    status: Mapping[int, str],
    pairs: Rows,
    skills: Mapping[Key, answers.Skill],
) -> answers.ModelRow:
    own = [pair for pair in pairs if pair["model"] == row["model"]]
    found = (skills.get(_key(pair)) for pair in own)
    ratios = [one.rmse_ratio for one in found if one and one.rmse_ratio is not None]
    return answers.ModelRow(
        **row,
        run_status=status[row["run"]],
        n_tickers=len(own),
        origin=max((pair["origin"] for pair in own), default=None),
        median_rmse_ratio=statistics.median(ratios) if ratios else None,
        outcomes=_shares(own, skills),
    )


def _key(row: Mapping[Any, Any]) -> Key:
    return row["ticker"], row["model"]
