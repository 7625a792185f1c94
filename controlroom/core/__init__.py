"""Pure: `step(state, event) -> (state, orders)`. Nothing decides outside this room."""

from controlroom.core.state import Limits, State
from controlroom.core.step import step

__all__ = ["Limits", "State", "step"]
