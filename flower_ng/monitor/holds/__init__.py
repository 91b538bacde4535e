"""Queues that are paused and workers that are drained: what is wanted, and what keeps it so."""
