"""Verdicts in reports: where test and interval disagree, it says which decides."""

import math

import pytest

from forecaster.report.verdicts import (
    disagreeing,
    disagreement_notes,
    forest,
    forests,
    verdict_rows,
)
from forecaster.verdict import Verdict


def verdict(outcome, low, high, p_value=0.05):
    return Verdict(outcome, 0.5 * (low + high), p_value, 200, low=low, high=high)


AGREEING = {
    "better": verdict("beats", 0.9, 0.99),
    "worse": verdict("loses", 1.01, 1.1),
    "equal": verdict("ties", 0.98, 1.02),
    "touching": verdict("ties", 0.9, 1.0),
    "few": verdict("ties", math.nan, math.nan, math.nan),
}
DIVIDED = {
    "last_value": verdict("beats", 0.97, 1.001),
    "drift": verdict("ties", 0.95, 0.999),
}


@pytest.mark.parametrize("name", AGREEING)
def test_nothing_is_said_where_they_agree(name):
    assert disagreement_notes({name: AGREEING[name]}) == ()


def test_those_that_disagree_are_named_with_what_decides():
    mixed = AGREEING | DIVIDED
    assert disagreeing(mixed) == ["last_value", "drift"]
    (note,) = disagreement_notes(mixed)
    assert note.startswith("Test and interval disagree here: last value, drift. ")
    assert "The Diebold-Mariano test decides the outcome." in note


def test_the_words_of_a_forest_plot_say_so_too():
    divided = forest("baseline", "Beside each baseline", DIVIDED).description
    assert divided.endswith("the interval says otherwise of last value, drift.")
    quiet = forest("b", "By year", {"2017": AGREEING["equal"]}).description
    assert "otherwise" not in quiet


def test_a_perfect_baseline_has_no_forest_plot():
    perfect = {"last_value": Verdict("loses", math.inf, 0.0, 200)}
    assert forests("baseline", "Beside each baseline", perfect) == ()
    (drawn,) = forests("baseline", "Beside each baseline", perfect | DIVIDED)
    assert drawn.key == "ratios-baseline"
    assert len(verdict_rows(perfect, "t", "forecast").rows) == 1


def test_ratios_of_a_table_have_the_same_places():
    rows = verdict_rows({"drift": verdict("ties", 0.99, 1.01)}, "t", "forecast").rows
    assert rows[0][3:5] == ("1.0000", "0.9900 to 1.0100")


def test_a_run_whose_test_and_interval_disagree_says_so(stored, monkeypatch, tmp_path):
    from forecaster.report import judging
    from forecaster.report.writing import write_report
    from tests.report.reading import read_page

    place, out = stored / "runs", tmp_path / "divided.html"
    monkeypatch.setattr(judging, "significance_of", lambda _: DIVIDED)
    write_report("tiny", runs_dir=place, out=out)
    page = read_page(out)
    notes = [one.text for one in page.within("p", "significance")]
    both = "last value (centre), drift (centre)."
    assert any(f"disagree here: {both}" in note for note in notes)
    told = [one.text for one in page.within("desc", "significance")]
    assert any("which decides" in text for text in told)
