"""Leases: whether a network that was lent still belongs to whoever trained it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Lease:
    """Ends when the network is lent again; see `forecaster.models.refits`."""

    ended: bool = False
