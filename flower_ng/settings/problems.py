"""Options of the health checks: one threshold for each rule, and how people are notified.

A threshold of 0 turns its rule off. docs/health.md explains each rule and what to do.
"""

from dataclasses import dataclass
from typing import Final

from flower_ng.settings.checks import are_notice_urls, at_least, is_web_address
from flower_ng.settings.option import option

PROBLEMS: Final = "Problems"


@dataclass(frozen=True, slots=True)
class ProblemOptions:
    """The thresholds of the rules, how often they are checked, and where notices are sent."""

    problems_interval: float = option(
        5.0, PROBLEMS, "Seconds between health checks.", at_least(0.1)
    )
    problems_hold: float = option(
        20.0,
        PROBLEMS,
        "Seconds for which a condition must last before a problem is raised or cleared.",
        at_least(0),
    )
    problems_quiet_start: float = option(
        60.0, PROBLEMS, "Seconds after the start during which no problem is raised.", at_least(0)
    )

    webhook_url: str | None = option(
        None,
        PROBLEMS,
        "URL to which problems are sent as JSON by POST.",
        is_web_address,
        secret=True,
    )
    webhook_secret: str | None = option(
        None, PROBLEMS, "Key that signs the requests to webhook_url.", credential=True
    )
    notify: tuple[str, ...] = option(
        (),
        PROBLEMS,
        "Apprise URLs to which problems are sent, such as slack://… or mailto://…. Needs"
        " flower-ng[apprise].",
        are_notice_urls,
        secret=True,
    )
    webhook_wait: float = option(
        10.0, PROBLEMS, "Seconds for which problems are collected into one notice.", at_least(0.1)
    )
    webhook_cool_down: float = option(
        3600.0, PROBLEMS, "Seconds before a recurring problem is sent again.", at_least(0)
    )

    problem_worker_gone: float = option(
        1.0,
        PROBLEMS,
        "Alert when a worker goes offline with this many unfinished tasks; ten minutes later if it"
        " announced that.",
        at_least(0),
    )
    problem_worker_silent: float = option(
        60.0, PROBLEMS, "Alert when a worker sends no heartbeat for this many seconds.", at_least(0)
    )
    problem_worker_unanswering: float = option(
        180.0,
        PROBLEMS,
        "Alert when an online worker answers no command for this many seconds.",
        at_least(0),
    )
    problem_no_workers: float = option(
        60.0, PROBLEMS, "Alert when no worker is online for this many seconds.", at_least(0)
    )
    problem_workers_twins: float = option(
        4.0,
        PROBLEMS,
        "Alert when a worker name alternates between two processes this many times per minute.",
        at_least(0),
    )
    problem_worker_clock: float = option(
        15.0, PROBLEMS, "Alert when a worker's clock is off by this many seconds.", at_least(0)
    )
    problem_workers_differ: float = option(
        900.0,
        PROBLEMS,
        "Alert when workers of one queue differ in version or tasks for this many seconds.",
        at_least(0),
    )
    problem_worker_stalled: float = option(
        120.0,
        PROBLEMS,
        "Alert when a received task waits this many seconds in a worker that has free slots, or no"
        " slot at all.",
        at_least(0),
    )
    problem_worker_full: float = option(
        300.0,
        PROBLEMS,
        "Alert when a received task waits this many seconds in a worker without a free slot.",
        at_least(0),
    )
    problem_worker_hoards: float = option(
        300.0,
        PROBLEMS,
        "Alert when a reserved task waits this many seconds while another worker of its queue is"
        " idle.",
        at_least(0),
    )
    problem_worker_load: float = option(
        0.0,
        PROBLEMS,
        "Alert when the 15-minute load of a worker's host reaches this. Off by default: the number"
        " of its cores is unknown.",
        at_least(0),
    )
    problem_worker_memory: float = option(
        1.5,
        PROBLEMS,
        "Alert when a worker's main process uses this many times the memory of an hour or more"
        " ago.",
        at_least(0),
    )
    problem_worker_churn: float = option(
        5.0, PROBLEMS, "Alert at this many unexplained pool process restarts per hour.", at_least(0)
    )

    problem_task_unclaimed: float = option(
        300.0,
        PROBLEMS,
        "Alert when a task started this many seconds ago and no worker reports it as running.",
        at_least(0),
    )
    problem_task_failing: float = option(
        3.0,
        PROBLEMS,
        "Alert when a task type's failure rate is this many times its usual one.",
        at_least(0),
    )
    problem_task_retrying: float = option(
        3.0,
        PROBLEMS,
        "Alert at this many retries per finished task of a type within ten minutes.",
        at_least(0),
    )
    problem_task_near_limit: float = option(
        0.9,
        PROBLEMS,
        "Alert when a task has used this fraction of its worker's task_time_limit.",
        at_least(0),
    )
    problem_task_slow: float = option(
        10.0,
        PROBLEMS,
        "Alert when a task runs this many times longer than its type's 99th percentile.",
        at_least(0),
    )
    problem_task_long: float = option(
        3600.0, PROBLEMS, "Alert when a task runs for this many seconds.", at_least(0)
    )
    problem_task_new_exception: float = option(
        6.0,
        PROBLEMS,
        "Hours for which an exception that is new to a task type is reported.",
        at_least(0),
    )

    problem_queue_deserted: float = option(
        60.0,
        PROBLEMS,
        "Alert when messages wait this many seconds in a queue without consumers.",
        at_least(0),
    )
    problem_queue_old: float = option(
        900.0,
        PROBLEMS,
        "Alert when the oldest message of a queue has waited this many seconds.",
        at_least(0),
    )
    problem_queue_growing: float = option(
        15.0,
        PROBLEMS,
        "Alert when a queue grows for this many minutes without a break.",
        at_least(0),
    )
    problem_queue_long: float = option(
        10_000.0, PROBLEMS, "Alert when this many messages wait in a queue.", at_least(0)
    )

    problem_broker_blocks: float = option(
        10.0,
        PROBLEMS,
        "Alert when the broker blocks publishing for this many seconds.",
        at_least(0),
    )
    problem_broker_broken: float = option(
        30.0,
        PROBLEMS,
        "Alert when a broker node is down or partitioned for this many seconds.",
        at_least(0),
    )
    problem_broker_unanswering: float = option(
        180.0,
        PROBLEMS,
        "Alert when the broker answers no request for this many seconds.",
        at_least(0),
    )
    problem_broker_memory: float = option(
        0.9, PROBLEMS, "Alert when the broker uses this fraction of its memory limit.", at_least(0)
    )
    problem_broker_disk: float = option(
        1.5,
        PROBLEMS,
        "Alert when free disk space falls to this many times RabbitMQ's disk alarm limit.",
        at_least(0),
    )
    problem_broker_evicts: float = option(
        60.0,
        PROBLEMS,
        "Alert when Redis has an evicting maxmemory-policy for this many seconds.",
        at_least(0),
    )
    problem_broker_replica: float = option(
        60.0, PROBLEMS, "Alert when a Redis replica lags for this many seconds.", at_least(0)
    )
    problem_broker_cut_off: float = option(
        1.0,
        PROBLEMS,
        "Alert when Redis disconnects this many slow clients, or flower_ng's event connection this"
        " often, within five minutes.",
        at_least(0),
    )
    problem_broker_redelivers: float = option(
        0.9,
        PROBLEMS,
        "Fraction of visibility_timeout or consumer_timeout that a message has been held.",
        at_least(0),
    )
    problem_broker_stale: float = option(
        1.0,
        PROBLEMS,
        "Alert at this many leftover queues of workers that no longer exist.",
        at_least(0),
    )

    problem_schedule_overdue: float = option(
        300.0,
        PROBLEMS,
        "Alert when an entry of beat's schedule is overdue by this many seconds.",
        at_least(0),
    )

    problem_events_away: float = option(
        30.0,
        PROBLEMS,
        "Alert when the connection to the broker is lost for this many seconds.",
        at_least(0),
    )
    problem_events_dropped: float = option(
        1.0, PROBLEMS, "Alert when this many events are dropped within five minutes.", at_least(0)
    )
    problem_events_missing: float = option(
        10.0,
        PROBLEMS,
        "Alert when the heartbeats of a worker count this many tasks within five minutes of which"
        " no event came.",
        at_least(0),
    )
    problem_events_refused: float = option(
        10.0,
        PROBLEMS,
        "Alert when this many events cannot be decoded within five minutes.",
        at_least(0),
    )
    problem_events_late: float = option(
        30.0, PROBLEMS, "Event delay in seconds when all workers are delayed.", at_least(0)
    )
    problem_worker_eventless: float = option(
        180.0,
        PROBLEMS,
        "Alert when a worker answers commands but sends no event for this many seconds.",
        at_least(0),
    )
    problem_events_unsent: float = option(
        20.0,
        PROBLEMS,
        "Alert at this many tasks received within ten minutes without any task-sent event.",
        at_least(0),
    )
    problem_inspect_slow: float = option(
        2.0,
        PROBLEMS,
        "Alert when workers take this many seconds to answer on average.",
        at_least(0),
    )
    problem_store_failing: float = option(
        30.0,
        PROBLEMS,
        "Alert when the history cannot be written for this many seconds.",
        at_least(0),
    )
    problem_store_lost: float = option(
        1.0,
        PROBLEMS,
        "Alert when this many task changes are lost within five minutes.",
        at_least(0),
    )
