"""Checks the broker and the result backend. Pure."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final

from flower_ng.brokers import BrokerFacts, QueueNumbers
from flower_ng.brokers.explained import connection_explained, explained
from flower_ng.doctor.check import Check, CheckMark
from flower_ng.doctor.survey import BrokerSurvey, Conf, ServerReply, Survey

BROKER, BACKEND = "Broker", "Result backend"
#: A slower round trip makes pages and commands noticeably slow.
SLOW_S: Final = 0.25
#: Where messages are of transports without a network.
LOCAL: Final = MappingProxyType(
    {
        "memory": "messages stay in the process that sends them",
        "filesystem": "messages are files, of this machine unless their folder is mounted",
    }
)
SQLITE: Final = "messages are in a file of SQLite, of this machine unless its folder is mounted"
#: Transports of which `broker_use_ssl` and the URL tell whether they encrypt; others have ways of
#: their own, as the URL of a database or an endpoint of AWS.
TELL_TLS: Final = frozenset(
    {"amqp", "amqps", "pyamqp", "librabbitmq", "redis", "rediss", "sentinel"}
)
#: Queues listed by name; the rest is counted.
MOST_NAMES: Final = 8


def broker(survey: Survey) -> Iterator[Check]:
    """Yield the checks of the broker; only one where it can't be reached."""
    one = survey.broker
    yield reached(BROKER, one.reached, "broker_url, or -b URL")
    if one.reached.why:
        return
    yield tls(one)
    yield lengths(one.queues, one.facts, has_api=survey.own.has_broker_api)
    yield accepts(one.facts, has_api=survey.own.has_broker_api)
    yield from keeps(one.facts)
    yield from transient(one.facts, survey.app.conf if survey.app.is_known else Conf(None))


def reached(area: str, one: ServerReply, setting: str) -> Check:
    """Check whether a server responds, and how fast."""
    if one.why:
        why = connection_explained(one.why) if area == BROKER else explained(one.why, "")
        said = " ".join(filter(None, (f"{one.url}: {one.why.rstrip('.')}.", why.cause, why.fix)))
        return Check(area, "Reached", CheckMark.BROKEN, said, setting)
    if one.latency_s is None:
        return Check(area, "Reached", CheckMark.UNKNOWN, f"{one.url} was not checked", setting)
    took = f"{1000 * one.latency_s:.0f} ms" if one.latency_s >= 0.001 else "under 1 ms"  # noqa: PLR2004 - a millisecond
    said = ", ".join(filter(None, (one.url, one.version, f"responds in {took}")))
    if one.latency_s > SLOW_S:
        return Check(area, "Reached", CheckMark.ATTENTION, f"{said}, which is slow", setting)
    return Check(area, "Reached", CheckMark.OK, said)


def tls(one: BrokerSurvey) -> Check:
    """Check whether the connection to the broker is encrypted."""
    if one.has_tls:
        return Check(BROKER, "TLS", CheckMark.OK, "on")
    where = SQLITE if one.host.startswith("sqlite:") else LOCAL.get(one.transport)
    if where:
        return Check(BROKER, "TLS", CheckMark.OK, f"no network: {where}")
    if one.transport not in TELL_TLS:
        said = f"flower_ng can't see whether the transport {one.transport} encrypts"
        return Check(BROKER, "TLS", CheckMark.UNKNOWN, said)
    if is_here(one.host):
        return Check(BROKER, "TLS", CheckMark.OK, "off, but the broker is on this machine")
    said = "off: the password and all tasks cross the network unencrypted"
    return Check(BROKER, "TLS", CheckMark.NOTE, said, "broker_use_ssl, or rediss:// and amqps://")


