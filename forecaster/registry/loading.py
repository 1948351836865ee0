"""Loading: a Forecaster from the registry, from a run, or from a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.registry.naming import REFERENCE
from forecaster.registry.registry import Registry
from forecaster.runs import load_forecaster, name_of_run

if TYPE_CHECKING:
    from forecaster.forecasting import Forecaster


def is_reference(reference: str | Path | None) -> bool:
    """Return whether the registry is meant: ``google@3``, and no path.

    >>> is_reference("google@production"), is_reference("./google@3")
    (True, False)
    """
    return isinstance(reference, str) and bool(REFERENCE.fullmatch(reference))


def load_model(
    reference: str | Path | None,
    runs_dir: Path,
    registry: Registry | None = None,
    *,
    fast: bool = False,
) -> tuple[Forecaster, str]:
    """Read a Forecaster from the registry, from a run, or from a bundle.

    Parameters
    ----------
    reference
        ``name@production`` and the like (see `Registry.resolve`) mean the registry;
        write ``./name@3`` for a folder that is called so. All else is as for
        `forecaster.runs.load_forecaster`.
    registry
        By default that of `Registry.open`.
    fast
        As in `forecaster.bundle.load_bundle`.

    Returns
    -------
    tuple of Forecaster and str
        With the name by which a ledger knows the model: ``name@3``, or the run's.
    """
    if is_reference(reference):
        entry = (registry or Registry.open()).resolve(str(reference))
        return entry.load(fast=fast), entry.label
    forecaster = load_forecaster(reference, runs_dir, fast=fast)
    return forecaster, name_of_run(reference, runs_dir)
