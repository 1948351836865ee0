"""The metrics file: what the last run of a batch left in it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.batch.summary import BatchSummary
from forecaster.errors import ConfigError, RunWarning

if TYPE_CHECKING:
    from prometheus_client import Metric

LAST_SUCCESS = "forecaster_batch_last_success_timestamp_seconds"


def last_success(file: Path, summary: BatchSummary, code: int) -> float:
    """Return when the batch last succeeded: now, or what the old file says.

    Parameters
    ----------
    code
        The exit code of this run.

    Raises
    ------
    ConfigError
        If the file belongs to another batch.
    """
    earlier = _earlier_successes(file)
    others = earlier.keys() - {summary.name}
    if others:
        raise ConfigError(
            f"{file} holds the metrics of the batch {min(others)!r}. Give "
            f"{summary.name!r} a file of its own, or delete this one if it was renamed."
        )
    if code == 0:
        return summary.finished.timestamp()
    return earlier.get(summary.name, 0.0)


def read_families(file: Path) -> list[Metric]:
    """Read the metrics in a file; none if it is not there, or damaged."""
    try:
        return _parse(file)
    except (OSError, ValueError, LookupError):
        return []


def _parse(file: Path) -> list[Metric]:
    from prometheus_client.parser import text_string_to_metric_families

    return [*text_string_to_metric_families(file.read_text(encoding="utf-8"))]


def _earlier_successes(file: Path) -> dict[str, float]:
    """Read the time of the last success of each batch in a file."""
    try:
        samples = [one for family in _parse(file) for one in family.samples]
        found = {
            one.labels["batch"]: one.value
            for one in samples
            if one.name == LAST_SUCCESS and math.isfinite(one.value)
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError) as error:
        _warn_damaged(file, error)
        return {}
    if not found:
        _warn_damaged(file, "it does not say when the batch last succeeded")
    return found


def _warn_damaged(file: Path, reason: object) -> None:
    warnings.warn(
        f"{file}: cannot read the metrics of the last run ({reason}). "
        "They are written anew; the time of the last success may be lost.",
        RunWarning,
        stacklevel=5,
    )
