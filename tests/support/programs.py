"""Other people's programs that check ours, where they are installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def run(*words, **more):
    more = {"capture_output": True, "text": True, "timeout": 60, "check": False} | more
    return subprocess.run([str(word) for word in words], **more)


def program(name, package):
    return pytest.mark.skipif(
        shutil.which(name) is None,
        reason=f"{name} is not installed (Debian package `{package}`)",
    )
