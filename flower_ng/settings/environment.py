"""The environment as a source of options: FLOWER_<OPTION>, or FLOWER_<OPTION>_FILE. At start.

The latter names a file that holds the value, as Docker and Kubernetes mount secrets: other
processes of the machine can read neither it nor what is not in the environment.
Other FLOWER_* variables are warned about, unless they belong to login providers, or were put there
by Kubernetes for a service whose name begins with "flower".
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.nearest import suggestion
from flower_ng.settings.option import Option, from_text, is_truth

PREFIX: Final = "FLOWER_"
FILE: Final = "_FILE"
#: Larger files hold no value of an option.
MOST_BYTES: Final = 2**20
API_SWITCH: Final = "FLOWER_UNAUTHENTICATED_API"
#: Variables without an option: Flower reads them from the environment only.
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
#: The variables that Kubernetes sets in each pod for every service (enableServiceLinks).
SERVICE_LINK: Final = re.compile(
    r"FLOWER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
SERVICE_URLS: Final = ("tcp://", "udp://", "sctp://")


def read(environ: Mapping[str, str], options: Mapping[str, Option]) -> dict[str, Given]:
    """Return the options that the environment sets; SettingsError for a wrong value."""
    given: dict[str, Given] = {}
    for option in options.values():
        variable = PREFIX + option.name.upper()
        in_file = f"{variable}{FILE}"
        if environ.get(variable) and environ.get(in_file):
            raise SettingsError(f"Set {variable} or {in_file}, not both")
        if variable in environ and not is_service_link(option, environ[variable]):
            given[option.name] = Given.read(option, variable, from_text, environ[variable])
        elif environ.get(in_file):
            text = content(in_file, environ[in_file])
            given[option.name] = Given.read(option, in_file, from_text, text)
    return given


def content(variable: str, path: str) -> str:
    """Return what a file holds, without the line's end; SettingsError where it can't be read."""
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise SettingsError(f"Invalid '{variable}' option: {path} is too large for a value")
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(
            f"Invalid '{variable}' option: {path} can't be read ({error.strerror}): name a file"
            " that holds the value"
        ) from error
    except UnicodeDecodeError:
        raise SettingsError(f"Invalid '{variable}' option: {path} is not valid UTF-8") from None


def warnings(environ: Mapping[str, str], options: Mapping[str, Option]) -> Iterator[str]:
    """Yield a warning for each FLOWER_* variable that has no effect, with the likely reason."""
    port = environ.get("FLOWER_PORT", "")
    if is_service_link(options["port"], port):
        yield (
            f"Ignored FLOWER_PORT={port}: Kubernetes sets it for a service called 'flower'. "
            f"Set --port, or enableServiceLinks: false; the port stays {options['port'].default}"
        )
    switch = environ.get(API_SWITCH, "")
    if switch and not is_truth(switch):
        yield (
            f"{API_SWITCH}={switch!r} is neither true nor false, so the API stays closed. "
            "Write true to open it"
        )
    usual = {PREFIX + name.upper() for name in options}
    known = {*OTHERS, *usual, *(f"{variable}{FILE}" for variable in usual)}
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and variable not in known and not is_link(variable, text):
            names = [name.removeprefix(PREFIX) for name in sorted({*OTHERS, *usual})]
            near = suggestion(variable.removeprefix(PREFIX), names, PREFIX)
            yield f"Ignored unknown option {variable}{near}"


def is_link(variable: str, text: str) -> bool:
    """Return whether Kubernetes set the variable for a service named flower…."""
    return bool(SERVICE_LINK.fullmatch(variable)) or text.startswith(SERVICE_URLS)


def is_service_link(option: Option, text: str) -> bool:
    """Return whether the value of FLOWER_PORT is the address of a Kubernetes service."""
    return option.name == "port" and text.startswith(SERVICE_URLS)
