"""Hostile process trees whose own heartbeats tell who lives: the ground truth for every test of a stop."""

from tests.support.hostile.grove import Grove
from tests.support.hostile.session import Held, hold_session

__all__ = ["Grove", "Held", "hold_session"]
