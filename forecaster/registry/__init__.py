"""The registry: versions of models, their aliases, and a gate before an alias."""

from forecaster.registry.entries import Entry
from forecaster.registry.gate import Gate
from forecaster.registry.loading import load_model
from forecaster.registry.registry import Registry

__all__ = ["Entry", "Gate", "Registry", "load_model"]
