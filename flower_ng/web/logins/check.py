"""Check refuses login options that would let in all, or nobody. Start only.

Each option is right by itself when this is asked.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from flower_ng.errors import SettingsError
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.http.services import has_login_option
from flower_ng.web.logins import PROVIDERS
from flower_ng.web.logins.oidc import OidcLoginHandler

if TYPE_CHECKING:
    from flower_ng.settings import Settings

_FLOWERS: Final[Collection[str]] = frozenset(provider.flower_name for provider in PROVIDERS)
_OIDC: Final = OidcLoginHandler.flower_name


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
            f"Name {_OIDC}, one of {', '.join(sorted(_FLOWERS))}, or a handler class of yours"
        )
    if options.auth_provider in _FLOWERS and not (options.oauth2_key and options.oauth2_secret):
        raise SettingsError(
            f"{options.auth_provider} needs --oauth2_key and --oauth2_secret, which its provider "
            "gave for this application: without them nobody could log in"
        )
    _check_oidc(options)
    _check_proxy(options)
    if options.metrics_auth and not (options.tokens or has_login_option(options)):
        raise SettingsError(
            "--metrics_auth needs --tokens, or a login: without one nobody could read /metrics"
        )
    has_login = has_login_option(options)
    if (options.roles or options.roles_path) and not has_login:
        raise SettingsError(
            "--roles needs a login, or nobody has a name: set --basic_auth=user:password, --auth"
            " and --auth_provider, or --auth_header"
        )
    if options.require_auth and not has_login:
        raise SettingsError(
            "--require_auth is set and no login is configured: set --basic_auth=user:password, or "
            "--auth and --auth_provider"
        )


def _check_oidc(options: "Settings") -> None:
    if options.auth_provider != _OIDC:
        if options.oidc_url:
            raise SettingsError(f"--oidc_url is set and not used: set --auth_provider={_OIDC} too")
        return
    needed = {
        "oidc_url": "the URL of its issuer, such as https://login.example.com/realms/ops",
        "oauth2_key": "the client id that it gave for this application",
        "oauth2_redirect_uri": "the public URL of /login, such as https://flower.example.com/login",
    }
    for name, what in needed.items():
        if not getattr(options, name):
            raise SettingsError(f"--auth_provider={_OIDC} needs --{name}, {what}")


def _check_proxy(options: "Settings") -> None:
    if options.auth_groups_header and not options.auth_header:
        raise SettingsError(
            "--auth_groups_header needs --auth_header, the header in which the proxy names the user"
        )
    if options.auth_header and not options.trusted_proxies:
        raise SettingsError(
            "--auth_header needs --trusted_proxies, the addresses of the proxy that logs people in:"
            " without it whoever can connect could be anybody"
        )
    if options.auth_header and options.unix_socket:
        raise SettingsError(
            "--auth_header does not work with --unix_socket, on which nobody has an address that"
            " --trusted_proxies could name: listen on a port"
        )
