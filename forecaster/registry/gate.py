"""The gate: what a model has to show before an alias may name it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from forecaster.errors import ForecasterError, NoSkill, RunWarning
from forecaster.registry.auditing import (
    PriceReader,
    Tell,
    audit_entry,
    known_audit,
    own_prices,
)
from forecaster.registry.entries import Entry

if TYPE_CHECKING:
    from forecaster.audit.pipeline import Pipeline
    from forecaster.ledger import Ledger
    from forecaster.verdict import Verdict


@dataclass(frozen=True)
class Gate:
    """Skill on the test range, no live loss where asked for, and a passed audit.

    Attributes
    ----------
    prices
        Returns the prices for the settings, for the audit.
    pipeline
        What is audited; the project's own if None.
    ledger
        Where live forecasts under the model's label are; None demands nothing of them.
    tell
        Called with lines of the audit's progress.
    """

    prices: PriceReader = own_prices
    pipeline: Pipeline | None = None
    ledger: Ledger | None = None
    tell: Tell | None = None

    def judge(self, entry: Entry, *, forced: bool, now: datetime) -> tuple[str, ...]:
        """Return what failed; without force, the first failure is raised.

        The audit is the last question, as it takes longest.

        Raises
        ------
        NoSkill
            If the model did not beat the best baseline on its test range, or nothing
            says whether it did, or it loses live.
        LeakFound
            If the audit fails.
        ForecasterError
            Whatever else keeps a question from being answered.
        """
        failures = []
        for question in (self._ask_skill, self._ask_live, self._ask_audit):
            try:
                question(entry, now)
            except ForecasterError as error:
                if not forced:
                    raise
                failures.append(f"{type(error).__name__}: {error}")
        return tuple(failures)

    def _ask_skill(self, entry: Entry, _: datetime) -> None:
        verdict = entry.verdict
        if verdict is None:
            raise NoSkill(
                f"{entry.label} comes from a bundle without its run, so nothing says "
                "what it is worth. Register the run's own folder."
            )
        try:
            verdict.require_skill()
        except NoSkill as error:
            raise NoSkill(f"{entry.label} has {error}") from None

    def _ask_live(self, entry: Entry, _: datetime) -> None:
        if self.ledger is None:
            return
        names = [entry.label, *_names_of_run(entry)]
        verdicts = {name: judge_live(self.ledger, name) for name in names}
        for name, verdict in verdicts.items():
            if verdict is not None and verdict.outcome == "loses":
                raise NoSkill(f"{entry.label} loses live, as {name}: {verdict}")
        if not any(verdicts.values()):
            warnings.warn(
                f"{self.ledger.place} has no forecasts of {' or '.join(names)} whose "
                "prices have come: nothing is known of how it does live.",
                RunWarning,
                stacklevel=3,
            )

    def _ask_audit(self, entry: Entry, now: datetime) -> None:
        if known_audit(entry) is None:
            audit_entry(
                entry, self.prices, pipeline=self.pipeline, tell=self.tell, now=now
            )


def _names_of_run(entry: Entry) -> list[str]:
    """Return the name under which its run's forecasts were recorded before."""
    run = entry.record.get("run")
    return [str(run["name"])] if run and run.get("name") else []


def judge_live(ledger: Ledger, model: str) -> Verdict | None:
    """Compare a model's live forecasts of all tickers with last-value.

    Errors are shares of the price at the origin, squared, and averaged over the tickers
    of each origin: tickers of one day move together, and are no independent evidence.

    Parameters
    ----------
    model
        Its name in the ledger.

    Returns
    -------
    Verdict or None
        None where no forecast has met its prices.
    """
    from forecaster.ledger import POINT
    from forecaster.verdict import LAST_VALUE, judge

    rows = ledger.forecasts(model=model)
    rows = rows.loc[rows["quantile"] == POINT]
    # An origin counts once all its prices have come, as in `Ledger.score`.
    known = rows["actual"].notna().groupby([rows["ticker"], rows["origin"]])
    rows = rows.loc[known.transform("all").astype(bool)]
    if rows.empty:
        return None
    losses = rows[["ticker", "origin"]].assign(
        own=((rows["actual"] - rows["value"]) / rows["last_price"]) ** 2,
        naive=((rows["actual"] - rows["last_price"]) / rows["last_price"]) ** 2,
    )
    each = losses.groupby(["origin", "ticker"])[["own", "naive"]].mean()
    by_origin = each.groupby("origin").mean()
    return judge(
        by_origin["own"].to_numpy(),
        {LAST_VALUE: by_origin["naive"].to_numpy()},
        horizon=int(rows["step"].max()),
    )
