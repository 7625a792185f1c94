"""Pure: from an action to its effects, targets, tier and reasons."""
