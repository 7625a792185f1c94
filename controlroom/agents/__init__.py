"""One module an agent: how its hook speaks and how the gate is put into its configuration."""
