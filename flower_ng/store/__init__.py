"""What we remember: one file of tasks, workers and counters behind one query path."""
