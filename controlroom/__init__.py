"""controlroom: a terminal control room for live AI agents."""

__version__ = "0.1.0"
