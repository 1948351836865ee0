"""Drawing: ratios beside their thresholds, and curves of growth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.results import Results
from benchmarks.rows import Row, own_memory
from benchmarks.running import Record

RATIOS, GROWTH = "ratios.png", "growth.png"


def draw_results(results: Results, folder: Path) -> list[Path]:
    """Draw what there is to draw into a folder, and return the pictures."""
    drawn = []
    ratios = [row for row in results.rows if row.kind == "ratio" and row.value]
    if ratios:
        drawn.append(_save(_ratios(ratios), folder / RATIOS))
    growing = {
        name: records
        for name in results.cases
        if (records := results.records(name)) and _has_sizes(records)
    }
    if growing:
        drawn.append(_save(_growth(growing), folder / GROWTH))
    return drawn


def _ratios(rows: list[Row]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.5 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    values = [row.value for row in rows if row.value]
    axes.errorbar(
        [value.value for value in values],
        places,
        # The median's own ratio may lie outside of the rounds' ratios.
        xerr=[
            [max(value.value - value.low, 0.0) for value in values],
            [max(value.high - value.value, 0.0) for value in values],
        ],
        fmt="o",
        color="black",
        capsize=3,
        label="measured",
    )
    for name, colour in (("must", "tab:red"), ("aim", "tab:green")):
        bounds = [getattr(row, name) for row in rows]
        axes.scatter(
            [bound for bound in bounds if bound],
            [place for place in places if bounds[place]],
            marker="|",
            s=250,
            color=colour,
            label={"must": "must reach", "aim": "aim"}[name],
        )
    axes.axvline(1.0, color="grey", linewidth=0.8)
    axes.set(xscale="log", xlabel="our time / theirs (lower is better)")
    axes.set_yticks(places, [f"{row.case} / {row.against}" for row in rows])
    axes.invert_yaxis()
    axes.legend()
    return figure


def _growth(cases: Mapping[str, Mapping[str, Record]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, what in zip(figure.subplots(1, 2), ("seconds", "MB"), strict=True):
        for name, records in cases.items():
            sizes = [record.facts["size"] for record in records.values()]
            values = [
                median(record.seconds) if what == "seconds" else own_memory(record)
                for record in records.values()
            ]
            times = [size / sizes[0] for size in sizes]
            (line,) = axes.plot(times, values, "o-", label=name)
            linear = [values[0] * time for time in times]
            axes.plot(times, linear, ":", color=line.get_color())
        axes.set(xscale="log", yscale="log", xlabel="size, in the smallest one")
        axes.set_ylabel(what)
        axes.legend(title="dotted: linear")
    return figure


def _has_sizes(records: Mapping[str, Record]) -> bool:
    return len(records) > 1 and all(
        record.seconds and "before_mb" in record.facts for record in records.values()
    )


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=120)
    return path
