"""The environment as a source of options: FLOWER_<OPTION>. Runs at start, pure.

Unknown FLOWER_* variables are ignored: some belong to login providers, others are put there by
Kubernetes for a service of that name.
"""

from collections.abc import Iterator, Mapping

from flower_ng.settings.given import Given
from flower_ng.settings.option import FALSE, TRUE, Option, from_environment

PREFIX = "FLOWER_"
API_SWITCH = "FLOWER_UNAUTHENTICATED_API"


def read(environ: Mapping[str, str], options: Mapping[str, Option]) -> dict[str, Given]:
    """The options that the environment sets; SettingsError for a wrong value."""
    return {
        option.name: Given.read(option, variable, from_environment, environ[variable])
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
    switch = environ.get(API_SWITCH, "false")
    if switch.lower() not in TRUE | FALSE:
        yield (
            f"{API_SWITCH}={switch!r} is neither true nor false and is taken as false: the API "
            "stays closed. Write true to open it"
        )


def is_service_link(option: Option, text: str) -> bool:
    """Whether this is the address of a Kubernetes service, which no one meant as a port."""
    return option.name == "port" and text.startswith(("tcp://", "udp://", "sctp://"))
