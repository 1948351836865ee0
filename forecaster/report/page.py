"""Pages: what a report says, before it becomes HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pandas as pd

from forecaster.verdict import SIGNIFICANCE

LARGE = 100.0
NOTHING = "-"
TINY = 0.001
Mood = Literal["good", "even", "bad", "plain"]
MOODS: dict[str, Mood] = {"beats": "good", "ties": "even", "loses": "bad"}
LETTERS = {
    **{name: name.upper() for name in ("rmse", "mae", "mape", "mase", "rmsse", "crps")},
    "smape": "sMAPE",
    "r2": "R²",
}
SCORES = {
    "R² returns": "R² of returns",
    "directional accuracy": "right directions",
    "majority rate": "commoner direction",
    "p value": "p",
}
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


def column_name(name: Any) -> str:
    """Return the name of a column in words, with the usual letters of a score.

    >>> column_name("rmse_ratio"), column_name("n_origins"), column_name("q0.05")
    ('RMSE ratio', 'origins', 'q0.05')
    """
    words = name_cell(str(name).removeprefix("n_")).split(" ")
    known = " ".join(LETTERS.get(word, word) for word in words)
    return SCORES.get(known, known)


def table_of(
    frame: pd.DataFrame, caption: str, *, words: Iterable[str] = ()
) -> Table | None:
    """Return a frame as a table, without the columns that hold nothing; None if empty.

    Columns have the names that `column_name` gives them.
    """
    shown = frame.dropna(axis="columns", how="all")
    if shown.empty:
        return None
    columns = tuple(column_name(name) for name in shown)
    rows = tuple(
        tuple(cell(value) for value in row)
        for row in shown.itertuples(index=False, name=None)
    )
    return Table(caption, columns, rows, frozenset(column_name(one) for one in words))


def facts_table(caption: str, facts: Mapping[str, Any]) -> Table:
    """Return a table of two columns from facts by name, without those unknown."""
    rows = tuple(
        (name, cell(value)) for name, value in facts.items() if value is not None
    )
    return Table(caption, ("what", "value"), rows, frozenset({"what", "value"}))


def joined(sections: Sequence[Section | None]) -> tuple[Section, ...]:
    """Return the sections that apply."""
    return tuple(section for section in sections if section is not None)
