"""Questions and commands to workers, and the result backend."""
