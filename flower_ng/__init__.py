"""flower_ng: the dashboard for Celery."""

__version__ = "0.2.0.dev0"
