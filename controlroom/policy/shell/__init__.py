"""Shell text: parsed, walked, its words resolved, its wrappers opened."""
