"""ProblemOptions is when flower_ng says that something is wrong: a threshold for each rule.

With 0 a rule is off. docs/health.md tells what each of them means and what to do.
"""

from dataclasses import dataclass
from typing import Final

from flower_ng.settings.checks import are_notice_urls, at_least, is_web_address
from flower_ng.settings.option import option

PROBLEMS: Final = "Problems"


@dataclass(frozen=True, slots=True)
class ProblemOptions:
    """One threshold for each rule, and what holds for all of them."""

    problems_interval: float = option(
        5.0, PROBLEMS, "Seconds between two looks for problems.", at_least(0.1)
    )
    problems_hold: float = option(
        20.0,
        PROBLEMS,
        "Seconds for which something must be wrong, or well again, before it is said.",
        at_least(0),
    )
    problems_quiet_start: float = option(
        60.0, PROBLEMS, "Seconds after the start in which no problem is raised.", at_least(0)
    )

    webhook_url: str | None = option(
        None,
        PROBLEMS,
        "URL that is told of problems, by a POST of JSON; nothing is sent without.",
        is_web_address,
        secret=True,
    )
    webhook_secret: str | None = option(
        None, PROBLEMS, "Key that signs what is sent to webhook_url.", credential=True
    )
    notify: tuple[str, ...] = option(
        (),
        PROBLEMS,
        "Addresses of apprise that are told of problems, as slack://… or mailto://…. Needs"
        " flower-ng[apprise].",
        are_notice_urls,
        secret=True,
    )
    webhook_wait: float = option(
        10.0, PROBLEMS, "Seconds for which problems are gathered into one notice.", at_least(0.1)
    )
    webhook_cool_down: float = option(
        3600.0, PROBLEMS, "Seconds before a problem that returns is told again.", at_least(0)
    )

    problem_worker_gone: float = option(
        1.0, PROBLEMS, "Tasks that a worker that is gone had not ended.", at_least(0)
    )
    problem_worker_silent: float = option(
        60.0, PROBLEMS, "Seconds without a worker's heartbeat.", at_least(0)
    )
    problem_worker_unanswering: float = option(
        180.0, PROBLEMS, "Seconds for which a worker that lives has answered nothing.", at_least(0)
    )
    problem_no_workers: float = option(
        60.0, PROBLEMS, "Seconds without any worker online.", at_least(0)
    )
    problem_workers_twins: float = option(
        4.0, PROBLEMS, "Changes of a worker's identity, back and forth, in a minute.", at_least(0)
    )
    problem_worker_clock: float = option(
        15.0, PROBLEMS, "Seconds by which a worker's clock is off.", at_least(0)
    )
    problem_workers_differ: float = option(
        900.0, PROBLEMS, "Seconds for which workers of one queue differ.", at_least(0)
    )
    problem_worker_full: float = option(
        300.0,
        PROBLEMS,
        "Seconds a received task waits in a worker that has no free slot.",
        at_least(0),
    )
    problem_worker_hoards: float = option(
        300.0,
        PROBLEMS,
        "Seconds a reserved task waits while another worker of its queue is idle.",
        at_least(0),
    )
    problem_worker_load: float = option(
        0.0,
        PROBLEMS,
        "Load of a worker's host over 15 minutes; off, because its cores are not known.",
        at_least(0),
    )
    problem_worker_memory: float = option(
        1.5, PROBLEMS, "Growth of a worker's main process within an hour or more.", at_least(0)
    )
    problem_worker_churn: float = option(
        5.0, PROBLEMS, "Children of a pool replaced in an hour without a known reason.", at_least(0)
    )

    problem_task_unclaimed: float = option(
        300.0, PROBLEMS, "Seconds since the start of a task that no worker runs.", at_least(0)
    )
    problem_task_failing: float = option(
        3.0, PROBLEMS, "Times the usual share of failures of a task type.", at_least(0)
    )
    problem_task_retrying: float = option(
        3.0,
        PROBLEMS,
        "Retries of a task type in ten minutes for each task that ended.",
        at_least(0),
    )
    problem_task_near_limit: float = option(
        0.9, PROBLEMS, "Part of its worker's task_time_limit that a task has run.", at_least(0)
    )
    problem_task_slow: float = option(
        10.0, PROBLEMS, "Times what 99 % of a task type take at most.", at_least(0)
    )
    problem_task_long: float = option(3600.0, PROBLEMS, "Seconds that a task runs.", at_least(0))
    problem_task_new_exception: float = option(
        6.0, PROBLEMS, "Hours for which an exception not seen before is told of.", at_least(0)
    )

    problem_queue_deserted: float = option(
        60.0, PROBLEMS, "Seconds for which messages wait in a queue without consumers.", at_least(0)
    )
    problem_queue_old: float = option(
        900.0, PROBLEMS, "Seconds that the oldest message of a queue waits.", at_least(0)
    )
    problem_queue_growing: float = option(
        15.0, PROBLEMS, "Minutes for which a queue has only grown.", at_least(0)
    )
    problem_queue_long: float = option(
        10_000.0, PROBLEMS, "Messages that wait in a queue.", at_least(0)
    )

    problem_broker_blocks: float = option(
        10.0, PROBLEMS, "Seconds for which the broker refuses what is published.", at_least(0)
    )
    problem_broker_broken: float = option(
        30.0, PROBLEMS, "Seconds for which a node of the broker is down or cut off.", at_least(0)
    )
    problem_broker_unanswering: float = option(
        180.0, PROBLEMS, "Seconds for which the broker answered nothing it was asked.", at_least(0)
    )
    problem_broker_memory: float = option(
        0.9, PROBLEMS, "Part of its memory's limit that the broker uses.", at_least(0)
    )
    problem_broker_disk: float = option(
        1.5, PROBLEMS, "Times the free disk at which RabbitMQ raises an alarm.", at_least(0)
    )
    problem_broker_evicts: float = option(
        60.0, PROBLEMS, "Seconds for which Redis has a policy that evicts.", at_least(0)
    )
    problem_broker_replica: float = option(
        60.0, PROBLEMS, "Seconds for which a replica of Redis is behind.", at_least(0)
    )
    problem_broker_cut_off: float = option(
        1.0, PROBLEMS, "Clients that Redis closed in five minutes for reading slowly.", at_least(0)
    )
    problem_broker_redelivers: float = option(
        0.9,
        PROBLEMS,
        "Part of the time that the broker lets a message be held for which one was.",
        at_least(0),
    )
    problem_broker_stale: float = option(
        1.0, PROBLEMS, "Queues of workers that are gone.", at_least(0)
    )

    problem_schedule_overdue: float = option(
        300.0,
        PROBLEMS,
        "Seconds since an entry of beat_schedule should have been seen.",
        at_least(0),
    )

    problem_events_away: float = option(
        30.0, PROBLEMS, "Seconds without a connection to the broker.", at_least(0)
    )
    problem_events_dropped: float = option(
        1.0, PROBLEMS, "Events dropped in five minutes.", at_least(0)
    )
    problem_events_refused: float = option(
        10.0, PROBLEMS, "Events in five minutes that could not be read.", at_least(0)
    )
    problem_events_late: float = option(
        30.0, PROBLEMS, "Seconds by which every worker's events come late.", at_least(0)
    )
    problem_worker_eventless: float = option(
        180.0, PROBLEMS, "Seconds for which a worker answers and sends no event.", at_least(0)
    )
    problem_events_unsent: float = option(
        20.0, PROBLEMS, "Tasks received in ten minutes, none of which was seen sent.", at_least(0)
    )
    problem_inspect_slow: float = option(
        2.0, PROBLEMS, "Seconds that workers take to answer, on average.", at_least(0)
    )
    problem_store_failing: float = option(
        30.0, PROBLEMS, "Seconds for which the history cannot be written.", at_least(0)
    )
    problem_store_lost: float = option(
        1.0, PROBLEMS, "Changes of tasks lost in five minutes.", at_least(0)
    )
