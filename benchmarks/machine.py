"""The machine: what a timing must be read beside, and the memory of this process."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "forecaster", "tensorflow", "keras", "numpy", "pandas", "torch", "neuralforecast",
    "u8darts", "pytorch-lightning", "onnxruntime",
)  # fmt: skip
MB = 1e6


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and versions as plain JSON values."""
    return {
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gb": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1
        ),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def resident_mb() -> float:
    """Return the memory that this process holds now, in MB."""
    return _status("VmRSS") if _has_status() else peak_mb()


def peak_mb() -> float:
    """Return the most memory that this process has held, in MB.

    From Linux's own account where there is one: the figure of `getrusage` also counts
    the process that began this one.
    """
    if _has_status():
        return _status("VmHWM")
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / MB if platform.system() == "Darwin" else largest * 1024 / MB


def _has_status() -> bool:
    return Path("/proc/self/status").exists()


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields[name].split()[0]) * 1024 / MB


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if not listed.exists():
        return platform.processor()
    fields = dict(
        line.split(":", 1)
        for line in listed.read_text(encoding="utf-8").splitlines()
        if ":" in line
    )
    names = {name.strip(): value.strip() for name, value in fields.items()}
    return names.get("model name", platform.processor())


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
