"""The life of a task: its attempts and their runs, as its events tell of them. Pure."""
