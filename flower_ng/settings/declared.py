"""Settings is every option of flower_ng, each declared once: name, type, default, group, help.

The command line in both spellings, the environment, the configuration file, `--help` and
docs/options.md follow from these lines. Names, types and defaults are Flower's where Flower has
the option.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from flower_ng.settings.amounts import is_duration, is_size
from flower_ng.settings.checks import (
    LEVELS,
    MOST_DAYS,
    MOST_OF_THEM,
    NEXT_LINK,
    ROTATIONS,
    above_zero,
    are_bounds,
    are_credentials,
    are_origins,
    are_task_links,
    at_least,
    is_database_url,
    is_port,
    is_signing_key,
    is_web_address,
    one_of,
)
from flower_ng.settings.option import Option, declared, option
from flower_ng.settings.problems import PROBLEMS, ProblemOptions

SERVER = "Server"
LOGIN = "Who may come in"
CLUSTER = "Watching the cluster"
MEMORY = "Memory and history"
PAGES = "Pages"
METRICS = "Metrics"
LOGGING = "Logging"
#: The groups in the order in which people are told of them.
GROUPS: Final = (SERVER, LOGIN, CLUSTER, MEMORY, PROBLEMS, PAGES, METRICS, LOGGING)


@dataclass(frozen=True, slots=True)
class Settings(ProblemOptions):
    """One value for each option; times and sizes in the units that the help names."""

    port: int = option(5555, SERVER, "TCP port; 0 takes any free one.", is_port)
    address: str = option(
        "", SERVER, "Address or host name to listen on; empty is every interface."
    )
    unix_socket: str = option("", SERVER, "Path of a Unix socket to listen on instead of a port.")
    url_prefix: str | None = option(None, SERVER, "Serve everything below /PREFIX/.")
    certfile: str | None = option(None, SERVER, "TLS certificate; needs keyfile, turns HTTPS on.")
    keyfile: str | None = option(None, SERVER, "Key of the TLS certificate; needs certfile.")
    ca_certs: str | None = option(None, SERVER, "File of CA certificates for TLS.")
    xheaders: bool = option(
        False,
        SERVER,
        "Trust X-Real-Ip, X-Forwarded-For, X-Scheme and X-Forwarded-Proto of a proxy in front.",
    )
    debug: bool = option(
        False,
        SERVER,
        "Show tracebacks, log each request and debug messages, restart when the source changes.",
    )
    conf: str = option("flowerconfig.py", SERVER, "Configuration file, run as Python.")

    basic_auth: tuple[str, ...] = option(
        (), LOGIN, "user:password pairs for HTTP Basic login.", are_credentials, credential=True
    )
    auth: str = option(
        "",
        LOGIN,
        "E-mail addresses that may log in by OAuth: one, a|b, or one with .* before the @.",
    )
    auth_provider: str | None = option(
        None, LOGIN, "Dotted path of the OAuth provider's login handler; Flower's names are known."
    )
    oauth2_key: str | None = option(None, LOGIN, "OAuth client id.")
    oauth2_secret: str | None = option(None, LOGIN, "OAuth client secret.", credential=True)
    oauth2_redirect_uri: str | None = option(
        None, LOGIN, "URL of /login as the OAuth provider must call it."
    )
    cookie_secret: str | None = option(
        None,
        LOGIN,
        "Key that signs cookies, 16 characters or more; without it each restart ends all sessions.",
        is_signing_key,
        credential=True,
    )
    require_auth: bool = option(
        False, LOGIN, "Refuse to start without a login: basic_auth, or auth with auth_provider."
    )
    read_only: bool = option(
        False, LOGIN, "Refuse every call that would change something, and show no buttons."
    )
    cors_origins: tuple[str, ...] = option(
        (), LOGIN, "Origins whose pages may call the API from a browser.", are_origins
    )

    enable_events: bool = option(True, CLUSTER, "Ask all workers every 5 seconds to send events.")
    inspect_timeout: float = option(
        1000.0, CLUSTER, "Milliseconds to wait for workers' replies.", above_zero
    )
    inspect_interval: float = option(
        60.0, CLUSTER, "Seconds between two refreshes of what workers say; 0 is never.", at_least(0)
    )
    purge_offline_workers: int | None = option(
        None, CLUSTER, "Seconds after which a worker that is offline is forgotten.", at_least(0)
    )
    broker_api: str | None = option(
        None, CLUSTER, "URL of RabbitMQ's management API.", is_web_address, secret=True
    )
    inbox_max_messages: int = option(
        10_000, CLUSTER, "Messages that wait to be read before new ones wait or go.", at_least(1)
    )
    inbox_max_bytes: int = option(
        256 * 2**20,
        CLUSTER,
        "Bytes of the messages that wait to be read.",
        at_least(1, MOST_OF_THEM),
    )

    max_workers: int = option(5000, MEMORY, "Workers kept.", at_least(1))
    max_tasks: int = option(100_000, MEMORY, "Tasks kept.", at_least(1))
    persistent: bool = option(
        False, MEMORY, "Keep tasks, workers and counters over restarts, in the file that db names."
    )
    db: str = option(
        "flower",
        MEMORY,
        "Path of the history file, without .sqlite3, or of a folder for it; what is missing of its"
        " folders is made.",
    )
    history_optional: bool = option(
        False,
        MEMORY,
        "Start although the history that persistent or history asks for can't be used: tasks are"
        " then kept until the dashboard stops, and every page and /readyz say so.",
    )
    state_save_interval: int = option(
        0,
        MEMORY,
        "Accepted and without effect: what persistent keeps is written all the time.",
        at_least(0),
    )

    history: str | None = option(
        None,
        MEMORY,
        "URL of a PostgreSQL database that keeps the history instead of a file; dashboards of one"
        " broker may share it. Needs flower-ng[postgresql].",
        is_database_url,
        secret=True,
    )
    history_max_tasks: int | None = option(
        None,
        MEMORY,
        "Tasks kept in the history; the default is max_tasks, or 1000000 with persistent or history"
        " unless max_tasks is given.",
        at_least(1),
    )
    history_max_age: str = option(
        "30d", MEMORY, "How long tasks are kept, as 30d or 12h; 0 is for ever.", is_duration
    )
    history_max_failure_age: str = option(
        "90d", MEMORY, "How long tasks that failed are kept; 0 is for ever.", is_duration
    )
    history_max_bytes: str | None = option(
        None,
        MEMORY,
        "Size of the history, as 10GB or 500MB; 0 is no bound, the default is 10GB or half of the"
        " free disk.",
        is_size,
    )
    history_max_text: int = option(
        16_384,
        MEMORY,
        "Characters kept of a task's arguments, result and exception (4096 at most) and of its"
        " traceback (65536 at most); longer texts are cut, and marked as cut.",
        at_least(100),
    )
    history_max_events: int = option(
        100, MEMORY, "Events kept of one task, with their times; more are counted.", at_least(1)
    )
    history_by_minute_days: float = option(
        1.0, MEMORY, "Days for which the numbers of each minute are kept.", at_least(0.1, MOST_DAYS)
    )
    history_by_ten_minutes_days: float = option(
        14.0,
        MEMORY,
        "Days for which the numbers of each ten minutes are kept.",
        at_least(0.1, MOST_DAYS),
    )
    history_by_hour_days: float = option(
        366.0, MEMORY, "Days for which the numbers of each hour are kept.", at_least(0.1, MOST_DAYS)
    )

    home: str = option(
        "workers", PAGES, "Page at /: overview or workers.", one_of("overview", "workers")
    )
    auto_refresh: bool = option(True, PAGES, "Let the Workers page follow the cluster.")
    tasks_columns: str = option(
        "name,uuid,state,received,runtime,worker", PAGES, "Columns of the Tasks page, in order."
    )
    natural_time: bool = option(False, PAGES, "Show times on the Tasks page as 'two minutes ago'.")
    task_links: tuple[str, ...] = option(
        (),
        PAGES,
        "Links on a task's page to logs, traces or an error tracker, as"
        " Logs=https://logs.example/?q={uuid}&from={start_ms}; also {name}, {state}, {worker},"
        " {queue}, {root_id}, {parent_id}, {start}, {end} and {end_ms}.",
        are_task_links,
        separator=NEXT_LINK,
    )
    format_task: Callable[[Any], Any] | None = option(
        None,
        PAGES,
        "Function in the configuration file: takes a task, returns it as shown on pages.",
    )

    task_runtime_metric_buckets: tuple[float, ...] = option(
        (), METRICS, "Upper bounds of the runtime histogram; empty is Prometheus's own.", are_bounds
    )
    metrics_max_pairs: int = option(
        20_000, METRICS, "Pairs of worker and task with series of their own.", at_least(1)
    )

    logging: str = option(
        "info",
        LOGGING,
        "Level: debug, info, warning, error, or none to leave it alone.",
        one_of(*LEVELS),
    )
    log_to_stderr: bool | None = option(
        None, LOGGING, "Log to standard error; the default is yes unless there is a log file."
    )
    log_file_prefix: str | None = option(None, LOGGING, "Path of the log file.")
    log_file_max_size: int = option(
        100_000_000, LOGGING, "Bytes of a log file.", at_least(0, MOST_OF_THEM)
    )
    log_file_num_backups: int = option(10, LOGGING, "Old log files kept.", at_least(0))
    log_rotate_mode: str = option(
        "size", LOGGING, "Begin a new log file by size or by time.", one_of("size", "time")
    )
    log_rotate_when: str = option(
        "midnight",
        LOGGING,
        "Unit of log_rotate_interval: S, M, H, D, midnight, W0 to W6.",
        one_of(*ROTATIONS),
    )
    log_rotate_interval: int = option(
        1, LOGGING, "Time between two log files, with log_rotate_mode=time.", at_least(1)
    )


OPTIONS: Final[tuple[Option, ...]] = tuple(
    sorted(map(declared, fields(Settings)), key=lambda option: GROUPS.index(option.group))
)
