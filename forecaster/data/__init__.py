"""From a source of prices to the windows that a network reads."""
