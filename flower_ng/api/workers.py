"""The public door to the handler that lists workers. On the loop."""

from flower_ng.web.api.workers import ListWorkers

__all__ = ["ListWorkers"]
