"""flower_ng: the dashboard for Celery."""

__version__ = "0.1.0"
