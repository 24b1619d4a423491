"""What does Stage Gate cost? Side-by-side figures, each beside its goal; never a test that passes or fails by time."""
