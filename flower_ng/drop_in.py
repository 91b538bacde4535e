"""Lets code written for Flower run here: its import names and its login handlers.

An installed Flower takes precedence. Main thread, at start.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from tornado import options as tornado_options
from tornado.web import RequestHandler

from flower_ng.errors import SettingsError
from flower_ng.web.logins import PROVIDERS, base
from flower_ng.web.logins.mounted import mounted
from flower_ng.web.logins.oauth import OAuthLogin
from flower_ng.web.logins.oidc import OidcLoginHandler
from flower_ng.web.ui.format import humanize

if TYPE_CHECKING:
    from flower_ng.settings import Settings

LOGINS: Mapping[str, type[OAuthLogin]] = {
    **{provider.flower_name: provider for provider in PROVIDERS},
    OidcLoginHandler.flower_name: OidcLoginHandler,
}
#: What Flower's own `flower.urls.settings` hold, and ours does not take from there.
_FLOWERS_SETTINGS: Final = frozenset(
    {
        "cookie_secret",
        "login_url",
        "static_path",
        "static_url_prefix",
        "template_path",
        "xsrf_cookies",
    }
)


_AUTHENTICATION: Final = {
    "authenticate": base.authenticate,
    "validate_auth_option": base.validate_auth_option,
}


class Options:
    """`flower.options.options`: the settings, once they are loaded."""

    settings: "Settings | None" = None

    def __getattr__(self, name: str) -> Any:
        if self.settings is None:
            raise AttributeError(f"{name}: the options are not loaded yet")
        return getattr(self.settings, name)


class StandIn(MetaPathFinder, Loader):
    """Makes the modules that Flower's manual tells people to import from."""

    def __init__(self) -> None:
        self.options = Options()
        self._names: dict[str, dict[str, Any]] = {
            "flower": {},
            "flower.options": {"options": self.options},
            "flower.urls": {"settings": {}},
            "flower.utils": {},
            "flower.utils.authentication": _AUTHENTICATION,
            "flower.utils.template": {"humanize": humanize},
            "flower.views": {"BaseHandler": base.BaseHandler},
            "flower.views.auth": {
                "BaseHandler": base.BaseHandler,
                "OAuth2StateMixin": base.OAuth2StateMixin,
                "get_next_url": base.get_next_url,
                "is_safe_redirect": base.is_safe_redirect,
                **_AUTHENTICATION,
                **{one.flower_name.rpartition(".")[2]: one for one in PROVIDERS},
            },
        }

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that stands in for Flower's."""
        del path, target
        if fullname not in self._names:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self._names)
        return ModuleSpec(fullname, self, is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        vars(module).update(self._names[module.__name__])


def install(settings: "Settings | None" = None) -> StandIn:
    """Offer Flower's import names from now on; the settings are told when they are known."""
    found = [finder for finder in sys.meta_path if isinstance(finder, StandIn)]
    stand_in = found[0] if found else StandIn()
    if not found:
        sys.meta_path.append(stand_in)
    if settings is not None:
        stand_in.options.settings = settings
    return stand_in


def login_handler(
    auth_provider: str | None, load: Callable[[str], ModuleType] = import_module
) -> type[RequestHandler] | None:
    """The handler of `/login` that the option `auth_provider` names, None without one.

    Raises SettingsError when there is no such handler: the door is never left open instead.
    """
    if not auth_provider:
        return None
    if auth_provider in LOGINS:
        handler: object = LOGINS[auth_provider]
    else:
        stand_in = install()
        handler = _loaded(auth_provider, load)
        _tell_tornado(stand_in.options.settings)
    if not isinstance(handler, type) or not issubclass(handler, RequestHandler):
        raise SettingsError(_wrong(auth_provider, "it is not a Tornado RequestHandler class"))
    if handler.get is RequestHandler.get:
        raise SettingsError(_wrong(auth_provider, "it has no method get, which /login needs"))
    if issubclass(handler, OAuthLogin) and (missing := handler.missing()):
        raise SettingsError(_wrong(auth_provider, missing))
    return mounted(handler)


def _loaded(dotted: str, load: Callable[[str], ModuleType]) -> object:
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(load(module), name)
    except Exception as error:  # the module is the user's; anything may come out
        raise SettingsError(_wrong(dotted, f"{type(error).__name__}: {error}")) from error


def _tell_tornado(settings: "Settings | None") -> None:
    """Set Tornado's global options, which handlers made for Flower read as well as the app's."""
    values = asdict(settings) if settings is not None else {}
    known = tornado_options.options
    for name, value in values.items():
        is_several = isinstance(value, tuple)
        plain = list(value) if is_several else value
        if name in known:
            with suppress(tornado_options.Error):  # Flower declares a function's type as text
                setattr(known, name, plain)
        else:
            known.define(name, default=plain, type=object, multiple=is_several)


def extra_settings() -> Mapping[str, Any]:
    """What a configuration file or a login handler put into `flower.urls.settings`."""
    urls = sys.modules.get("flower.urls")
    settings: Mapping[str, Any] = getattr(urls, "settings", {})
    return {name: settings[name] for name in settings if name not in _FLOWERS_SETTINGS}


def _wrong(dotted: str, why: str) -> str:
    known = ", ".join(LOGINS)
    return (
        f"Invalid '--auth_provider' option: {dotted!r} cannot be used: {why}; "
        f"name one of {known}, or the dotted path of a handler class of yours"
    )
