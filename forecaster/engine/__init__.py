"""The engine: runs many tasks, in this process, in others beside it, or on a cluster.

Worker processes are spawned, never forked: TensorFlow hangs in a forked process. None
outlives the process that began it, whatever ended that.
"""

from __future__ import annotations

from forecaster.engine.outcomes import ClusterFailed, Outcome, WorkerLost
from forecaster.engine.running import run_each, run_tasks

__all__ = ["ClusterFailed", "Outcome", "WorkerLost", "run_each", "run_tasks"]
