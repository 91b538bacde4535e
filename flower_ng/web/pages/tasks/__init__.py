"""The list of tasks and its search."""
