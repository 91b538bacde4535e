"""Every route, every method, every way to lock the site: who passes and who does not.

The actions are taken out of the handlers and the guard is left in, so that a request which passes
touches nothing.
"""

import pytest

from flower_ng.web.auth.roles import Need
from flower_ng.web.http.base import Handler
from flower_ng.web.http.guard import Access
from flower_ng.web.plumbing.forms import action_path
from flower_ng.web.plumbing.stream import Stream
from flower_ng.web.routes import ENDPOINTS
from tests.house.actions import HANDLERS, with_action
from tests.house.surface import SURFACE, WITH_FORM, Route
from tests.web.site import OPEN_API, basic, session

ME = "me@example.com"
TOKEN = "2|1a2b3c4d|00112233445566778899aabbccddeeff|1704067200"
BASIC = {"Authorization": basic("me:secret")}
COOKIE = {"Cookie": f"{session(ME)}; _xsrf={TOKEN}", "X-XSRFToken": TOKEN}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

LOCKS = {
    "nothing": {},
    "open API": {"environ": OPEN_API},
    "basic": {"basic_auth": ("me:secret",)},
    "auth": {"auth": ME},
    "both": {"basic_auth": ("me:secret",), "auth": ME},
    "read-only": {"environ": OPEN_API, "read_only": True},
    "read-only basic": {"basic_auth": ("me:secret",), "read_only": True},
}
ROLES = {
    "roles": ("admin:ann", "operator:olga", "viewer:*@x.example"),
    "basic_auth": ("ann:secret", "olga:secret", "vera@x.example:secret", "nobody:secret"),
}
MAY = {
    "ann": {Need.READ, Need.OPERATE, Need.ADMINISTER},
    "olga": {Need.READ, Need.OPERATE},
    "vera@x.example": {Need.READ},
    "nobody": set(),
}
KEYS = {
    "nothing": {},
    "open API": {},
    "basic": BASIC,
    "auth": COOKIE,
    "both": BASIC | COOKIE,
    "read-only": {},
    "read-only basic": BASIC,
}


@pytest.fixture
def locked(serve, request):
    client = serve(with_action(lambda _handler: None), **LOCKS[request.param])
    client.site.close()  # a stream of a closed site ends at once
    return client


def expected(route: Route, method: str, lock: str, *, has_key: bool) -> int:
    """The status that the rules demand; written from the contract, not from the code."""
    if lock == "nothing" and route.access is Access.API:
        return 401
    if method == "OPTIONS":
        return 204
    if "auth" in LOCKS[lock] and method not in ("GET", "HEAD") and not has_key:
        return 403  # no token
    if ("GET" if method == "HEAD" else method) not in route.methods:
        return 405
    if not has_key and is_locked(route, lock):
        return 401 if "basic_auth" in LOCKS[lock] else 302
    return done(route, method, lock)


def is_locked(route: Route, lock: str) -> bool:
    return route.access is not Access.OPEN and bool(LOCKS[lock].keys() & {"basic_auth", "auth"})


def done(route: Route, method: str, lock: str) -> int:
    """What someone is answered who may come in."""
    if "read-only" in lock and route.writes(method):
        return 403
    if lock == "nothing" and route.needs(method) > Need.READ:
        return 403  # whoever can connect only looks
    return 303 if route.pattern.startswith("/do/") else 200


@pytest.mark.parametrize("locked", LOCKS, indirect=True)
@pytest.mark.parametrize("method", METHODS)
async def test_every_route_lets_in_whom_its_rule_lets_in(locked, method, request):
    lock = request.node.callspec.params["locked"]
    wrong = []
    for route in SURFACE:
        for has_key in (False, True):
            answer = await locked.ask(method, route.example, KEYS[lock] if has_key else {})
            right = expected(route, method, lock, has_key=has_key)
            if answer.status != right:
                wrong.append((route.example, has_key, answer.status, right))

    assert wrong == []


@pytest.mark.parametrize("read_only", [False, True])
async def test_every_route_lets_in_the_roles_that_it_needs(serve, read_only):
    client = serve(with_action(lambda _handler: None), **ROLES, read_only=read_only)
    client.site.close()
    wrong = []
    for route in SURFACE:
        for name, needs in MAY.items():
            for method in route.methods:
                key = {"Authorization": basic(f"{name}:secret")}
                answer = await client.ask(method, route.example, key)
                is_short = route.needs(method) not in {Need.OPEN, *needs}
                is_refused = is_short or (read_only and route.writes(method))
                right = 403 if is_refused else 303 if route.pattern.startswith("/do/") else 200
                if answer.status != right:
                    wrong.append((route.example, name, answer.status, right))

    assert wrong == []


def test_a_route_that_says_no_need_cannot_be_made():
    with pytest.raises(TypeError, match="Hasty has a path and no need"):
        type("Hasty", (Handler,), {"path": "/hasty"})


def test_the_surface_is_all_there_is():
    served = {
        path for handler in (*HANDLERS, Stream) for path in (handler.path, *handler.aliases)
    } | {action_path(endpoint) for endpoint in ENDPOINTS if endpoint.has_form}

    assert served == {route.pattern for route in SURFACE}


def test_every_button_has_a_form_and_nothing_else_has():
    with_form = {endpoint.path for endpoint in ENDPOINTS if endpoint.has_form}

    assert with_form == {route.pattern for route in WITH_FORM}


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.__name__)
def test_no_handler_takes_the_guard_away(handler):
    for name in ("prepare", "_execute", "set_default_headers", "check_xsrf_cookie"):
        assert getattr(handler, name) is getattr(Handler, name), name


def test_a_handler_that_says_nothing_stands_under_the_rule_of_pages():
    assert Handler.access is Access.PAGE


@pytest.mark.parametrize("route", SURFACE, ids=lambda route: route.pattern)
def test_every_route_says_what_it_needs(route):
    [handler] = [
        handler
        for handler in (*HANDLERS, Stream)
        if route.pattern.replace("/do/", "/api/") in (handler.path, *handler.aliases)
    ]

    assert handler.need is route.need
    assert handler.access is route.access
