"""Explained is why a broker could not be asked, and what to do: by the error's words. Pure."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Explained:
    """A likely cause, and what mends it; both are sentences."""

    cause: str
    fix: str


#: What an error says, its likely cause, and what to do on RabbitMQ and elsewhere.
CAUSES: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        r"\b401\b|ACCESS_REFUSED|WRONGPASS|NOAUTH|invalid (username|password)",
        "The user or the password is wrong.",
        "Name a user with the tag monitoring in --broker_api=http://user:password@host:15672/api/.",
        "Correct user and password in the broker's URL.",
    ),
    (
        r"\b403\b|NOPERM|INFO is refused",
        "This user may not ask that.",
        "Give the user the tag monitoring: rabbitmqctl set_user_tags NAME monitoring.",
        "Let the user run INFO, LLEN, HLEN, SCAN and SMEMBERS (ACL SETUSER).",
    ),
    (
        r"\b404\b",
        "No management API answers at this address, or the virtual host does not exist.",
        "Name the API's address with --broker_api; look at the virtual host in the broker's URL.",
        "Look at the broker's URL.",
    ),
    (
        r"certificate|\bSSL|\bTLS",
        "Its certificate could not be verified, or one side does not speak TLS.",
        "Name the authority (ssl_ca_certs in broker_use_ssl), or set https in --broker_api.",
        "Name the authority: ssl_ca_certs in Celery's broker_use_ssl.",
    ),
    (
        r"refused|Errno 111|Errno 61",
        "Nothing listens at this address.",
        "Turn the plugin on (rabbitmq-plugins enable rabbitmq_management), or set --broker_api.",
        "Does the broker run, and is the port in its URL right?",
    ),
    (
        r"not known|getaddrinfo|resolution|No address",
        "The name of its host is not known here.",
        "Look at the host in the broker's URL and in --broker_api.",
        "Look at the host in the broker's URL.",
    ),
    (
        r"[Tt]ime(d )?out|did not answer",
        "It is overloaded, or a firewall swallows what is sent.",
        "Look at its load, and whether the address in --broker_api can be reached from here.",
        "Look at its load, and whether it can be reached from here.",
    ),
    (
        r"Not knowable here",
        "This kind of broker tells no lengths.",
        "Lengths need another transport.",
        "Lengths need another transport: Redis and RabbitMQ tell them.",
    ),
)


def explained(trouble: str, transport: str) -> Explained:
    """Return what a trouble most likely comes from; `transport` is Kombu's name."""
    is_rabbit = transport in {"amqp", "amqps"}
    for pattern, cause, on_rabbit, elsewhere in CAUSES:
        if re.search(pattern, trouble):
            return Explained(cause, on_rabbit if is_rabbit else elsewhere)
    if is_rabbit:
        return Explained(
            "RabbitMQ is asked through its management API, and by a passive declare.",
            "Is the plugin on, and does --broker_api name its address and a user who may look?",
        )
    found = connection_explained(trouble)
    if found.cause:
        return found
    return Explained(
        "Its answer was not what was expected.", "Does the address lead to the broker?"
    )


MASTER_NAME: Final = (
    "Set broker_transport_options = {'master_name': '…'} in the app that -A names; without an app,"
    " put it into a Python module and name that: celery -b URL --config=MODULE flower_ng."
)
VIRTUAL_HOST: Final = (
    "Look at the end of the broker's URL; rabbitmqctl add_vhost makes one, set_permissions lets a"
    " user in."
)
#: What an error says where events can't come in, its likely cause, and what to do.
CONNECTION_CAUSES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"master_name",
        "Sentinels are asked for a master by its name, and no name is set.",
        MASTER_NAME,
    ),
    (
        r"No master found|MasterNotFound",
        "No sentinel that answers knows a master of this name.",
        "Look whether the sentinels run, and at master_name in broker_transport_options.",
    ),
    (
        r"NOT_ALLOWED|vhost|virtual host",
        "The virtual host does not exist, or this user may not use it.",
        VIRTUAL_HOST,
    ),
    (
        r"without any password configured",
        "The server asks for no password, and the URL gives one.",
        "Leave the password out, or set one there (requirepass).",
    ),
    (
        r"ACCESS_REFUSED|WRONGPASS|NOAUTH|[Aa]uthenticat|invalid (username|password)|\b40[13]\b",
        "The user or the password is wrong, or this user may not do that.",
        "Correct them in the broker's URL, where / is written %2F, # %23, ? %3F, @ %40 and % %25.",
    ),
    (r"NOPERM", "This user may not do that.", "Let the user publish and subscribe (ACL SETUSER)."),
    (
        r"DB index|database",
        "There is no database of this number.",
        "Look at the end of the broker's URL.",
    ),
    (
        r"certificate|\bSSL|\bTLS|wrong version number",
        "Its certificate could not be verified, or one side does not speak TLS.",
        "Name the authority: ssl_ca_certs in broker_use_ssl. rediss:// and amqps:// speak TLS.",
    ),
    (
        r"refused|Errno 111|Errno 61",
        "Nothing listens at this address.",
        "Does the broker run, and are host and port right?",
    ),
    (
        r"not known|getaddrinfo|resolution|No address",
        "The name of its host is not known here.",
        "Look at the host in the broker's URL.",
    ),
    (
        r"[Tt]ime(d )?out|did not answer|unanswered",
        "It is overloaded, or a firewall swallows what is sent.",
        "Look at its load, and whether it can be reached from here.",
    ),
)


def connection_explained(why: str) -> Explained:
    """Return what most likely keeps events from coming in, by the error's words."""
    for pattern, cause, fix in CONNECTION_CAUSES:
        if re.search(pattern, why):
            return Explained(cause, fix)
    return Explained("", "Does the broker run, and is this its address?")
