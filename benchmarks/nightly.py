"""Nightly: one evening's batch of hundreds of tickers, undisturbed and killed.

Prices come from the tests' loopback Yahoo, where one ticker in twenty is broken and one
request in ten fails. The rows that an undisturbed batch leaves in the ledger are
compared, value by value, with those of batches that were killed at random moments.
"""

from __future__ import annotations

import importlib
import random
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from benchmarks.evening import (
    FORECASTER,
    Comparison,
    Evening,
    Rows,
    compare_rows,
    dump,
    last_words,
    settle,
)
from benchmarks.machine import describe_machine
from benchmarks.running import ROOT
from benchmarks.watched import Ended
from forecaster.data.calendar import sessions_between
from forecaster.data.finished import last_finished_session

OUT = Path(__file__).with_name("measured") / "nightly"
# After so many runs a ticker that was only unlucky has had its chance.
MOST_RERUNS = 8
DIFFERENT, FAILED = 1, 3
FORTNIGHT = pd.Timedelta(days=14)
# A tiny network with quantiles: the batch is measured, not the forecast.
TRAINED = (
    "window.lookback=5",
    "model.layers=[{units=4}]",
    "model.members=1",
    "training.start=2016-01-01",
    "features.columns=['bar_ratio_1', 'bar_ratio_5', 'bar_ratio_20']",
    "evaluation.baselines=['last_value']",
)

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@dataclass(frozen=True)
class Setting:
    """What all evenings of one measurement share."""

    exchange: Any
    bundle: Path
    out: Path
    words: tuple[str, ...]

    def evening(self, name: str) -> Evening:
        """Return a fresh evening; the server counts from zero for it."""
        prepared = Evening.prepare(
            self.out / name,
            self.exchange.tickers,
            self.bundle,
            self.exchange.environment,
        )
        return self.at_close(prepared)

    def at_close(self, evening: Evening) -> Evening:
        """Return the same store and ledger after the newest session of the server."""
        until = self.exchange.forget()["until"]
        return replace(evening, words=(*self.words, "--as-of", until))

    @property
    def sound(self) -> set[str]:
        """The tickers that are not broken."""
        return {*self.exchange.tickers} - {*self.exchange.state()["broken"]}


@app.command()
def nightly(
    tickers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Made tickers.")
    ] = 500,
    kills: Annotated[
        int, typer.Option(min=0, metavar="N", help="How often a batch is killed.")
    ] = 30,
    options: Annotated[
        str, typer.Option(metavar="WORDS", help="Of each batch, as '--workers 2'.")
    ] = "",
    seed: Annotated[
        int, typer.Option(help="Of prices, broken tickers, failures and moments.")
    ] = 0,
    broken: Annotated[float, typer.Option(help="Share of broken tickers.")] = 0.05,
    failing: Annotated[float, typer.Option(help="Share of failing requests.")] = 0.10,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="For stores, logs and figures.")
    ] = OUT,
) -> None:
    """Measure a batch of many tickers, and kill it at random moments.

    Ends with code 1 if a killed batch leaves other rows than an undisturbed one, and
    with 3 if there are no rows at all.
    """
    out = out.resolve()
    shutil.rmtree(out / "evenings", ignore_errors=True)
    (out / "evenings").mkdir(parents=True)
    bundle = train_tiny(out)
    served = importlib.import_module("tests.support.nightly").nightly_exchange(
        out / "exchange",
        n_tickers=tickers,
        seed=seed,
        until=before_the_last(),
        broken_share=broken,
        failing_share=failing,
    )
    with served as exchange:
        words = tuple(shlex.split(options))
        setting = Setting(exchange, bundle, out / "evenings", words)
        evening = setting.evening("undisturbed")
        report, rows = undisturbed(setting, evening)
        tell(report, "first", "again")
        seconds = report["first"]["seconds"]
        report["killed"] = killed(setting, rows, kills, seconds, seed)
        exchange.advance()
        evening = setting.at_close(evening)
        report["next"] = told(evening, evening.run(), setting)
        tell(report, "next")
    dump(report, out / "nightly.json")
    typer.echo(f"{out / 'nightly.json'}")
    if any(not one["is_equal"] for one in report["killed"]):
        raise typer.Exit(DIFFERENT)


def before_the_last() -> str:
    """Return the session before the last finished one: there is then a next one."""
    now = datetime.now(UTC)
    last = last_finished_session(now)
    return f"{sessions_between(last - FORTNIGHT, last)[-2]:%F}"


