"""What does Cloud Manager's API answer? Resources, the gateway before them, routes, the log store."""
