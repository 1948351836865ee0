"""Audit: the proof by experiment that no later price reaches an earlier result."""
