"""What is so right now? Cloud Manager, stage and this worker, read and put into the words of the rules."""
