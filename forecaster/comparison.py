"""Comparisons: several settings trained alike, in one table with the baselines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.comparing import Job, Trial, Workshop, seeded
from forecaster.config import Config, load_config
from forecaster.errors import EXIT_PARTLY, ConfigError, NoSkill
from forecaster.evaluation import Evaluation
from forecaster.scoring import MODEL

SCORES = ("rmse", "rmse_ratio", "mae", "directional_accuracy")
COUNTS = ("seeds", "parameters")
COLUMNS = (
    *("group", "name", "state", "seeds", "parameters", "seconds", "rmse"),
    *("rmse_ratio", "ratio_from", "ratio_to", "mae", "directional_accuracy"),
    *("verdict", "reason"),
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several settings beside the baselines.

    Attributes
    ----------
    trials
        Every training, in the order of the jobs and their seeds.
    table
        One row for each settings and, in each group of equal test targets, for each
        baseline. Scores and seconds are means over the seeds; `ratio_from` and
        `ratio_to` are the lowest and the highest ratio of RMSE to last value.
    """

    trials: tuple[Trial, ...]
    table: pd.DataFrame

    @property
    def verdicts(self) -> dict[str, str]:
        """What each settings is worth beside last-value, by name."""
        models = self.table[self.table["state"] != "baseline"]
        return dict(zip(models["name"], models["verdict"], strict=True))

    @property
    def groups(self) -> list[str]:
        """The distinct test targets."""
        return list(self.table["group"].dropna().unique())

    @property
    def failed(self) -> list[Trial]:
        """The trials that failed."""
        return [trial for trial in self.trials if trial.failure is not None]

    @property
    def exit_code(self) -> int:
        """0 if no trial failed, 5 if some did, else the first failure's own code."""
        codes = [t.failure.exit_code for t in self.trials if t.failure is not None]
        if len(codes) == len(self.trials):
            return codes[0]
        return EXIT_PARTLY if codes else 0

    def require_skill(self) -> None:
        """Refuse a comparison in which no training beats its best baseline.

        Raises
        ------
        NoSkill
        """
        evaluations = [t.evaluation for t in self.trials if t.evaluation is not None]
        if not any(e.best_verdict.outcome == "beats" for e in evaluations):
            raise NoSkill(
                f"no skill: none of {len(evaluations)} trainings beats the best "
                "baseline."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return table and trials as plain JSON values."""
        rows = self.table.astype(object).to_dict("records")
        return {
            "groups": self.groups,
            "table": [{str(k): _plain(v) for k, v in row.items()} for row in rows],
            "trials": [trial.to_dict() for trial in self.trials],
        }

    def _repr_html_(self) -> str:
        return self.table.round(4).to_html(na_rep="-", index=False)


def compare(
    jobs: Sequence[Job],
    *,
    runs_dir: Path,
    now: Callable[[], datetime],
    seeds: Sequence[int] = (),
    progress: bool | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Train several settings, each with every seed, and put them in one table.

    Each training leaves its own run, such as `google-seed-1`. A finished run of the
    same settings, seed and training prices is reused, whatever its name, and an
    unfinished one of this name goes on, so that a comparison that was interrupted
    continues where it stopped. A training that fails does not stop the others.

    Parameters
    ----------
    jobs
        Settings, with different names, and their prices.
    runs_dir
        Where run folders lie.
    now
        Returns the time that a run's record states.
    seeds
        If absent, the seed of each settings.
    tell
        Is told what is about to happen.

    Raises
    ------
    ConfigError
        If two settings have the same name, or one is too long for a run's folder;
        before any training.
    """
    if not jobs:
        raise ConfigError("there are no settings to compare")
    check_names([job.config.name for job in jobs])
    plan = [
        (job, seed)
        for job in jobs
        for seed in dict.fromkeys(seeds or (job.config.training.seed,))
    ]
    for job, seed in plan:
        seeded(job.config, seed)  # raises if it cannot be
    workshop = Workshop.of(runs_dir, now, progress)
    trials = []
    for number, (job, seed) in enumerate(plan, start=1):
        tell(f"{number} of {len(plan)}: {job.config.name}, seed {seed}")
        trial = workshop.attempt(job, seed)
        tell(f"{trial.state}: {trial.run.folder}" if trial.run else trial.state)
        trials.append(trial)
    return Comparison(tuple(trials), _table(trials))


def check_names(names: Sequence[str]) -> None:
    """Refuse settings that share a name: their runs could not be told apart."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(
            f"several settings are called {', '.join(twice)}. Give each once, and "
            "files their own `name`."
        )


def load_configs(
    sources: Sequence[str | Path], overrides: Sequence[str] = ()
) -> list[Config]:
    """Load several settings, with the same overrides, and report all that is wrong.

    Raises
    ------
    ConfigError
        With one line for each settings that cannot be used.
    """
    configs, problems = [], []
    for source in sources:
        try:
            configs.append(load_config(source, overrides))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    check_names([config.name for config in configs])
    return configs


def _table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return the rows by group: each settings, then the baselines."""
    names = list(dict.fromkeys(trial.name for trial in trials))
    of_name = {name: [t for t in trials if t.name == name] for name in names}
    groups: dict[str | None, list[str]] = {}
    for name, its_own in of_name.items():
        done = [t.evaluation for t in its_own if t.evaluation is not None]
        groups.setdefault(_group(done[0]) if done else None, []).append(name)
    rows = []
    for group in sorted(groups, key=lambda group: group is None):  # failed ones last
        rows += [_row(group, of_name[name]) for name in groups[group]]
        if group is not None:
            rows += _baselines(group, {n: of_name[n] for n in groups[group]})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype(dict.fromkeys(COUNTS, "Int64"))


def _group(evaluation: Evaluation) -> str:
    """Return what two evaluations share if last-value is the same for both."""
    facts, steps = evaluation.to_dict(), int(evaluation.predictions["step"].max())
    ahead = f", {steps} sessions ahead" if steps > 1 else ""
    error = float(evaluation.scores["rmse"]["last_value"])
    return (
        f"{facts['ticker']} {facts['target']}, {facts['first_session']} to "
        f"{facts['last_session']}, {facts['n_forecasts']} forecasts{ahead}, "
        f"last value {error:.6g}"
    )


def _row(group: str | None, trials: Sequence[Trial]) -> dict[str, Any]:
    states = Counter(trial.state for trial in trials)
    reasons = [f"seed {t.seed}: {t.failure}" for t in trials if t.failure is not None]
    row: dict[str, Any] = {
        "group": group,
        "name": trials[0].name,
        "state": _counted(states),
        "reason": "; ".join(reasons) or None,
        "verdict": "failed",
    }
    done = [t for t in trials if t.evaluation is not None and t.run is not None]
    if not done:
        return row
    evaluations = [t.evaluation for t in done if t.evaluation is not None]
    scores = pd.DataFrame([e.scores.loc[MODEL, list(SCORES)] for e in evaluations])
    seconds = [t.run.record["seconds"] for t in done if t.run is not None]
    row |= {
        "seeds": len(done),
        "parameters": done[0].parameters,
        "seconds": sum(seconds) / len(seconds),
        **{name: scores[name].mean() for name in SCORES},
        "ratio_from": scores["rmse_ratio"].min(),
        "ratio_to": scores["rmse_ratio"].max(),
        "verdict": _counted(Counter(e.verdict.outcome for e in evaluations)),
    }
    return row


def _baselines(group: str, trials: dict[str, list[Trial]]) -> list[dict[str, Any]]:
    """Return one row for each baseline; drift is another for another training start."""
    found: dict[tuple[str, float], dict[str, Any]] = {}
    owners: dict[tuple[str, float], list[str]] = {}
    for name, its_own in trials.items():
        for evaluation in (t.evaluation for t in its_own):
            if evaluation is None:
                continue
            for baseline in evaluation.baselines:
                scores = {k: float(evaluation.scores[k][baseline]) for k in SCORES}
                key = (baseline, round(scores["rmse"], 9))
                found.setdefault(key, scores)
                owners.setdefault(key, []).append(name)
    rows = []
    for baseline in dict.fromkeys(name for name, _ in found):
        keys = [key for key in found if key[0] == baseline]
        for key in keys:
            label = baseline.replace("_", " ")
            if len(keys) > 1:
                label += f" of {', '.join(dict.fromkeys(owners[key]))}"
            facts = {"group": group, "name": label, "state": "baseline"}
            rows.append(facts | found[key])
    return rows


def _counted(found: Counter[Any]) -> str:
    """Return what all say, or how many say what."""
    if len(found) == 1:
        return str(next(iter(found)))
    return ", ".join(f"{count} {word}" for word, count in found.most_common())


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
