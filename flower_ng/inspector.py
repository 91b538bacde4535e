"""The public door to the Inspector."""

from flower_ng.monitor.inspector import Inspector

__all__ = ["Inspector"]
