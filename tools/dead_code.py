"""Fails where something is defined that nothing uses: no code, no template, no library (vulture).

Run by `make check`.
"""

import re
import sys
from itertools import chain
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parent.parent
SOURCES = ("flower_ng", "tools", "bench", "hatch_build.py")
#: What uses the names that our own code only defines.
USED_BY = {
    "Celery's State and its users": (
        "alive_workers", "get_or_create_task", "get_or_create_worker", "itertasks",
        "rebuild_taskheap", "status_string", "task_types", "tasks_by_timestamp", "tasks_by_type",
        "tasks_by_worker", "_clear_tasks",
    ),
    "scripts that used Flower's Events and its metrics": ("dec", "inc", "save_state"),
    "click": ("exit_code", "format_usage"),
    "Hatch": ("VendorHook", "PLUGIN_NAME", "build_data"),
    "Kombu's consumers": (
        "establish_connection", "exc", "get_consumers", "on_consume_end", "on_consume_ready",
        "on_decode_error", "on_iteration",
    ),
    "login handlers of Flower that are subclassed": (
        "get_google_oauth_settings", "_OAUTH_AUTHORIZE_URL",
    ),
    "psycopg": ("dump",),
    "pytest": ("pytest_collection_modifyitems", "pytest_runtest_logreport"),
    "Python's imports, unpickling and sockets": (
        "exec_module", "find_class", "find_spec", "gethostname",
    ),
    "Python's logging": ("msg",),
    "readers of the JSON API": ("relative_error",),
    "redis-py's connections": ("next_health_check",),
    "the names of rules, options and columns, put together while it runs": (
        "exception_line", "log_*", "problem_*",
    ),
    "Tornado": (
        "get_current_user", "header_timeout", "include_body", "on_connection_close", "on_finish",
        "set_default_headers", "set_extra_headers", "ssl_options", "validate_absolute_path",
        "write_error", "_schedule_next", "_timeout",
    ),
}  # fmt: skip


def main() -> None:
    """Print what is unused and end with 1, or end with 0."""
    in_templates = set(re.findall(r"[A-Za-z_]\w*", "".join(map(Path.read_text, templates()))))
    search = Vulture(ignore_names=[*chain.from_iterable(USED_BY.values())])
    search.scavenge([ROOT / source for source in SOURCES])
    unused = [item for item in search.get_unused_code() if item.name not in in_templates]
    for item in unused:
        path = Path(item.filename).relative_to(ROOT)
        print(f"{path}:{item.first_lineno}: {item.typ} {item.name!r} is used nowhere")
    sys.exit(bool(unused))


def templates() -> list[Path]:
    """The pages and their parts, which use names of the code."""
    return sorted((ROOT / "templates").rglob("*.html"))


if __name__ == "__main__":
    main()
