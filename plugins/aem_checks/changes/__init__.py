"""What does a release change? From two commits of a repository to components, client libraries, templates and rules."""
