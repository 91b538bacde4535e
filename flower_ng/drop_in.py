"""Drop-in lets code that was made for Flower run here: its import names, its login handlers.

The names are offered last of all finders, so an installed Flower goes first. Main thread, at start.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tornado.web import RequestHandler

from flower_ng.errors import SettingsError
from flower_ng.web.auth import PROVIDERS
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.base import Access, Handler
from flower_ng.web.format import humanize
from flower_ng.web.pages.login import Login, login_with

if TYPE_CHECKING:
    from flower_ng.settings import Settings

LOGINS: Mapping[str, type[Login]] = {
    provider.flower_name: login_with(provider) for provider in PROVIDERS
}


class BaseHandler(Handler):
    """`flower.views.BaseHandler`: what login handlers made for Flower derive from."""

    access = Access.OPEN

    def get_argument(
        self,
        name: str,
        default: Any = None,
        strip: bool = True,  # noqa: FBT001, FBT002 - Flower's signature
        type: type | None = None,  # noqa: A002 - Flower's signature
        required: bool = False,  # noqa: FBT001, FBT002 - Flower's signature
        escape: bool = True,  # noqa: FBT001, FBT002 - Flower's signature
    ) -> Any:
        """Return an argument as ours does, but escaped for HTML unless told otherwise."""
        return super().get_argument(name, default, strip, type, required, escape)

    def set_signed_cookie(
        self,
        name: str,
        value: str | bytes,
        expires_days: float | None = 30,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Sign a cookie, with our attributes unless others are given."""
        rules = {**self.cookie_rules, **kwargs}
        super().set_signed_cookie(name, value, expires_days, version, **rules)

    set_secure_cookie = set_signed_cookie

    @property
    def capp(self) -> Any:
        """The Celery app."""
        return self.cluster.capp


def authenticate(pattern: str, email: str) -> bool:
    """Whether the `auth` option lets this address in, for login handlers of others."""
    return EmailPattern(pattern).accepts(email)


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
            "flower.utils": {},
            "flower.utils.template": {"humanize": humanize},
            "flower.views": {"BaseHandler": BaseHandler},
            "flower.views.auth": {"BaseHandler": BaseHandler, "authenticate": authenticate}
            | {path.rpartition(".")[2]: handler for path, handler in LOGINS.items()},
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
        return LOGINS[auth_provider]
    install()
    handler = _loaded(auth_provider, load)
    if not isinstance(handler, type) or not issubclass(handler, RequestHandler):
        raise SettingsError(_wrong(auth_provider, "it is not a Tornado RequestHandler class"))
    return handler


def _loaded(dotted: str, load: Callable[[str], ModuleType]) -> object:
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(load(module), name)
    except Exception as error:  # the module is the user's; anything may come out
        raise SettingsError(_wrong(dotted, f"{type(error).__name__}: {error}")) from error


def _wrong(dotted: str, why: str) -> str:
    known = ", ".join(LOGINS)
    return (
        f"Invalid '--auth_provider' option: {dotted!r} cannot be used: {why}; "
        f"name one of {known}, or the dotted path of a handler class of yours"
    )
