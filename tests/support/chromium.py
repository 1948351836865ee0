"""A headless Chromium of this machine, and pages that tell what went wrong in them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoChromium(Exception):
    """No browser can be started here; the message says why."""


def find_program() -> str:
    """Return the path of the browser."""
    if importlib.util.find_spec("playwright") is None:
        raise NoChromium("playwright is not installed")
    found = [path for path in map(shutil.which, NAMES) if path]
    if not found:
        raise NoChromium("no Chromium is installed; Debian's package is `chromium`")
    return found[0]


@contextmanager
def start_chromium() -> Iterator:
    """Yield a browser that lives as long as the block."""
    program = find_program()
    from playwright.sync_api import sync_playwright

    words = ["--disable-gpu", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:  # Chromium refuses root otherwise
        words.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=words)
        yield browser
        browser.close()


class Visit:
    """One page in a window of its own, with its complaints and requests."""

    def __init__(self, browser, base: str, **window) -> None:
        self.context = browser.new_context(base_url=base, **window)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def go(self, path: str):
        self.page.goto(path)
        # No function is waited for: the pages' own policy forbids to evaluate one.
        self.page.get_by_text("Read at").wait_for()
        return self.page
