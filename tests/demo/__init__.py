"""Three releases of one site go through one gate: approved, halted, held."""
