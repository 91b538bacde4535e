"""The life of a task: its attempts, and the runs of each, derived from its events. Pure."""
