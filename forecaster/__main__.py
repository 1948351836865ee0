"""Runs the command line as ``python -m forecaster``."""

from forecaster.cli import main

main()
