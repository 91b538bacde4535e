"""The environment as a source of options: FLOWER_<OPTION>. Runs at start, pure.

Other FLOWER_* variables are warned about, unless they belong to login providers, or were put there
by Kubernetes for a service whose name begins with "flower".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from flower_ng.settings.given import Given
from flower_ng.settings.nearest import meant
from flower_ng.settings.option import Option, from_text, is_truth

PREFIX: Final = "FLOWER_"
API_SWITCH: Final = "FLOWER_UNAUTHENTICATED_API"
#: Variables that are no options: Flower reads them itself, some only for one login provider.
OTHERS: Final = frozenset(
    {
        API_SWITCH,
        "FLOWER_GITHUB_OAUTH_DOMAIN",
        "FLOWER_GITLAB_OAUTH_DOMAIN",
        "FLOWER_GITLAB_AUTH_ALLOWED_GROUPS",
        "FLOWER_GITLAB_MIN_ACCESS_LEVEL",
        "FLOWER_OAUTH2_OKTA_BASE_URL",
    }
)
#: What Kubernetes sets in each pod for a service, by its name: enableServiceLinks.
SERVICE_LINK: Final = re.compile(
    r"FLOWER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
SERVICE_URLS: Final = ("tcp://", "udp://", "sctp://")


def read(environ: Mapping[str, str], options: Mapping[str, Option]) -> dict[str, Given]:
    """The options that the environment sets; SettingsError for a wrong value."""
    return {
        option.name: Given.read(option, variable, from_text, environ[variable])
        for option in options.values()
        if (variable := PREFIX + option.name.upper()) in environ
        and not is_service_link(option, environ[variable])
    }


def warnings(environ: Mapping[str, str], options: Mapping[str, Option]) -> Iterator[str]:
    """What in the environment can't be meant for us, or not like this."""
    port = environ.get("FLOWER_PORT", "")
    if is_service_link(options["port"], port):
        yield (
            f"Ignored FLOWER_PORT={port}: it is Kubernetes's link to a service called 'flower'. "
            f"Set --port, or enableServiceLinks: false; the port stays {options['port'].default}"
        )
    switch = environ.get(API_SWITCH, "")
    if switch and not is_truth(switch):
        yield (
            f"{API_SWITCH}={switch!r} is neither true nor false and is taken as false: the API "
            "stays closed. Write true to open it"
        )
    known = {*OTHERS, *(PREFIX + name.upper() for name in options)}
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and variable not in known and not is_link(variable, text):
            names = [name.removeprefix(PREFIX) for name in sorted(known)]
            near = meant(variable.removeprefix(PREFIX), names, PREFIX)
            yield f"Ignored {variable}: there is no such option{near}"


def is_link(variable: str, text: str) -> bool:
    """Whether Kubernetes put it there for a service whose name begins with "flower"."""
    return bool(SERVICE_LINK.fullmatch(variable)) or text.startswith(SERVICE_URLS)


def is_service_link(option: Option, text: str) -> bool:
    """Whether this is the address of a Kubernetes service, which no one meant as a port."""
    return option.name == "port" and text.startswith(SERVICE_URLS)
