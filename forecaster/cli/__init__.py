"""The command line: each command parses, calls one function and prints."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from forecaster.cli.app import app

    app(prog_name="forecaster")
