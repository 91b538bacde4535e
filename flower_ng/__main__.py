"""`python -m flower_ng -A proj flower_ng`: Celery's command, ours among its sub-commands."""

from flower_ng.cli.script import celery

if __name__ == "__main__":
    celery(prog_name="python -m flower_ng")
