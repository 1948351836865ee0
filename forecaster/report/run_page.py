"""The page of a run: its verdict, and everything that the run's folder tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forecaster.bundle import MANIFEST, load_bundle_config, verify_bundle
from forecaster.config import Config
from forecaster.diagnostics import residuals_by_session
from forecaster.errors import BundleError
from forecaster.evaluation import Evaluation
from forecaster.plotting import plot_predictions, plot_residuals
from forecaster.report.common import (
    CENTRE,
    page_calibration,
    page_errors,
    page_of,
)
from forecaster.report.drawing import figure
from forecaster.report.explained import page_importance
from forecaster.report.interactive import levels_in, live_predictions
from forecaster.report.judging import page_lag, page_significance
from forecaster.report.learning import page_training
from forecaster.report.page import (
    Page,
    Section,
    cell,
    facts_table,
    joined,
)
from forecaster.report.provenance import (
    checksums_table,
    page_data,
    training_facts,
    versions_table,
)
from forecaster.report.verdicts import disagreement_notes, verdict_facts
from forecaster.runs import BUNDLE, Run, verify_run

WIDE_LEVELS = (0.5, 0.8, 0.9, 0.95)


def run_page(run: Run, *, interactive: bool = False) -> Page:
    """Return the report of a run, from what its folder holds.

    Raises
    ------
    BundleError
        If a file of the run is missing or damaged.
    """
    verify_run(run)
    config = load_bundle_config(run.folder / BUNDLE)
    manifest = verify_bundle(run.folder / BUNDLE)
    try:
        evaluation, history = run.load_evaluation(), run.load_history()
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{run.folder}: its record or tables lack or garble {error}. An earlier "
            "version may have written them: train again."
        ) from error
    rows = evaluation.predictions
    sections = joined(
        [
            _verdict(evaluation),
            _predictions(evaluation, interactive=interactive),
            page_errors(evaluation, interactive=interactive),
            page_calibration(evaluation),
            page_significance(evaluation),
            page_lag(evaluation),
            page_importance(run.folder),
            page_training(history, interactive=interactive),
            page_data(
                config, rows.assign(ticker=evaluation.ticker), [evaluation.ticker]
            ),
            _provenance(run, config, manifest),
        ]
    )
    title = f"{evaluation.ticker} {evaluation.target}: the run {run.name}"
    return page_of("run", evaluation, run.name, title, sections)


def _verdict(evaluation: Evaluation) -> Section:
    texts = [str(evaluation.best_verdict)]
    facts = verdict_facts(evaluation.best_verdict)
    notes = ["A ratio below 1 is better than the baseline it is held against."]
    if evaluation.quantile_verdict is not None:
        notes.append(CENTRE)
        texts.append(str(evaluation.verdict))
        facts |= verdict_facts(evaluation.verdict, prefix="centre: ")
    if evaluation.lag is not None:
        texts.append(str(evaluation.lag))
    days = evaluation.predictions["session"]
    facts |= {
        "RMSE over that of the last value": cell(evaluation.rmse_ratio),
        "tested on": f"{cell(days.min())} to {cell(days.max())}",
        "trained until": cell(evaluation.trained_until),
    }
    return Section(
        "verdict",
        "Verdict",
        texts=tuple(texts),
        tables=(facts_table("The verdict in numbers", facts),),
        notes=(*disagreement_notes({"verdict": evaluation.best_verdict}), *notes),
    )


def _predictions(evaluation: Evaluation, *, interactive: bool) -> Section:
    rows = evaluation.predictions.query("step == 1")
    levels = [level for level in levels_in(rows) if level in WIDE_LEVELS]
    days = rows["session"]
    fan = ""
    if levels:
        shares = ", ".join(f"{100 * level:g}%" for level in levels)
        fan = f" Shaded: the intervals of {shares}."
    label = f"{evaluation.target} (quote currency)"
    picture = figure(
        "predictions",
        f"{evaluation.ticker} {evaluation.target}: predicted against real prices",
        f"Line chart of {len(rows)} sessions from {cell(days.min())} to "
        f"{cell(days.max())}. Real prices from {cell(float(rows['actual'].min()))} to "
        f"{cell(float(rows['actual'].max()))}, predicted ones from "
        f"{cell(float(rows['predicted'].min()))} to "
        f"{cell(float(rows['predicted'].max()))}.{fan}",
        lambda ax: plot_predictions(evaluation, ax, levels=levels),
        zoomable=True,
        live=(
            live_predictions(rows, evaluation.baselines, label) if interactive else None
        ),
    )
    residuals = residuals_by_session(evaluation)
    worst = residuals["model"].abs().max()
    missed = figure(
        "residuals",
        "What the forecasts missed",
        f"Lines of actual less predicted price by session; the largest is "
        f"{cell(float(worst))}, the mean {cell(float(residuals['model'].mean()))}.",
        lambda ax: plot_residuals(residuals, ax),
    )
    return Section(
        "predictions",
        "Predicted against real",
        figures=(picture, missed),
        notes=("The forecasts of the nearest step, each from the session before.",),
    )


def _provenance(run: Run, config: Config, manifest: Mapping[str, Any]) -> Section:
    from forecaster.config import dump_config

    record = run.record
    facts = {
        "run": run.name,
        "settings": config.name,
        "created": record["created"],
        "seconds": record["seconds"],
        "epochs": record["epochs"],
        "resumed after a stop": "yes" if record["resumed"] else "no",
        **training_facts(manifest["trained_on"]),
    }
    inside = {f"{BUNDLE}/{name}": sum_ for name, sum_ in manifest["files"].items()}
    files = {**record["files"], **inside}
    files |= {f"{BUNDLE}/{MANIFEST}, its own": manifest.get("checksum")}
    known = {name: value for name, value in files.items() if value}
    return Section(
        "provenance",
        "Provenance",
        tables=(
            facts_table("Where this comes from", facts),
            versions_table(record["versions"]),
            checksums_table(known),
        ),
        code=(("All settings, defaults included", dump_config(config)),),
        notes=("Every file was held against its checksum when this was written.",),
    )
