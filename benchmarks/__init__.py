"""Side-by-side timings of forecaster and of what one would take instead."""
