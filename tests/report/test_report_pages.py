"""Reports: what their HTML says, without a browser."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from forecaster.lag import OUTCOMES
from forecaster.report.common import (
    NO_INTERVALS,
    NO_PRICES,
    lag_texts,
    page_calibration,
)
from forecaster.report.judging import (
    BY_CENTRE,
    BY_QUANTILES,
    LOSSES_NOT_KEPT,
    WITHOUT_QUANTILES,
    page_significance,
    quantile_significance_of,
    significance_of,
)
from forecaster.runs import find_run
from tests.plotting import subjects

RUN = [
    *("Verdict", "Predicted against real", "Error by step", "Calibration"),
    *("Significance", "Lag diagnosis", "Importance of the inputs", "Training"),
    *("Data checks", "Provenance"),
]
WALK = [
    *("Verdict", "Predicted against real", "Error by step", "Calibration"),
    *("Significance", "Lag diagnosis", "Walk-forward timeline"),
    *("Importance of the inputs", "Training", "Data checks", "Provenance"),
]
REFERENCES = ("tiny", "walk.backtest", "nightly")
# The pages of a batch are never interactive.
KINDS = [
    *((name, False) for name in REFERENCES),
    ("tiny", True),
    ("walk.backtest", True),
]
SOURCES = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")


@pytest.mark.parametrize(
    ("reference", "headings"),
    [("tiny", RUN), ("walk.backtest", WALK), ("nightly", ["Evenings", "Failed"])],
)
def test_the_sections_are_in_order_and_those_that_do_not_apply_are_left_out(
    page_of, reference, headings
):
    page = page_of(reference)
    assert page.headings == headings
    assert len(page.all("h1")) == 1
    keys = [one.attributes["id"] for one in page.all("section")]
    links = [
        one.attributes["href"] for one in page.all("a") if "nav" in tags_around(one)
    ]
    assert links == ([f"#{key}" for key in keys] if len(keys) > 3 else [])


@pytest.mark.parametrize(("reference", "interactive"), KINDS)
def test_nothing_is_wanted_from_elsewhere(page_of, reference, interactive):
    page = page_of(reference, interactive=interactive)
    assert page.all("link") == []
    wanted = [
        one.attributes[name]
        for one in page.elements
        for name in SOURCES
        if name in one.attributes
    ]
    own = r"#|data:image/png;base64,|\d{4}-\d\d-\d\d/report\.html$"
    assert all(re.match(own, url) for url in wanted)
    (style,) = page.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    (policy,) = [m for m in page.all("meta") if "http-equiv" in m.attributes]
    assert policy.attributes["content"].startswith("default-src 'none';")


@pytest.mark.parametrize("reference", REFERENCES)
def test_every_picture_has_words_and_every_name_is_unique(page_of, reference):
    page = page_of(reference)
    names = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(names) == len(set(names))
    pictures = page.all("svg")
    assert len(pictures) == len(page.all("figure"))
    for picture in pictures:
        assert picture.attributes["role"] == "img"
        told = picture.attributes["aria-labelledby"].split()
        words = {o.attributes.get("id"): o.text for o in page.elements}
        assert [len(words[name]) > 5 for name in told] == [True, True]
    used = [one.attributes["href"] for one in page.all("use")]
    assert all(name.removeprefix("#") in names for name in used)


def test_the_verdict_is_that_of_the_record(page_of, stored):
    page = page_of("tiny")
    record = json.loads((stored / "runs" / "tiny" / "run.json").read_text())
    facts = record["evaluation"]
    texts = [one.text for one in page.within("p", "verdict")]
    quantile, centre, lag = (
        facts[name]["sentence"] for name in ("quantile_verdict", "verdict", "lag")
    )
    assert texts[:3] == [quantile, centre, lag]
    shown = {row["what"]: row["value"] for row in page.rows("The verdict in numbers")}
    for prefix, name in (("", "quantile_verdict"), ("centre: ", "verdict")):
        verdict = facts[name]
        ratio = shown[f"{prefix}ratio of {verdict['measure']}"]
        assert float(ratio) == pytest.approx(verdict["ratio"], rel=1e-3)
        ends = shown[f"{prefix}95% interval of the ratio"].split(" to ")
        wanted = [verdict["low"], verdict["high"]]
        assert [float(end) for end in ends] == pytest.approx(wanted, rel=1e-3)
        assert shown[f"{prefix}forecasts"] == str(verdict["n_forecasts"])
        assert shown[f"{prefix}outcome"].split()[0] == verdict["outcome"]
    scores = {row["forecast"]: row for row in page.rows("Scores over all steps")}
    for name, known in facts["scores"].items():
        found = float(scores[name.replace("_", " ")]["RMSE"])
        assert found == pytest.approx(known["rmse"], rel=1e-3)


def test_the_test_against_the_best_baseline_is_the_one_of_the_verdict(stored):
    evaluation = find_run("tiny", stored / "runs").load_evaluation()
    judged = significance_of(evaluation)
    assert {*judged} == {*evaluation.baselines}
    best = judged[evaluation.verdict.against]
    assert best.ratio == pytest.approx(evaluation.verdict.ratio, rel=1e-9)
    assert best.p_value == pytest.approx(evaluation.verdict.p_value, rel=1e-6)


def test_a_run_with_quantiles_is_tested_on_their_loss_first(page_of, stored):
    evaluation = find_run("tiny", stored / "runs").load_evaluation()
    judged = quantile_significance_of(evaluation)
    assert {*judged} == {"constant_quantiles"}
    (one,) = judged.values()
    verdict = evaluation.quantile_verdict
    assert one.measure == verdict.measure == "pinball loss"
    assert one.ratio == pytest.approx(verdict.ratio, rel=1e-9)
    assert one.p_value == pytest.approx(verdict.p_value, rel=1e-6)
    page = page_of("tiny")
    captions = [one.text for one in page.within("caption", "significance")]
    assert captions[:3] == ["The verdict", BY_QUANTILES, BY_CENTRE]
    (row,) = page.rows(BY_QUANTILES)
    assert float(row["ratio"]) == pytest.approx(verdict.ratio, rel=1e-3)
    assert {row["forecast"] for row in page.rows(BY_CENTRE)} == {
        *("last value", "constant quantiles")
    }
    pictures = [one.text for one in page.within("desc", "significance")]
    assert len(pictures) == 2
    assert pictures[0].startswith(
        f"Forest plot of ratios with 95% intervals: constant quantiles "
        f"{verdict.ratio:.3f}"
    )
    notes = [one.text for one in page.within("p", "significance")]
    assert any(note == WITHOUT_QUANTILES for note in notes)


def test_a_run_that_kept_no_pinball_losses_says_so(stored):
    evaluation = find_run("tiny", stored / "runs").load_evaluation()
    rows = evaluation.predictions
    kept = [name for name in rows if not str(name).startswith("pinball_")]
    assert len(kept) == len(rows.columns) - 2
    section = page_significance(replace(evaluation, predictions=rows[kept]))
    assert [table.caption for table in section.tables][:2] == ["The verdict", BY_CENTRE]
    assert LOSSES_NOT_KEPT in section.notes


def test_a_walk_says_what_its_folder_says(page_of, stored):
    page = page_of("walk.backtest")
    folder = stored / "runs" / "walk.backtest"
    facts = json.loads((folder / "backtest.json").read_text())
    texts = [one.text for one in page.within("p", "verdict")]
    assert texts[0] == facts["quantile_verdict"]["sentence"]
    assert texts[1] == facts["verdict"]["sentence"]
    folds = page.rows("Scores of the model by fold")
    assert [row["fold"] for row in folds] == ["1", "2"]
    # Of the nearest step; the second one after 27 April ends the test.
    assert [row["test range"] for row in folds] == [
        *("2017-01-03 to 2017-03-31", "2017-04-03 to 2017-04-27")
    ]
    assert folds[1]["training range"].endswith("to 2017-03-31")
    ratios = {
        row["fold"]: row["rmse_ratio"]
        for row in facts["scores_by_fold"]
        if row["model"] == "model"
    }
    for row in folds:
        assert float(row["RMSE ratio"]) == pytest.approx(
            ratios[int(row["fold"])], rel=1e-3
        )
    tickers = [row["ticker"] for row in page.rows("By ticker")]
    assert tickers == ["AAPL", "GOOG"]
    assert [row["ticker"] for row in page.rows("Fingerprints of the prices")] == tickers


def test_a_walk_says_at_once_whether_it_copies_yesterday(page_of, stored):
    facts = json.loads(
        (stored / "runs" / "walk.backtest" / "backtest.json").read_text()
    )
    page = page_of("walk.backtest")
    texts = [one.text for one in page.within("p", "verdict")]
    for outcome, lower in OUTCOMES.items():
        phrase = lower.capitalize()
        tickers = [t for t, lag in facts["lags"].items() if lag["outcome"] == outcome]
        told = [text for text in texts if text.startswith(phrase)]
        assert told == ([f"{phrase}: {', '.join(tickers)}."] if tickers else [])


def test_what_is_told_of_the_lags_of_one_and_of_many_tickers():
    copies = subjects.lag()
    assert lag_texts({"A": copies}) == [str(copies)]
    assert lag_texts({"A": copies, "B": replace(copies, outcome="copies")}) == [
        "Forecasts that copy yesterday's price: B.",
        "Forecasts that lag behind yesterday's price: A.",
    ]
    (many,) = lag_texts({f"T{n}": copies for n in range(10)})
    assert many.endswith("T6, T7 and 2 more.")


@pytest.mark.parametrize("reference", ["tiny", "walk.backtest"])
def test_the_fan_and_the_calibration_are_those_of_the_forecasts(
    page_of, stored, reference
):
    page, folder = page_of(reference), stored / "runs" / reference
    drawn = page.within("desc", "predictions")[0].text
    if reference == "tiny":
        rows = find_run("tiny", stored / "runs").load_evaluation().predictions
        assert drawn.endswith("Shaded: the intervals of 50%, 90%.")
    else:
        frame = pd.read_parquet(folder / "predictions.parquet")
        rows = frame[frame["model"] == "model"]
        assert drawn.endswith("Shaded: the intervals of 50% and 90%.")
    nearest = rows[rows["step"] == 1]
    table = {
        row["level"]: row for row in page.rows("Shares of prices inside the intervals")
    }
    for level, (low, high) in {
        "0.5": ("q0.25", "q0.75"),
        "0.9": ("q0.05", "q0.95"),
    }.items():
        held = nearest["actual"].between(nearest[low], nearest[high]).mean()
        assert float(table[level]["observed"]) == pytest.approx(held, rel=1e-3)
        told = page.within("p", "calibration")[0].text
        assert f"the {100 * float(level):g}% interval held {100 * held:.1f}%" in told
    pictures = [one.text for one in page.within("desc", "calibration")]
    kinds = ["Line chart of the share of prices inside each interval against"]
    if reference != "tiny":  # all in one year: the two must not contradict each other
        kinds.append("Line chart of the share of prices of the nearest step")
        assert f"2017: {100 * held:.1f}% in 90%" in pictures[1]
    kinds.append("Histogram of where prices fell")
    for text, kind in zip(pictures, kinds, strict=True):
        assert text.startswith(kind)


def test_without_intervals_it_says_why():
    point = page_calibration(subjects.evaluation(quantiles=False))
    assert point.texts == (NO_INTERVALS,)
    assert page_calibration(subjects.backtest(quantiles=False)).texts == point.texts
    plain = subjects.evaluation(quantiles=False)
    sides = plain.predictions.assign(probability_up=0.5)
    assert page_calibration(replace(plain, predictions=sides)).texts == (NO_PRICES,)
    known = subjects.evaluation()
    rows = known.predictions.drop(columns=["q0.05", "q0.25"])
    odd = page_calibration(replace(known, predictions=rows))
    assert odd.texts[0].startswith("The intervals are not judged: no two of the")
    assert [one.key for one in odd.figures] == ["pit"]


def test_the_prices_are_held_against_their_source(page_of):
    (row,) = page_of("tiny").rows("Checks of the prices forecast")
    assert row["ticker"] == "GOOG"
    assert row["agree with the source"] == "yes"
    assert row["without a forecast"] == "0"
    assert row["missing"] == "0"
    assert int(row["sessions of the source"]) > 3000


def test_other_prices_are_noticed(copied, tmp_path):
    from forecaster.data.sources import load_prices
    from forecaster.report.provenance import page_data
    from forecaster.report.stored import load_bundle_config

    config = load_bundle_config(copied / "runs" / "tiny" / "bundle")
    close = load_prices("GOOG").loc["2017-01-03":"2017-01-20", "close"]
    rows = close.rename("actual").reset_index().assign(ticker="GOOG")
    assert not any(
        "other prices" in note for note in page_data(config, rows, ["GOOG"]).notes
    )
    rows.loc[3, "actual"] *= 1.001
    assert any(
        "other prices" in note for note in page_data(config, rows, ["GOOG"]).notes
    )
    unknown = rows.assign(ticker="NOSUCH")
    notes = page_data(config, unknown, ["NOSUCH"]).notes
    assert any("cannot be read again" in note for note in notes)


def test_where_it_comes_from_is_told(page_of, stored):
    page, folder = page_of("tiny"), stored / "runs" / "tiny"
    manifest = json.loads((folder / "bundle" / "manifest.json").read_text())
    record = json.loads((folder / "run.json").read_text())
    sums = {row["file"]: row["SHA-256"] for row in page.rows("Checksums")}
    assert {
        f"bundle/{k}": v for k, v in manifest["files"].items()
    }.items() <= sums.items()
    assert record["files"].items() <= sums.items()
    facts = {row["what"]: row["value"] for row in page.rows("Where this comes from")}
    assert facts["created"] == record["created"]
    assert facts["fingerprint of the prices"] == manifest["trained_on"]["fingerprint"]
    versions = {row["what"]: row["value"] for row in page.rows("Versions")}
    assert versions == record["versions"]
    (settings,) = page.all("pre")
    wanted = (folder / "bundle" / "config.toml").read_text()
    assert settings.text == " ".join(wanted.split())


def test_the_index_leads_to_every_evening(page_of, written):
    page, files = page_of("nightly"), written("nightly").files
    assert [file.name for file in files] == ["index.html", "report.html", "report.html"]
    links = [one.attributes["href"] for one in page.within("a", "verdict")]
    assert {files[0].parent / link for link in links} == {*files[1:]}
    rows = page.rows("Evenings, newest first")
    assert [(r["evening"], r["status"], r["failed"]) for r in rows] == [
        *(("2024-05-31", "partly", "1"), ("2024-05-30", "finished", "0"))
    ]
    assert rows[0]["which failed"] == "AAPL"
    (failed,) = page.rows("Failures")
    assert failed["reason"] == "too slow"


def test_an_evening_tells_forecasts_and_failures(written):
    from tests.report.reading import read_page

    (file,) = [f for f in written("nightly").files if f.parent.name == "2024-05-31"]
    page = read_page(file)
    assert page.headings == [
        *("Verdict", "Forecasts", "The model's own verdict", "Failed", "Provenance")
    ]
    assert page.within("p", "verdict")[0].text == (
        "1 of 2 tickers have a forecast, 1 failed."
    )
    (row,) = page.rows("Forecasts")
    assert (row["ticker"], row["predicted"], row["q0.05"]) == ("GOOG", "101", "95")
    (picture,) = page.all("desc")
    assert "GOOG +1.00%" in picture.text


def test_interactive_carries_its_script_once_and_the_same_numbers(page_of, stored):
    page = page_of("tiny", interactive=True)
    scripts = page.all("script")
    big = [one for one in scripts if len(one.text) > 1_000_000]
    assert len(big) == 1
    data = {
        one.attributes["id"]: json.loads(one.text)
        for one in scripts
        if one.attributes.get("type") == "application/json"
    }
    assert {*data} == {"live-predictions", "live-errors", "live-history"}
    rows = find_run("tiny", stored / "runs").load_evaluation().predictions
    nearest = rows[rows["step"] == 1]
    traces = {one["name"]: one for one in data["live-predictions"]["data"]}
    for name, column in (("real", "actual"), ("predicted", "predicted")):
        assert traces[name]["y"] == pytest.approx([*nearest[column]], rel=1e-5)
    assert traces["90% interval"]["y"] == pytest.approx([*nearest["q0.95"]], rel=1e-5)
    # Without a script, or in print, the still pictures are there.
    assert len(page.all("svg")) == len(page.all("figure"))


def tags_around(element):
    return [one.tag for one in element.inside]
