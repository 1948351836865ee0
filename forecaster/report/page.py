"""Pages: what a report says, before it becomes HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pandas as pd

from forecaster.verdict import SIGNIFICANCE, Verdict

LARGE = 100.0
NOTHING = "-"
TINY = 0.001
Mood = Literal["good", "even", "bad", "plain"]
MOODS: dict[str, Mood] = {"beats": "good", "ties": "even", "loses": "bad"}
WORDS = {
    "beats": "Beats the baselines",
    "ties": "Not told apart from the best baseline",
    "loses": "Loses to a baseline",
}


@dataclass(frozen=True)
class Figure:
    """A picture, with what it shows in words.

    Attributes
    ----------
    key
        Unique in its page.
    svg
        Safe markup, see `forecaster.report.drawing`.
    title, description
        The alternative text: what the picture is, and what is to be seen in it.
    zoomable
        Whether it has buttons that zoom.
    live
        Data and layout of the interactive picture that stands in its place.
    """

    key: str
    svg: str
    title: str
    description: str
    zoomable: bool = False
    live: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """Rows of texts under named columns.

    Attributes
    ----------
    words
        Columns that are read from the left.
    links
        Where a text of the first column leads.
    folded
        Whether only the caption is shown until it is asked for.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Attributes
    ----------
    code
        Text that is shown as it is, below its caption.
    """

    key: str
    title: str
    texts: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    code: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    kind, name
        Such as `run` and `google`.
    lead
        What is known at a glance: a few words, and their mood.
    sections
        The first of them is the verdict.
    """

    kind: str
    name: str
    title: str
    lead: str
    mood: Mood
    sections: tuple[Section, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    back: str | None = None


def cell(value: Any) -> str:
    """Return a value as the text of a table's cell.

    >>> cell(0.123456), cell(float("nan")), cell(12), cell("GOOG")
    ('0.1235', '-', '12', 'GOOG')
    >>> cell(134.567), cell(12345.67), cell(-543210.5)
    ('134.57', '12,345.67', '-543,210.50')
    """
    if value is None or value is pd.NaT:
        return NOTHING
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return _number(value)
    return str(value)


def _number(value: float) -> str:
    """Return four digits that count, and the cents of larger prices."""
    if math.isnan(value):
        return NOTHING
    if LARGE <= abs(value) < math.inf:
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    whole = value.is_integer() and abs(value) < 1 / SIGNIFICANCE
    return f"{value:.{1 if whole else 4}g}"


def p_cell(value: float | None) -> str:
    """Return a p-value as a text.

    >>> p_cell(0.0004), p_cell(0.25)
    ('< 0.001', '0.250')
    """
    if value is None or math.isnan(value):
        return NOTHING
    return f"< {TINY}" if value < TINY else f"{value:.3f}"


def name_cell(value: Any) -> str:
    """Return the name of a forecast in words.

    >>> name_cell("last_value")
    'last value'
    """
    return str(value).replace("_", " ")


def table_of(
    frame: pd.DataFrame, caption: str, *, words: Iterable[str] = ()
) -> Table | None:
    """Return a frame as a table, without the columns that hold nothing; None if empty.

    Names lose their underscores.
    """
    shown = frame.dropna(axis="columns", how="all")
    if shown.empty:
        return None
    columns = tuple(name_cell(name) for name in shown)
    rows = tuple(
        tuple(cell(value) for value in row)
        for row in shown.itertuples(index=False, name=None)
    )
    return Table(caption, columns, rows, frozenset(name_cell(word) for word in words))


def facts_table(caption: str, facts: Mapping[str, Any]) -> Table:
    """Return a table of two columns from facts by name, without those unknown."""
    rows = tuple(
        (name, cell(value)) for name, value in facts.items() if value is not None
    )
    return Table(caption, ("what", "value"), rows, frozenset({"what", "value"}))


def verdict_rows(verdicts: Mapping[str, Verdict], caption: str, what: str) -> Table:
    """Return a table of verdicts by what was judged."""
    rows = tuple(
        (
            name_cell(name),
            one.measure,
            name_cell(one.against),
            cell(one.ratio),
            f"{cell(one.low)} to {cell(one.high)}",
            p_cell(one.p_value),
            str(one.n_forecasts),
            one.outcome,
        )
        for name, one in verdicts.items()
    )
    columns = (
        *(what, "measure", "against", "ratio", "95% interval", "p"),
        *("forecasts", "outcome"),
    )
    words = frozenset({what, "measure", "against", "outcome"})
    return Table(caption, columns, rows, words)


def verdict_facts(verdict: Verdict, *, prefix: str = "") -> dict[str, str]:
    """Return the numbers of a verdict by name, as a page shows them."""
    measure = verdict.measure
    return {
        f"{prefix}outcome": f"{verdict.outcome} {name_cell(verdict.against)}",
        f"{prefix}ratio of {measure}": cell(verdict.ratio),
        f"{prefix}95% interval of the ratio": (
            f"{cell(verdict.low)} to {cell(verdict.high)}"
        ),
        f"{prefix}Diebold-Mariano p": p_cell(verdict.p_value),
        f"{prefix}forecasts": str(verdict.n_forecasts),
    }


def joined(sections: Sequence[Section | None]) -> tuple[Section, ...]:
    """Return the sections that apply."""
    return tuple(section for section in sections if section is not None)
