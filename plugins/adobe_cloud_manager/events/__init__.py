"""What does Adobe I/O tell us, and can it be believed? Events are hints: they make somebody look sooner, no more."""
