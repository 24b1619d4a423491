"""Who hears of it, and in which words? The story of a run, its report, notifications."""
