"""Check refuses login options that would let in all, or nobody. Start only.

Each option is right by itself when this is asked.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from flower_ng.errors import SettingsError
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.logins import PROVIDERS

if TYPE_CHECKING:
    from flower_ng.settings import Settings

_OWN: Final[Collection[str]] = frozenset(provider.flower_name for provider in PROVIDERS)


def check(options: "Settings") -> None:
    """Raise SettingsError where the login options lack one another."""
    if options.auth:
        EmailPattern(options.auth)
    if options.auth_provider and not options.auth:
        raise SettingsError(
            "--auth_provider needs --auth, the addresses that may log in (such as "
            ".*@example.com): without it nobody would have to log in"
        )
    if options.auth and not options.auth_provider:
        raise SettingsError(
            "--auth needs --auth_provider, the login handler: without it nobody could log in. "
            f"Name one of {', '.join(sorted(_OWN))}, or a handler class of yours"
        )
    if options.auth_provider in _OWN and not (options.oauth2_key and options.oauth2_secret):
        raise SettingsError(
            f"{options.auth_provider} needs --oauth2_key and --oauth2_secret, which its provider "
            "gave for this application: without them nobody could log in"
        )
    if options.require_auth and not (options.basic_auth or options.auth):
        raise SettingsError(
            "--require_auth is set and no login is configured: set --basic_auth=user:password, or "
            "--auth and --auth_provider"
        )
