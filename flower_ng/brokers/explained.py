"""Explained is a likely cause of a broker's error and its fix, from the error message. Pure."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Explained:
    """A likely cause and its fix, both as sentences."""

    cause: str
    fix: str


#: A pattern of the error message, its likely cause, and the fix on RabbitMQ and elsewhere.
CAUSES: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        r"\b401\b|ACCESS_REFUSED|WRONGPASS|NOAUTH|invalid (username|password)",
        "The user or the password is wrong.",
        "Use a user with the tag monitoring in --broker_api=http://user:password@host:15672/api/.",
        "Correct the user and password in the broker URL.",
    ),
    (
        r"\b403\b|NOPERM|INFO is refused",
        "This user lacks the permission.",
        "Give the user the tag monitoring: rabbitmqctl set_user_tags NAME monitoring.",
        "Let the user run INFO, LLEN, HLEN, SCAN and SMEMBERS (ACL SETUSER).",
    ),
    (
        r"\b404\b",
        "No management API responds at this address, or the virtual host does not exist.",
        "Set the address of the API with --broker_api; check the virtual host in the broker URL.",
        "Check the broker URL.",
    ),
    (
        r"certificate|\bSSL|\bTLS",
        "Its certificate could not be verified, or one side does not use TLS.",
        "Set the CA certificate (ssl_ca_certs in broker_use_ssl), or use https in --broker_api.",
        "Set the CA certificate: ssl_ca_certs in Celery's broker_use_ssl.",
    ),
    (
        r"refused|Errno 111|Errno 61",
        "Nothing listens at this address.",
        "Enable the plugin (rabbitmq-plugins enable rabbitmq_management), or set --broker_api.",
        "Check that the broker runs, and the port in its URL.",
    ),
    (
        r"not known|getaddrinfo|resolution|No address",
        "Its host name can't be resolved.",
        "Check the host in the broker URL and in --broker_api.",
        "Check the host in the broker URL.",
    ),
    (
        r"[Tt]ime(d )?out|did not answer",
        "It is overloaded, or a firewall drops the packets.",
        "Check its load, and whether --broker_api can be reached from this host.",
        "Check its load, and whether it can be reached from this host.",
    ),
    (
        r"Not knowable here",
        "This kind of broker does not report queue lengths.",
        "Queue lengths need another transport.",
        "Queue lengths need another transport, such as Redis or RabbitMQ.",
    ),
)


def explained(trouble: str, transport: str) -> Explained:
    """Return the likely cause of an error and its fix; `transport` is Kombu's name."""
    is_rabbit = transport in {"amqp", "amqps"}
    for pattern, cause, on_rabbit, elsewhere in CAUSES:
        if re.search(pattern, trouble):
            return Explained(cause, on_rabbit if is_rabbit else elsewhere)
    if is_rabbit:
        return Explained(
            "Queue lengths come from RabbitMQ's management API, or from a passive declare.",
            "Check that the plugin is enabled, and the address and user in --broker_api.",
        )
    found = connection_explained(trouble)
    if found.cause:
        return found
    return Explained(
        "Its response was unexpected.", "Check that this is the address of the broker."
    )


MASTER_NAME: Final = (
    "Set broker_transport_options = {'master_name': '…'} in the app that -A names; without an app,"
    " put it into a Python module and name that: celery -b URL --config=MODULE flower_ng."
)
VIRTUAL_HOST: Final = (
    "Check the end of the broker URL; rabbitmqctl add_vhost creates a virtual host, set_permissions"
    " grants access."
)
#: A pattern of a connection error, its likely cause, and the fix.
CONNECTION_CAUSES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"master_name",
        "The URL names sentinels, but the name of the master is not set.",
        MASTER_NAME,
    ),
    (
        r"No master found|MasterNotFound",
        "No sentinel that responds knows a master with this name.",
        "Check that the sentinels run, and master_name in broker_transport_options.",
    ),
    (
        r"NOT_ALLOWED|vhost|virtual host",
        "The virtual host does not exist, or this user has no access to it.",
        VIRTUAL_HOST,
    ),
    (
        r"without any password configured",
        "The URL contains a password, but the server has none configured.",
        "Remove the password from the URL, or set one on the server (requirepass).",
    ),
    (
        r"ACCESS_REFUSED|WRONGPASS|NOAUTH|[Aa]uthenticat|invalid (username|password)|\b40[13]\b",
        "The user or the password is wrong, or this user lacks the permission.",
        "Correct them in the broker URL, where / is written %2F, # %23, ? %3F, @ %40 and % %25.",
    ),
    (
        r"NOPERM",
        "This user lacks the permission.",
        "Let the user publish and subscribe (ACL SETUSER).",
    ),
    (
        r"DB index|database",
        "There is no database with this number.",
        "Check the end of the broker URL.",
    ),
    (
        r"certificate|\bSSL|\bTLS|wrong version number",
        "Its certificate could not be verified, or one side does not use TLS.",
        "Set the CA certificate: ssl_ca_certs in broker_use_ssl. rediss:// and amqps:// use TLS.",
    ),
    (
        r"refused|Errno 111|Errno 61",
        "Nothing listens at this address.",
        "Check that the broker runs, and the host and port in its URL.",
    ),
    (
        r"not known|getaddrinfo|resolution|No address",
        "Its host name can't be resolved.",
        "Check the host in the broker URL.",
    ),
    (
        r"[Tt]ime(d )?out|did not answer|unanswered",
        "It is overloaded, or a firewall drops the packets.",
        "Check its load, and whether it can be reached from this host.",
    ),
)


def connection_explained(why: str) -> Explained:
    """Return the likely cause of a connection error and its fix."""
    for pattern, cause, fix in CONNECTION_CAUSES:
        if re.search(pattern, why):
            return Explained(cause, fix)
    return Explained("", "Check that the broker runs, and that this is its address.")
