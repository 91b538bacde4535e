"""Checks of options' values: each returns what is wrong with one, or None. At start, pure."""

import contextlib
import itertools
import re
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from flower_ng.database_url import settings_of
from flower_ng.errors import SettingsError
from flower_ng.settings.option import Check

LEVELS = ("debug", "info", "warning", "error", "none")
#: The largest number that an option may have: timers, sockets and databases accept it.
MOST: Final = 10**9
#: The largest number of bytes or rows.
MOST_OF_THEM: Final = 10**15
#: A hundred years.
MOST_DAYS: Final = 36_500
#: What separates two links of a task: a comma before a label, as their URLs may hold commas.
NEXT_LINK: Final = r",(?=[^,=]*=https?://)"
#: The placeholders that task_links may hold; see flower_ng.web.pages.task.outside_links.
IN_TASK_LINKS = (
    "uuid", "name", "state", "worker", "queue", "root_id", "parent_id", "start", "end", "start_ms",
    "end_ms",
)  # fmt: skip
#: The columns that tasks_columns may name; see flower_ng.web.pages.tasks.columns.
TASKS_COLUMNS = (
    "name", "uuid", "state", "args", "kwargs", "result", "received", "started", "runtime", "worker",
    "exchange", "routing_key", "queue", "retries", "revoked", "exception", "expires", "eta", "sent",
    "timestamp",
)  # fmt: skip
#: A key of cookies is refused below this. 16 random letters and digits are 95 bits; text with fewer
#: than 6 different characters is not random.
SIGNING_KEY_LENGTH, SIGNING_KEY_LETTERS = 16, 6
#: From the least to the most; see flower_ng.web.auth.roles.
ROLES = ("viewer", "operator", "admin")
#: Where nobody can listen in, without encryption too.
_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/|$)")
ROTATIONS = ("S", "M", "H", "D", "MIDNIGHT", *(f"W{day}" for day in range(7)))


def at_least(least: float, most: float = MOST) -> Check:
    """Return a check that a number lies between the two, both included."""
    too_much = f"must be at most {most:,.0f}".replace(",", "")

    def check(value: float | None) -> str | None:
        if value is None or least <= value <= most:
            return None
        return f"must be at least {least:g}" if value < least else too_much

    return check


def above_zero(value: float) -> str | None:
    """Check that a duration is above 0."""
    if value <= 0:
        return "must be above 0"
    return None if value <= MOST else f"must be at most {MOST}"


def is_port(value: int) -> str | None:
    """Check that a number is a TCP port, or 0 for any."""
    return None if 0 <= value <= 65_535 else "is not a port: it must be 0 to 65535"  # noqa: PLR2004 - TCP's


def is_queue_name(value: str) -> str | None:
    """Check that a text can be a part of a queue's name; empty for none."""
    is_one = re.fullmatch(r"[\w.:@-]{0,200}", value)
    return None if is_one else "must be at most 200 letters, digits and . : @ _ -"


#: Characters of a name that stand for themselves.
LEAST_NAME: Final = 3


def one_of(*words: str) -> Check:
    """Return a check that a text is one of the words, in upper or lower case."""
    known = {word.lower() for word in words}
    return lambda value: None if value.lower() in known else f"must be one of {', '.join(words)}"


def is_web_address(value: str | None) -> str | None:
    """Check that a text is an http or https URL with a host."""
    if value is None:
        return None
    parts = split(value)
    proper = parts is not None and parts[0] in {"http", "https"} and parts[1]
    return None if proper else "is not an http or https URL with a host"


def is_issuer(value: str) -> str | None:
    """Check for the URL of a login provider, which nobody may listen to; or none."""
    is_plain = split(value) is not None and not re.search(r"[?#@\\\s]", value)
    is_safe = is_plain and (value.startswith("https://") or _LOCAL.match(value))
    return None if not value or is_safe else "is not an https URL without a query"


def is_claim(value: str) -> str | None:
    """Check for the name of a claim of an ID token."""
    return None if re.fullmatch(r"\S{1,200}", value) else "is not the name of a claim such as email"


def are_scopes(value: str) -> str | None:
    """Check for scopes, of which OpenID needs one."""
    has_it = "openid" in value.split()
    return None if has_it else "must hold openid, such as openid email profile"


def are_permissions(value: str) -> str | None:
    """Check for permissions of a file in octal, such as 660."""
    return (
        None if re.fullmatch("(0o?)?[0-7]{3}", value) else "must be three octal digits, such as 660"
    )


