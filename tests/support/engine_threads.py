"""A task that tells the thread counts now, and when this module was imported."""

import os
import sys

from forecaster.engine.threads import VARIABLES


def settings():
    return {name: os.environ.get(name) for name in VARIABLES}


AT_IMPORT = settings()


def environment(_):
    return AT_IMPORT, settings(), "tensorflow" in sys.modules
