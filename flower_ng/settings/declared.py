"""Settings is every option of flower_ng, each declared once: name, type, default, group, help.

The command line in both spellings, the environment, the configuration file, `--help` and
docs/options.md follow from these lines. Names, types and defaults are Flower's where Flower has
the option.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from flower_ng.settings.amounts import is_duration, is_session_age, is_size
from flower_ng.settings.checks import (
    LEVELS,
    MOST_DAYS,
    MOST_OF_THEM,
    NEXT_LINK,
    ROTATIONS,
    above_zero,
    are_bounds,
    are_credentials,
    are_host_names,
    are_name_patterns,
    are_networks,
    are_origins,
    are_permissions,
    are_roles,
    are_scopes,
    are_task_links,
    at_least,
    is_claim,
    is_database_url,
    is_header_name,
    is_issuer,
    is_port,
    is_queue_name,
    is_signing_key,
    is_web_address,
    one_of,
)
from flower_ng.settings.option import Option, declared, option
from flower_ng.settings.problems import PROBLEMS, ProblemOptions

SERVER = "Server"
LOGIN = "Login and access"
CLUSTER = "Cluster"
MEMORY = "Memory and history"
PAGES = "Pages"
METRICS = "Metrics"
LOGGING = "Logging"
#: The groups in the order of `--help` and docs/options.md.
GROUPS: Final = (SERVER, LOGIN, CLUSTER, MEMORY, PROBLEMS, PAGES, METRICS, LOGGING)


@dataclass(frozen=True, slots=True)
class Settings(ProblemOptions):
    """One value for each option; times and sizes in the units that the help names."""

    port: int = option(5555, SERVER, "TCP port to listen on; 0 picks a free one.", is_port)
    address: str = option(
        "", SERVER, "Address or host name to listen on; empty means every interface."
    )
    unix_socket: str = option("", SERVER, "Path of a Unix socket to listen on instead of a port.")
    unix_socket_mode: str = option(
        "777",
        SERVER,
        "Who may connect to unix_socket, as octal permissions: 660 is its owner and group.",
        are_permissions,
    )
    url_prefix: str | None = option(
        None, SERVER, "URL path under which everything is served, as in /PREFIX/tasks."
    )
    certfile: str | None = option(
        None, SERVER, "TLS certificate file; turns HTTPS on, needs keyfile."
    )
    keyfile: str | None = option(
        None, SERVER, "Private key file of certfile. SIGHUP has both read again."
    )
    ca_certs: str | None = option(None, SERVER, "File of CA certificates for TLS.")
    hsts_max_age: str = option(
        "0",
        SERVER,
        "How long browsers that came by HTTPS use nothing else for this host name, such as 365d"
        " (Strict-Transport-Security); 0 does not ask for it.",
        is_duration,
    )
    xheaders: bool = option(
        False,
        SERVER,
        "Take address, scheme and host of clients from a reverse proxy's headers: X-Real-Ip,"
        " X-Forwarded-For, X-Scheme, X-Forwarded-Proto, X-Forwarded-Host.",
    )
    trusted_proxies: tuple[str, ...] = option(
        (),
        SERVER,
        "Addresses and networks of the proxies that xheaders believes; loopback and private ones"
        " unless set.",
        are_networks,
    )
    debug: bool = option(
        False,
        SERVER,
        "Show tracebacks, log every request and debug messages, restart when the source changes.",
    )
    conf: str = option(
        "flowerconfig.py", SERVER, "Path of the configuration file, which is Python code."
    )

    basic_auth: tuple[str, ...] = option(
        (), LOGIN, "user:password pairs for HTTP Basic login.", are_credentials, credential=True
    )
    htpasswd: str = option(
        "",
        LOGIN,
        "Path of a file with more users for HTTP Basic login, one user:hash a line, as flower-ng"
        " hash-password makes them; bcrypt hashes of htpasswd need flower-ng[htpasswd].",
    )
    auth: str = option(
        "",
        LOGIN,
        "E-mail addresses that may log in by OAuth: one, several as a|b, or .*@example.com.",
    )
    auth_provider: str | None = option(
        None,
        LOGIN,
        "oidc, for the OpenID provider of oidc_url, or the dotted path of an OAuth login handler;"
        " Flower's own paths work.",
    )
    oidc_url: str = option(
        "",
        LOGIN,
        "URL of the issuer of auth_provider=oidc, where its /.well-known/openid-configuration is."
        " Needs flower-ng[oidc].",
        is_issuer,
    )
    oidc_scopes: str = option(
        "openid email profile",
        LOGIN,
        "Scopes that are asked of it, with spaces between.",
        are_scopes,
    )
    oidc_name_claim: str = option(
        "email",
        LOGIN,
        "Claim of its ID token that names the person for auth and roles. email counts only with"
        " email_verified; another must be one that people can't choose themselves.",
        is_claim,
    )
    oidc_groups_claim: str = option(
        "groups", LOGIN, "Claim that lists the person's groups, for roles.", is_claim
    )
    oauth2_key: str | None = option(None, LOGIN, "OAuth client id.")
    oauth2_secret: str | None = option(None, LOGIN, "OAuth client secret.", credential=True)
    oauth2_redirect_uri: str | None = option(
        None, LOGIN, "Public URL of /login, to which the OAuth provider sends the browser back."
    )
    cookie_secret: str | None = option(
        None,
        LOGIN,
        "Key that signs cookies, 16 characters or more; without it a restart logs everybody out.",
        is_signing_key,
        credential=True,
    )
    session_max_age: str = option(
        "30d",
        LOGIN,
        "How long a login by OAuth or OpenID Connect lasts, such as 12h; at most 90d.",
        is_session_age,
    )
    require_reason: bool = option(
        False,
        LOGIN,
        "Have every action that pages review first ask for a reason, which the audit records.",
    )
    tokens: str = option(
        "",
        LOGIN,
        "Path of the file of tokens for scripts and Prometheus, which flower-ng token writes.",
    )
    metrics_auth: bool = option(
        False, LOGIN, "Have /metrics need a token or a login, instead of being open to everybody."
    )
    auth_header: str = option(
        "",
        LOGIN,
        "Header in which a reverse proxy of trusted_proxies names the user who has logged in there,"
        " such as X-Forwarded-User.",
        is_header_name,
    )
    auth_groups_header: str = option(
        "",
        LOGIN,
        "Header in which that proxy names the user's groups, between commas.",
        is_header_name,
    )
    roles: tuple[str, ...] = option(
        (),
        LOGIN,
        "Who may do what, as role:user with the roles viewer, operator and admin:"
        " admin:ann@example.com, operator:group:sre, viewer:*@example.com, viewer:*. Unless set,"
        " everybody who logs in is an admin.",
        are_roles,
    )
    roles_path: str = option(
        "", LOGIN, "Path of a file with more roles, one a line; # begins a comment."
    )
    require_auth: bool = option(
        False,
        LOGIN,
        "Refuse to start unless a login is configured: basic_auth, htpasswd, auth with"
        " auth_provider, or auth_header.",
    )
    read_only: bool = option(
        False, LOGIN, "Refuse every request that would change something, and hide the buttons."
    )
    cors_origins: tuple[str, ...] = option(
        (), LOGIN, "Origins whose pages may call the API from a browser (CORS).", are_origins
    )

    trusted_hosts: tuple[str, ...] = option(
        (),
        LOGIN,
        "Host names that requests may name, *.example.com for all that end so, * for any. Unless"
        " set: any, but without a login browsers change nothing under public names; or only"
        " localhost where flower_ng listens on loopback without a login.",
        are_host_names,
    )
    redact: str = option(
        "default",
        LOGIN,
        "Hide secrets in arguments, results, errors, events and settings of workers before they are"
        " stored: default hides values whose names say that they are secret, passwords in URLs and"
        " bearer tokens; strict hides more, personal data too; off hides nothing.",
        one_of("off", "default", "strict"),
    )
    redact_keys: tuple[str, ...] = option(
        (),
        LOGIN,
        "More names whose values redact hides, such as iban or *_pin.",
        are_name_patterns,
    )

    enable_events: bool = option(True, CLUSTER, "Ask all workers every 5 seconds to send events.")
    event_queue: str = option(
        "",
        CLUSTER,
        "Name of a queue on RabbitMQ that keeps events for `event_queue_ttl` (60 s unless set in"
        " Celery) while flower_ng is away. Each dashboard needs its own.",
        is_queue_name,
    )
    inspect_timeout: float = option(
        1000.0, CLUSTER, "Milliseconds to wait for workers' replies to a command.", above_zero
    )
    inspect_interval: float = option(
        60.0,
        CLUSTER,
        "Seconds between regular inspections of all workers; 0 turns them off.",
        at_least(0),
    )
    purge_offline_workers: int | None = option(
        None,
        CLUSTER,
        "Seconds after which an offline worker is removed from the list; never by default.",
        at_least(0),
    )
    broker_api: str | None = option(
        None, CLUSTER, "URL of RabbitMQ's management API.", is_web_address, secret=True
    )
    inbox_max_messages: int = option(
        200_000,
        CLUSTER,
        "Maximum unread events in memory; beyond it RabbitMQ holds them back, on Redis they are"
        " dropped.",
        at_least(1),
    )
    inbox_max_bytes: int = option(
        256 * 2**20, CLUSTER, "Maximum bytes of unread events.", at_least(1, MOST_OF_THEM)
    )

    max_workers: int = option(5000, MEMORY, "Maximum workers in memory.", at_least(1))
    max_tasks: int = option(100_000, MEMORY, "Maximum tasks in memory.", at_least(1))
    persistent: bool = option(
        False, MEMORY, "Keep tasks, workers and counters across restarts, in the file of db."
    )
    db: str = option(
        "flower",
        MEMORY,
        "Path of the history file, without .sqlite3, or of its folder; missing folders are"
        " created.",
    )
    history_optional: bool = option(
        False,
        MEMORY,
        "Start even if the history of persistent or history cannot be opened: tasks are then lost"
        " when the dashboard stops, and every page and /readyz say so.",
    )
    state_save_interval: int = option(
        0,
        MEMORY,
        "Ignored; kept so that Flower configurations start. The history is written continuously.",
        at_least(0),
    )

    history: str | None = option(
        None,
        MEMORY,
        "URL of a PostgreSQL database for the history, instead of a file; dashboards of one broker"
        " may share it. Needs flower-ng[postgresql].",
        is_database_url,
        secret=True,
    )
    history_max_tasks: int | None = option(
        None,
        MEMORY,
        "Maximum tasks in the history. Default: 1000000 with persistent or history unless max_tasks"
        " is set, else max_tasks.",
        at_least(1),
    )
    history_max_age: str = option(
        "30d",
        MEMORY,
        "How long tasks are kept, such as 30d or 12h; 0 keeps them forever.",
        is_duration,
    )
    history_max_failure_age: str = option(
        "90d", MEMORY, "How long failed tasks are kept; 0 keeps them forever.", is_duration
    )
    audit_max_age: str = option(
        "90d",
        MEMORY,
        "How long the record of who did what is kept; 0 keeps it forever.",
        is_duration,
    )
    history_max_bytes: str | None = option(
        None,
        MEMORY,
        "Maximum size of the history, such as 10GB or 500MB; 0 means no limit. Default: 10GB, or"
        " half of the free disk space if that is less.",
        is_size,
    )
    history_max_text: int = option(
        16_384,
        MEMORY,
        "Maximum characters stored of a task's arguments, result and exception (at most 4096) and"
        " traceback (at most 65536); longer texts are cut and marked so.",
        at_least(100),
    )
    history_max_events: int = option(
        100,
        MEMORY,
        "Maximum events stored per task, with their times; further ones are only counted.",
        at_least(1),
    )
    history_by_minute_days: float = option(
        1.0, MEMORY, "Days for which per-minute statistics are kept.", at_least(0.1, MOST_DAYS)
    )
    history_by_ten_minutes_days: float = option(
        14.0,
        MEMORY,
        "Days for which ten-minute statistics are kept.",
        at_least(0.1, MOST_DAYS),
    )
    history_by_hour_days: float = option(
        366.0, MEMORY, "Days for which hourly statistics are kept.", at_least(0.1, MOST_DAYS)
    )

    home: str = option(
        "workers", PAGES, "Page shown at /: overview or workers.", one_of("overview", "workers")
    )
    auto_refresh: bool = option(True, PAGES, "Update the Workers page by itself.")
    tasks_columns: str = option(
        "name,uuid,state,received,runtime,worker",
        PAGES,
        "Columns of the Tasks page, in this order.",
    )
    natural_time: bool = option(
        False, PAGES, "Show times on the Tasks page as in 'two minutes ago'."
    )
    task_links: tuple[str, ...] = option(
        (),
        PAGES,
        "Links on a task's page to logs, traces or an error tracker, such as"
        " Logs=https://logs.example/?q={uuid}&from={start_ms}; also {name}, {state}, {worker},"
        " {queue}, {root_id}, {parent_id}, {start}, {end} and {end_ms}.",
        are_task_links,
        separator=NEXT_LINK,
    )
    format_task: Callable[[Any], Any] | None = option(
        None,
        PAGES,
        "Function in the configuration file that takes a task and returns it as pages show it.",
    )
    format_task_api: bool = option(
        False, PAGES, "Have format_task change what the API and its exports answer, too."
    )

    task_runtime_metric_buckets: tuple[float, ...] = option(
        (),
        METRICS,
        "Upper bounds in seconds of the runtime histogram; empty means Prometheus's defaults.",
        are_bounds,
    )
    metrics_max_pairs: int = option(
        20_000,
        METRICS,
        "Maximum (worker, task) pairs in metrics; new pairs beyond it are merged into"
        ' task="__other__".',
        at_least(1),
    )
    metrics_max_bytes: str = option(
        "100MiB",
        METRICS,
        "Size of an answer of /metrics from which on new pairs are merged into"
        ' task="__other__" too; 0 means no limit.',
        is_size,
    )

    logging: str = option(
        "info",
        LOGGING,
        "Log level: debug, info, warning or error; none leaves logging unconfigured.",
        one_of(*LEVELS),
    )
    log_format: str = option(
        "text",
        LOGGING,
        "Form of log lines: text, or json for an object a line.",
        one_of("text", "json"),
    )
    log_to_stderr: bool | None = option(
        None, LOGGING, "Log to standard error. Default: yes unless log_file_prefix is set."
    )
    log_file_prefix: str | None = option(None, LOGGING, "Path of the log file.")
    log_file_max_size: int = option(
        100_000_000,
        LOGGING,
        "Maximum bytes of a log file, with log_rotate_mode=size.",
        at_least(0, MOST_OF_THEM),
    )
    log_file_num_backups: int = option(10, LOGGING, "Number of old log files to keep.", at_least(0))
    log_rotate_mode: str = option(
        "size", LOGGING, "Start a new log file by size or by time.", one_of("size", "time")
    )
    log_rotate_when: str = option(
        "midnight",
        LOGGING,
        "Unit of log_rotate_interval: S, M, H, D, midnight, or W0 (Monday) to W6.",
        one_of(*ROTATIONS),
    )
    log_rotate_interval: int = option(
        1,
        LOGGING,
        "Units of log_rotate_when between two log files, with log_rotate_mode=time.",
        at_least(1),
    )


OPTIONS: Final[tuple[Option, ...]] = tuple(
    sorted(map(declared, fields(Settings)), key=lambda option: GROUPS.index(option.group))
)
