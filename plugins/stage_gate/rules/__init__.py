"""What counts, and what may follow from it? Values to values: no clock, no I/O."""
