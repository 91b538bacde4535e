"""The list of workers."""
