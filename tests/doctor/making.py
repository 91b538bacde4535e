"""The survey of a healthy cluster; a test says what differs."""

from dataclasses import replace
from typing import Any

from flower_ng.brokers import BrokerFacts, QueueNumbers, RedisFacts
from flower_ng.doctor import Check
from flower_ng.doctor.judging import checks
from flower_ng.doctor.survey import (
    AppSurvey,
    BrokerSurvey,
    Conf,
    EventSurvey,
    OwnOptions,
    ServerReply,
    Survey,
    WorkerSurvey,
)

CELERY = "5.7.0"
CONF: dict[str, Any] = {
    "worker_send_task_events": True,
    "task_send_sent_event": True,
    "result_backend": "redis://:********@box/1",
    "result_extended": True,
    "result_expires": "1 day, 0:00:00",
    "task_track_started": True,
    "worker_pool_restarts": True,
    "broker_transport_options": {},
    "task_time_limit": 600,
    "task_acks_late": False,
    "task_reject_on_worker_lost": None,
    "worker_prefetch_multiplier": 1,
    "worker_soft_shutdown_timeout": 0.0,
    "enable_utc": True,
    "timezone": None,
}


def answers(*tasks: str, pool: str = "prefork", **conf: Any) -> dict[str, Any]:
    return {
        "ping": {"ok": "pong"},
        "stats": {"pool": {"implementation": f"celery.concurrency.{pool}:TaskPool"}},
        "active_queues": [{"name": "celery"}],
        "registered": [f"{task} [resultrepr_maxsize=1024]" for task in tasks or ("shop.add",)],
        "conf": {**CONF, **conf},
    }


def worker(name: str = "w1@box", **differing: Any) -> WorkerSurvey:
    usual = WorkerSurvey(name, answers(), is_heard=True, every_s=2.0, celery=CELERY, skew_s=0.01)
    return replace(usual, **differing)


def broker(**differing: Any) -> BrokerSurvey:
    facts = BrokerFacts(0.0, "redis", redis=RedisFacts("7.0", policy="noeviction"))
    reached = ServerReply("redis://box:6379/0", 0.002, "Redis 7.0")
    queues = (QueueNumbers("celery", 3),)
    usual = BrokerSurvey(reached, "redis", has_tls=True, host="box", facts=facts, queues=queues)
    return replace(usual, **differing)


def own(**differing: Any) -> OwnOptions:
    usual = OwnOptions(
        enable_events=True,
        inspect_interval_s=60.0,
        has_broker_api=False,
        has_receiver=True,
        is_history_lasting=True,
        history="/var/lib/flower.sqlite3",
    )
    return replace(usual, **differing)


def survey(**differing: Any) -> Survey:
    usual = Survey(
        broker(),
        ServerReply("redis://box:6379/1", 0.002),
        AppSurvey(is_known=True, conf=Conf(CONF), celery=CELERY, repr_length=1024),
        EventSurvey(is_connected=True, waited_s=2.0),
        (worker(),),
        own(),
    )
    return replace(usual, **differing)


def check(name: str, area: str = "", **differing: Any) -> Check:
    """Return the one check of that name."""
    found = [one for one in checks(survey(**differing)) if one.name == name and area in one.area]
    assert len(found) == 1, found
    return found[0]
