"""The live state: tasks and workers in memory."""
