"""One file a command; imports nothing heavy at start."""
