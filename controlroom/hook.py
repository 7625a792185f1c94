"""The gate's client inside an agent's hook: stands alone, standard library only, fails closed."""
