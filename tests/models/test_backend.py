"""TensorFlow, once loaded, leaves the connection under yfinance alone."""

import subprocess
import sys

CHILD = """
from forecaster.models.backend import load_keras
load_keras()
from curl_cffi import requests
try:
    requests.Session(impersonate="chrome").get("http://127.0.0.1:9/")
except Exception as error:
    print(type(error).__name__)
"""


def test_a_client_made_after_keras_uses_its_own_libcurl():
    answer = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "ConnectionError"
    assert answer.stderr == ""
