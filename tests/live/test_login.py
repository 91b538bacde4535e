"""Who comes in by an OpenID provider, what they may do, and how it ends; all of it in processes."""

import re
import urllib.parse
import urllib.request
from http.cookies import SimpleCookie

import pytest

from tests.services import Dashboard, running
from tests.web.openid import ProviderOfOthers

pytestmark = pytest.mark.live

ANN, BOB = "ann@example.com", "bob@example.com"
PEOPLE = [
    {"sub": "ann", "email": ANN, "email_verified": True, "groups": ["bosses"]},
    {"sub": "bob", "email": BOB, "email_verified": True},
    {"sub": "eve", "email": "eve@example.com", "email_verified": False},
]
DOORS = ("/", "/tasks", "/audit", "/api/workers", "/api/audit", "/task/x", "/metrics")


class Visitor:
    """A browser of one person."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def ask(self, dashboard: Dashboard, path: str, method: str = "GET", **form: str):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        token = {"X-XSRFToken": self.cookies.get("_xsrf", "")}
        body = urllib.parse.urlencode(form).encode() if method == "POST" else None
        answer = dashboard.ask(path, method, body, {"Cookie": cookie, **token})
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return answer

    def log_in(self, dashboard: Dashboard, provider: ProviderOfOthers, sub: str) -> int:
        asked = self.ask(dashboard, "/login?next=/tasks").headers["Location"]
        person = Dashboard.ask(
            provider, asked.removeprefix(provider.url), "POST", f"sub={sub}".encode()
        )
        back = urllib.parse.urlsplit(person.headers["Location"])
        return self.ask(dashboard, f"{back.path}?{back.query}").status

    def passes(self, dashboard: Dashboard) -> dict[str, int]:
        return {path: self.ask(dashboard, path).status for path in DOORS}


@pytest.fixture
def start(redis_url, start_dashboard, tmp_path):
    """Start a dashboard whose provider is given, on the same history as those before."""

    def start(provider: ProviderOfOthers) -> Dashboard:
        options = {
            "auth": ".*@example.com",
            "auth_provider": "oidc",
            "oidc_url": provider.url,
            "oauth2_key": "flower",
            "oauth2_secret": "s3cret of the client",
            "oauth2_redirect_uri": "http://flower.example/login",
            "cookie_secret": "0f3e9a77c1b2d8e6f4a5",
            "roles": "viewer:*,admin:group:bosses",
            "metrics_auth": "yes",
            "persistent": "yes",
            "db": str(tmp_path / "history"),
        }
        return start_dashboard(redis_url, options=tuple(f"--{n}={v}" for n, v in options.items()))

    return start


def test_a_session_of_a_provider_does_what_its_role_may_and_ends_for_good(start, tmp_path):
    with running(ProviderOfOthers(tmp_path / "provider.log", PEOPLE)) as provider:
        dashboard = start(provider)
        stranger, ann, bob, eve = (Visitor() for _ in range(4))
        outside = {
            **stranger.passes(dashboard),
            "/stream": stranger.ask(dashboard, "/stream").status,
        }
        came = [
            one.log_in(dashboard, provider, sub)
            for one, sub in ((ann, "ann"), (bob, "bob"), (eve, "eve"))
        ]
        looks = bob.passes(dashboard)
        rules = ann.passes(dashboard)
        shut = {
            who: one.ask(dashboard, "/api/worker/shutdown/w1", "POST").status
            for who, one in (("ann", ann), ("bob", bob), ("stranger", stranger))
        }
        thief = Visitor()
        thief.cookies = dict(ann.cookies)
        bobs = Visitor()
        bobs.cookies = {**bob.cookies, "user_groups": ann.cookies["user_groups"]}
        borrowed = bobs.ask(dashboard, "/audit").status
        stolen = [thief.ask(dashboard, "/tasks").status]
        out = ann.ask(dashboard, "/logout", "POST")
        stolen.append(thief.ask(dashboard, "/tasks").status)
        dashboard.stop()
        again = start(provider)
        stolen.append(thief.ask(again, "/tasks").status)
        stays = bob.ask(again, "/tasks").status
        ann.log_in(again, provider, "ann")
        told = ann.ask(again, "/api/audit").json()["entries"]

    closed = dict.fromkeys(DOORS, 302)
    assert outside == {**closed, "/stream": 302, "/metrics": 401}
    assert came == [302, 302, 403]
    assert looks == {**dict.fromkeys(DOORS, 200), "/audit": 403, "/api/audit": 403, "/task/x": 404}
    assert rules == {**dict.fromkeys(DOORS, 200), "/task/x": 404}
    assert shut == {"ann": 404, "bob": 403, "stranger": 403}
    assert borrowed == 403
    assert stolen == [200, 302, 302]
    assert out.status == 200
    assert re.search(rf'href="{provider.url}[^"]*end_session', out.text)
    assert stays == 200
    told = [(one["who"], one["action"], one["outcome"]) for one in reversed(told)]
    assert told == [
        (ANN, "login", "done"),
        (BOB, "login", "done"),
        ("", "login", "refused"),
        (ANN, "worker/shutdown", "refused"),
        (BOB, "worker/shutdown", "refused"),
        ("anonymous", "worker/shutdown", "refused"),
        (ANN, "logout", "done"),
        (ANN, "login", "done"),
    ]
    assert "s3cret of the client" not in dashboard.output() + again.output()
