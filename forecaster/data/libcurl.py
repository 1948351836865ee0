"""The libcurl under yfinance, loaded so that TensorFlow's cannot stand in for it."""

from __future__ import annotations

import importlib
import os
import sys


def load_own_libcurl() -> None:
    """Import `curl_cffi` bound to its own libcurl, in whatever order others are loaded.

    TensorFlow exports a libcurl of its own. Loaded first, it would serve the calls of
    `curl_cffi`, and every request of yfinance would fail. On Linux the loader can be
    told that a library's own symbols come first; elsewhere libraries do not mix.
    """
    if "curl_cffi" in sys.modules or not hasattr(os, "RTLD_DEEPBIND"):
        importlib.import_module("curl_cffi")
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        importlib.import_module("curl_cffi")
    finally:
        sys.setdlopenflags(flags)
