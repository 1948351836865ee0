"""Forecast stock prices with Keras recurrent networks, and say honestly what they are worth."""