def train_tiny(out: Path) -> Path:
    """Train the network of all evenings, unless it is there, and return its bundle."""
    bundle = out / "runs" / "tiny" / "bundle"
    if not bundle.exists():
        shutil.rmtree(bundle.parent, ignore_errors=True)
        settings = [word for value in TRAINED for word in ("--set", value)]
        subprocess.run(
            [*FORECASTER, "train", "google-quantiles", "--epochs", "1", "--quiet",
             "--name", "tiny", "--runs-dir", str(out / "runs"), *settings],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return bundle


def undisturbed(setting: Setting, evening: Evening) -> tuple[dict[str, Any], Rows]:
    """Run a batch, settle it, and run it once more with nothing to do."""
    report: dict[str, Any] = {"n_tickers": len(setting.exchange.tickers)}
    report["machine"] = describe_machine()
    report["first"] = told(evening, evening.run(), setting)
    if not evening.rows():
        typer.echo(f"the batch made no forecast:\n{last_words(evening.log)}", err=True)
        raise typer.Exit(FAILED)
    report["until_settled"] = [asdict(one) for one in _settle(evening, setting)]
    rows = evening.rows()
    setting.exchange.forget()
    report["again"] = told(evening, evening.run(), setting)
    report["ledger_problems"] = evening.ledger_problems()
    report["store_problems"] = evening.store_problems()
    report["settled"] = evening.tickers() == setting.sound
    return report, rows


def killed(
    setting: Setting, wanted: Rows, n_kills: int, seconds: float, seed: int
) -> list[dict[str, Any]]:
    """Kill batches at moments drawn evenly from what an undisturbed one takes.

    An evening begins with nothing stored. Its batch is killed and begun again until one
    ends by itself; then the next evening begins, until there were enough kills.
    """
    moments = random.Random(f"kills {seed}")
    evenings: list[dict[str, Any]] = []
    left = n_kills
    while left > 0:
        evening = setting.evening(f"killed-{len(evenings):02}")
        kills: list[tuple[float, str]] = []
        while len(kills) < left:
            moment = moments.uniform(0, seconds)
            if not evening.run(kill_after=moment).was_killed:
                break
            kills.append((round(moment, 2), evening.doing()))
        left -= len(kills)
        evenings.append(_outcome(evening, setting, wanted, kills))
        typer.echo(f"{evening.folder.name}: {_sentence(evenings[-1])}")
    return evenings


def _outcome(
    evening: Evening, setting: Setting, wanted: Rows, kills: list[tuple[float, str]]
) -> dict[str, Any]:
    before = evening.runs()
    last = evening.run()
    endings = [last, *_settle(evening, setting)]
    found = compare_rows(wanted, evening.rows())
    problems = evening.ledger_problems()
    return {
        "kills": kills,
        "runs_before_the_last": before,
        "runs": evening.runs(),
        "n_reruns": len(endings),
        "codes": [one.code for one in endings],
        "rows": asdict(found),
        "ledger_problems": problems,
        "store_problems": evening.store_problems(),
        "is_equal": found.n_different == 0 and not problems,
    }


def _settle(evening: Evening, setting: Setting) -> list[Ended]:
    return settle(evening, setting.sound, MOST_RERUNS)


def told(evening: Evening, ended: Ended, setting: Setting) -> dict[str, Any]:
    """Return the figures of one batch, and what it left: each failure by its kind."""
    rows, failures = evening.rows(), evening.failures()
    state = setting.exchange.state()
    broken = state["broken"]
    return {
        **asdict(ended),
        "n_rows": len(rows),
        "n_tickers": len(evening.tickers()),
        "n_requests": state["n_requests"],
        "n_failing": state["n_failing"],
        "runs": evening.runs(),
        "failures": dict(Counter(failures.values())),
        "broken": {broken[name]: kind for name, kind in failures.items()
                   if name in broken},
        "unlucky": {name: kind for name, kind in failures.items()
                    if name not in broken},
    }  # fmt: skip


def tell(report: dict[str, Any], *names: str) -> None:
    """Say the figures of some runs."""
    for name in names:
        one = report[name]
        typer.echo(
            f"{name}: {one['seconds']:.1f} s ({one['cpu_seconds']:.1f} s of CPU), "
            f"{one['peak_mb']:.0f} MB, code {one['code']}, {one['n_rows']} rows of "
            f"{one['n_tickers']} tickers, {one['n_requests']} requests, "
            f"{one['n_failing']} made to fail; failures: {one['failures'] or 'none'}"
        )
    if "again" in names:
        typer.echo(
            f"settled after {len(report['until_settled'])} more runs: "
            f"{report['settled']}; {_problems_of(report)}"
        )


def _sentence(one: dict[str, Any]) -> str:
    rows = Comparison(**one["rows"])
    during = dict(Counter(what for _, what in one["kills"])) or "nothing"
    what = "equal" if one["is_equal"] else "DIFFERENT"
    return (
        f"killed during {during}, {one['n_reruns']} runs to the end, "
        f"{what}: {rows.n_same} rows the same, {rows.n_lacking} lacking, "
        f"{rows.n_further} too many, {rows.n_other_values} with other values; "
        f"{_problems_of(one)}"
    )


def _problems_of(one: dict[str, Any]) -> str:
    return (
        f"ledger: {one['ledger_problems'] or 'whole'}; "
        f"prices: {one['store_problems'] or 'whole'}"
    )


def main(words: Sequence[str]) -> None:
    """Run the command."""
    app(args=[*words], prog_name="python -m benchmarks nightly")