def are_host_names(values: Sequence[str]) -> str | None:
    """Check for names of hosts, of which the first part may be `*`; without scheme and port."""
    wrong = [one for one in values if not re.fullmatch(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", one)]
    return f"holds {wrong[0]!r}, not a host name such as flower.example.com" if wrong else None


def are_name_patterns(values: Sequence[str]) -> str | None:
    """Check for names in which `*` stands for any characters, of which three at least are named."""
    for value in values:
        if max(map(len, re.split(r"[*?]", value)), default=0) < LEAST_NAME:
            return f"holds {value!r}, not a name of {LEAST_NAME} characters or more, such as iban"
        if not re.fullmatch(r"[\w.*?-]+", value):
            return f"holds {value!r}, not a name such as iban or *_pin"
    return None


def are_networks(values: Sequence[str]) -> str | None:
    """Check for IP addresses and networks, such as 10.0.0.0/8."""
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            return f"holds {value!r}, not an address or a network such as 10.0.0.0/8"
    return None


def are_origins(values: Sequence[str]) -> str | None:
    """Check for origins as browsers send them: scheme, host and maybe port; or `*` for all."""
    wrong = [value for value in values if value != "*" and not is_origin(value)]
    return f"holds {wrong[0]!r}, not an origin such as https://example.com" if wrong else None


def is_origin(value: str) -> bool:
    """Return whether a text is scheme, host and maybe port, and nothing else."""
    parts = split(value)
    return parts is not None and value == f"{parts[0]}://{parts[1]}" and bool(parts[1])


def are_notice_urls(values: Sequence[str]) -> str | None:
    """Check that the first address has a scheme; one with a comma arrives as several values."""
    proper = not values or re.match(r"\s*[\w+.-]+://.", values[0])
    return None if proper else "is not a list of addresses such as slack://token@channel"


def are_task_links(values: Sequence[str]) -> str | None:
    """Check for labels and http or https URLs, such as `Logs=https://logs.example/?q={uuid}`."""
    return next(filter(None, map(_task_link_fault, values)), None)


def _task_link_fault(value: str) -> str | None:
    label, _, url = value.partition("=")
    if not label.strip() or is_web_address(url):
        return (
            f"holds {value!r}, not a label and a URL such as Logs=https://logs.example/?q={{uuid}}"
        )
    unknown = set(re.findall(r"\{(\w*)\}", url)) - set(IN_TASK_LINKS)
    known = ", ".join(IN_TASK_LINKS)
    return f"holds {{{min(unknown)}}}, expected one of {known}" if unknown else None


def split(url: str) -> tuple[str, str] | None:
    """Return scheme and host of a URL, None if it is malformed or has no host."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.hostname and parts.port != 0:
            return parts.scheme, parts.netloc
    return None


def is_database_url(value: str | None) -> str | None:
    """Check that a text is a PostgreSQL URL that names a database."""
    try:
        settings_of(value or "postgresql:///any")
    except SettingsError:
        return "is not a URL such as postgresql://user:password@host/database"
    return None


def are_credentials(values: Sequence[str]) -> str | None:
    """Check for user:password pairs without an empty part.

    An empty user or password would let in a browser that sends none; a word without a colon would
    lock everybody out.
    """
    pairs = [value.partition(":") for value in values]
    if all(user.strip() and password for user, _, password in pairs):
        return None
    if all(colon for _, colon, _ in pairs):
        return (
            "has an empty user or password (is a variable not set?); write user:password, or leave"
            " the option out to have no Basic login"
        )
    return "is not a list of user:password pairs"


def is_signing_key(value: str | None) -> str | None:
    """Check that a key can't be guessed: whoever has it can forge sessions. Empty means random."""
    if not value or (len(value) >= SIGNING_KEY_LENGTH and len(set(value)) >= SIGNING_KEY_LETTERS):
        return None
    return (
        f"is too easy to guess: take {SIGNING_KEY_LENGTH} random characters or more, as"
        " python -c 'import secrets; print(secrets.token_urlsafe())' makes them"
    )


def is_header_name(value: str) -> str | None:
    """Check for the name of an HTTP header, or none."""
    is_one = re.fullmatch(r"[A-Za-z0-9-]{0,100}", value)
    return None if is_one else "is not the name of a header such as X-Forwarded-User"


def are_roles(values: Sequence[str]) -> str | None:
    """Check for entries such as admin:ann@example.com."""
    return next(filter(None, map(role_fault, values)), None)


def role_fault(text: str) -> str | None:
    """Return what is wrong with an entry of `roles`; None when nothing is."""
    word, colon, subject = (part.strip() for part in text.partition(":"))
    if not colon or word.lower() not in ROLES:
        return f"holds {text!r}, which must be one of {', '.join(ROLES)}, a colon, and for whom"
    if not subject.removeprefix("group:").strip():
        return f"holds {text!r}, which names nobody: name a user, such as admin:ann@example.com"
    if not re.fullmatch(r"\*|(\*@)?[^*]+", subject):
        return f"holds {text!r}: '*' must be alone (everybody) or in *@example.com (a domain)"
    return None


def are_bounds(values: Sequence[float]) -> str | None:
    """Check that the bounds of a histogram's buckets ascend."""
    ascending = all(lower < upper for lower, upper in itertools.pairwise(values))
    return None if ascending else "is not a list of ascending numbers"
