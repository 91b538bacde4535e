"""Fanout is what events and commands need of a broker: one message to many readers. Pure.

Kombu knows which of its transports have it. Those without (SQS, SQLAlchemy, ZooKeeper …) carry
tasks, and neither events nor commands: there is nothing to listen to, and nobody can be asked.
"""

from celery import Celery

from flower_ng.errors import Unavailable

NO_FANOUT = (
    "This broker ({}) carries neither events nor commands: Kombu's transport for it has no fanout."
    " Workers and their tasks can't be shown or controlled; use Redis or RabbitMQ"
)


def lack_of_fanout(capp: Celery) -> str:
    """Say that the app's broker has no fanout; empty where it has. Nothing is connected.

    What can't be loaded is not known to lack it: that is for whoever connects to say.
    """
    try:
        connection = capp.connection_for_read()
        transport = connection.transport
    except Exception:  # noqa: BLE001 - the border: loading a transport may raise anything
        return ""
    # On SQS it is a choice: Kombu takes SNS for it.
    is_chosen = bool((connection.transport_options or {}).get("supports_fanout"))
    if is_chosen or "fanout" in transport.implements.exchange_type:
        return ""
    return NO_FANOUT.format(transport.driver_name)


def need_fanout(capp: Celery) -> None:
    """Raise Unavailable where the app's broker has no fanout."""
    if lack := lack_of_fanout(capp):
        raise Unavailable(lack)
