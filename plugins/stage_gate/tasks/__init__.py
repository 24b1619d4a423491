"""The tasks of a gate's Dag: thin shells that read, call the pure rules and write evidence."""