def is_here(host: str) -> bool:
    """Whether a host is this machine, or a Unix socket of it."""
    if host == "localhost" or host.startswith("socket://"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def lengths(queues: Sequence[QueueNumbers], facts: BrokerFacts | None, *, has_api: bool) -> Check:
    """Check whether the lengths of the queues are known."""
    name, queues = "Queue lengths", [one for one in queues if not one.is_missing]
    known = [one for one in queues if one.length is not None]
    is_rabbit = facts is not None and facts.transport.startswith("amqp")
    if known and len(known) == len(queues):
        how = "" if not is_rabbit or (facts and facts.rabbit) else ", by passive declare"
        said = f"{names(f'{one.name} {one.length}' for one in known)}{how}"
        return Check(BROKER, name, CheckMark.OK, said)
    trouble = facts.trouble if facts else ""
    if not queues and not trouble:
        return Check(
            BROKER, name, CheckMark.NOTE, "none of the known queues exists on the broker yet"
        )
    why = next((one.reason for one in queues if one.reason), "") or trouble
    if not why and facts is not None and facts.rabbit is not None:
        said = "RabbitMQ has no statistics of some of them yet: look again in a few seconds"
        return Check(BROKER, name, CheckMark.UNKNOWN, said)
    why = why or "the broker does not report them"
    fix = explained(why, facts.transport if facts else "").fix
    return Check(
        BROKER, name, CheckMark.UNKNOWN, f"{why.rstrip('.')}. {fix}", api(facts, has_api=has_api)
    )


def accepts(facts: BrokerFacts | None, *, has_api: bool) -> Check:
    """Check whether the broker accepts messages."""
    name = "Accepts messages"
    if facts is None or (facts.rabbit is None and facts.redis is None):
        said = "this broker does not report its memory and disk"
        return Check(BROKER, name, CheckMark.UNKNOWN, said, api(facts, has_api=has_api))
    if facts.blocks_publishers:
        said = f"no: {facts.blocks_publishers}. No task can be sent, and workers can't reply"
        return Check(BROKER, name, CheckMark.BROKEN, said)
    if not facts.tells_alarms:
        said = "RabbitMQ does not report its alarms to this user, or not yet"
        return Check(BROKER, name, CheckMark.UNKNOWN, said, "a user with the tag monitoring")
    return Check(BROKER, name, CheckMark.OK, "no alarm, no limit reached")


def api(facts: BrokerFacts | None, *, has_api: bool) -> str:
    """Return the option with which RabbitMQ would report more, empty where there is none."""
    is_rabbit = facts is not None and facts.transport.startswith("amqp")
    return "flower_ng: --broker_api" if is_rabbit and not has_api else ""


def keeps(facts: BrokerFacts | None) -> Iterator[Check]:
    """Check whether Redis may evict queues."""
    if facts is None or facts.redis is None:
        return
    if facts.redis.may_evict:
        said = f"maxmemory-policy is {facts.redis.policy}: it deletes queues if memory runs short"
        yield Check(BROKER, "Keeps messages", CheckMark.ATTENTION, said, "Redis: noeviction")
    else:
        yield Check(BROKER, "Keeps messages", CheckMark.OK, "nothing is evicted")


def transient(facts: BrokerFacts | None, conf: Conf) -> Iterator[Check]:
    """Check whether RabbitMQ refuses the queues that remote control and events use."""
    if facts is None or facts.rabbit is None or not facts.rabbit.refuses_transient or not conf:
        return
    wanted = ("control_queue_exclusive", "event_queue_exclusive")
    missing = [name for name in wanted if not option(conf, name)]
    if missing:
        said = f"RabbitMQ {facts.rabbit.version} refuses transient queues that are not exclusive"
        setting = ", ".join(f"{name} = True" for name in missing)
        yield Check(BROKER, "Control and event queues", CheckMark.ATTENTION, said, setting)


def backend(survey: Survey) -> Iterator[Check]:
    """Yield the checks of the result backend that our own app is configured with."""
    one = survey.backend
    if not one.url and not survey.app.is_known:
        said = "unknown without an app"
        yield Check(
            BACKEND, "Configured", CheckMark.UNKNOWN, said, "-A APP, or --result-backend=URL"
        )
    elif not one.url:
        said = "none: states come from events only, and results can't be read or waited for"
        yield Check(BACKEND, "Configured", CheckMark.NOTE, said, "result_backend")
    elif one.url.startswith("rpc"):
        said = "rpc:// returns results only to the sender of the task: flower_ng can't read them"
        yield Check(BACKEND, "Readable", CheckMark.NOTE, said, "result_backend")
    else:
        yield reached(BACKEND, one, "result_backend")


def option(conf: Conf, name: str) -> object:
    """Return a setting; None where it was not reported."""
    try:
        return conf.get(name)
    except LookupError:
        return None


def names(several: "Iterator[str] | Sequence[str]") -> str:
    """Return some names, and how many more there are."""
    every = list(several)
    more = len(every) - MOST_NAMES
    return ", ".join(every[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
