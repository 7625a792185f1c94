"""Pure: `step(state, event) -> (state, orders)`. Nothing decides outside this room."""
