"""The URL of a PostgreSQL database, as the settings of libpq that it stands for. Pure."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from flower_ng.errors import SettingsError

#: `/`, `?` and `:` may stand in the password as they are.
_URL: Final = re.compile(
    r"(?:postgresql|postgres|postgresql\+psycopg)://"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>.*?))?@)?"
    r"(?P<hosts>[^@/?]*)(?:/(?P<database>[^@?]*))?(?:\?(?P<more>.*))?",
    re.DOTALL,
)
_HOST: Final = re.compile(r"(\[[^]]*\]|[^:]*)(?::(\d*))?")
MOST_PORTS: Final = 65_535
#: Where the database's name may stand beside the path.
_NAMING: Final = ("dbname", "service")


def settings_of(url: str) -> Mapping[str, str]:
    """Return libpq's settings of a URL, as `postgresql://user:password@host:port/database?…`.

    Several hosts are `host,host:port`, or `host` as often as there are. Raises SettingsError for
    what is no such URL, and tells nothing of it.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        raise SettingsError(_WRONG)
    more: dict[str, list[str]] = {}
    for name, value in parse_qsl(found["more"] or ""):
        more.setdefault(name, []).append(value)
    settings = {
        "user": unquote(found["user"] or ""),
        "password": unquote(found["password"] or ""),
        "dbname": unquote(found["database"] or ""),
        **_hosts(",".join(more.pop("host", [found["hosts"]]))),
        **{name: ",".join(values) for name, values in more.items()},
    }
    settings = {name: value for name, value in settings.items() if value.strip(",")}
    if not any(name in settings for name in _NAMING):
        raise SettingsError(_WRONG)
    return settings


def masked(settings: Mapping[str, str]) -> str:
    """Return the URL of libpq's settings without what is secret in them."""
    shown = {name: "***" if "password" in name else value for name, value in settings.items()}
    user, password = shown.pop("user", ""), shown.pop("password", "")
    places = "" if "/" in shown.get("host", "") else _places(shown.pop("host", ""), shown)
    who = quote(user) + f":{password}" * bool(password)
    name = quote(shown.pop("dbname", ""))
    more = urlencode(shown, safe="*/")
    return f"postgresql://{who}{'@' * bool(who)}{places}/{name}{'?' * bool(more)}{more}"


_WRONG: Final = "The history is not a URL such as postgresql://user:password@host/database"


def _hosts(places: str) -> dict[str, str]:
    """Return hosts and ports as libpq takes them; SettingsError where one is neither."""
    found = [_HOST.fullmatch(place) for place in places.split(",")]
    pairs = [match.groups(default="") for match in found if match]
    if len(pairs) < len(found) or not all(0 < int(port or 1) <= MOST_PORTS for _, port in pairs):
        raise SettingsError(_WRONG)
    return {
        "host": ",".join(unquote(host.strip("[]")) for host, _ in pairs),
        "port": ",".join(port for _, port in pairs),
    }


def _places(hosts: str, settings: dict[str, str]) -> str:
    """Return hosts with their ports, which are taken out of the settings; one may be for all."""
    ports = settings.pop("port", "").split(",")
    ends = [f":{port}" * bool(port) for port in ports] * (1 if len(ports) > 1 else len(hosts))
    shown = [f"[{host}]" if ":" in host else quote(host, safe="") for host in hosts.split(",")]
    return ",".join(map("".join, zip(shown, ends, strict=False))) if hosts else ""
