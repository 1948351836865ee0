"""Verdicts: tables, facts and a picture of them, and where test and interval differ."""

from __future__ import annotations

import math
from collections.abc import Mapping

from forecaster.plotting import plot_ratios
from forecaster.report.drawing import figure
from forecaster.report.page import Figure, Table, cell, name_cell, p_cell
from forecaster.verdict import Verdict

PHRASES = {"beats": "beats", "ties": "ties with", "loses": "loses to"}
LEAST_RATIO, MOST_RATIO = 0.1, 10.0
WHY_THEY_DIFFER = (
    "The Diebold-Mariano test decides the outcome. It asks whether the mean difference "
    "of the two losses is zero, while the interval comes from the ratio of their means "
    "in resampled blocks of sessions: near 5% one of them may see a difference that "
    "the other does not, and such a result is weak evidence either way."
)
OUTCOMES = (
    "Outcomes: “beats” and “loses” mean a difference at the 5% level, “ties” that none "
    "can be told. A ratio below 1 is better."
)
MANY_TESTS = (
    "Two-sided Diebold-Mariano tests; intervals by block bootstrap. The best baseline "
    "is chosen after the fact. Of many tests one in twenty is small by luck: look at "
    "the whole, not at the best."
)


def ratio_cell(value: float) -> str:
    """Return a ratio as a text, to as many places as its neighbours.

    >>> ratio_cell(1.0), ratio_cell(0.98604), ratio_cell(0.0001234)
    ('1.0000', '0.9860', '0.0001234')
    """
    return f"{value:.4f}" if LEAST_RATIO <= value < MOST_RATIO else cell(value)


def verdict_rows(verdicts: Mapping[str, Verdict], caption: str, what: str) -> Table:
    """Return a table of verdicts by what was judged."""
    rows = tuple(
        (
            name_cell(name),
            one.measure,
            name_cell(one.against),
            ratio_cell(one.ratio),
            _interval(one),
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
        f"{prefix}outcome": f"{PHRASES[verdict.outcome]} {name_cell(verdict.against)}",
        f"{prefix}ratio of {measure}": ratio_cell(verdict.ratio),
        f"{prefix}95% interval of the ratio": _interval(verdict),
        f"{prefix}Diebold-Mariano p": p_cell(verdict.p_value),
        f"{prefix}forecasts": str(verdict.n_forecasts),
    }


def forest(key: str, caption: str, verdicts: Mapping[str, Verdict]) -> Figure:
    """Return a forest plot of verdicts on one loss, which says where they disagree."""
    ratios = "; ".join(
        f"{name_cell(name)} {one.ratio:.3f} ({one.outcome})"
        for name, one in verdicts.items()
    )
    told = f"Forest plot of ratios with 95% intervals: {ratios}."
    divided = disagreeing(verdicts)
    if divided:
        told += (
            " Colour and mark follow the Diebold-Mariano test, which decides; the "
            f"interval says otherwise of {_listed(divided)}."
        )
    return figure(
        f"ratios-{key}",
        f"Ratios of the model's loss, {caption[0].lower()}{caption[1:]}",
        told,
        lambda ax: plot_ratios(verdicts, ax),
        size=(10.0, 1.6 + 0.34 * len(verdicts)),
    )


def forests(
    key: str, caption: str, verdicts: Mapping[str, Verdict]
) -> tuple[Figure, ...]:
    """Return a forest plot, or nothing if no ratio is finite: there is none to draw."""
    if not any(math.isfinite(one.ratio) for one in verdicts.values()):
        return ()
    return (forest(key, caption, verdicts),)


def disagreeing(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return the verdicts whose test and interval do not say the same, by name.

    The interval says that the losses differ where it leaves out 1.
    """
    return [name for name, one in verdicts.items() if _is_divided(one)]


def disagreement_notes(verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """Return what to say where test and interval disagree; nothing if they agree."""
    divided = disagreeing(verdicts)
    if not divided:
        return ()
    return (f"Test and interval disagree here: {_listed(divided)}. {WHY_THEY_DIFFER}",)


def _is_divided(verdict: Verdict) -> bool:
    if math.isnan(verdict.low) or math.isnan(verdict.p_value):
        return False
    leaves_out_one = not verdict.low <= 1 <= verdict.high
    return leaves_out_one != (verdict.outcome != "ties")


def _interval(verdict: Verdict) -> str:
    return f"{ratio_cell(verdict.low)} to {ratio_cell(verdict.high)}"


def _listed(names: list[str]) -> str:
    return ", ".join(name_cell(name) for name in names)
