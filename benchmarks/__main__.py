"""Runs ``python -m benchmarks``, where `nightly` is a command of its own."""

import sys

if sys.argv[1:2] == ["nightly"]:
    from benchmarks.nightly import main

    main(sys.argv[2:])
else:
    from benchmarks.command import app

    app(prog_name="python -m benchmarks")
