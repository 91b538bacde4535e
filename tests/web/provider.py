"""A login provider of our own on loopback, speaking as Google, GitHub, GitLab and Okta do."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

GOOD_CODE, TOKEN, OTHER_TOKEN = "good-code", "good-token", "other-token"
ME, OTHER = "me@example.com", "other@example.com"
#: Where each provider takes codes, and where it says who somebody is.
TOKEN_PATHS = {
    "google": "/oauth2/v4/token",
    "github": "/login/oauth/access_token",
    "gitlab": "/oauth/token",
    "okta": "/v1/token",
}
PERSON_PATHS = {
    "google": "/userinfo/v2/me",
    "github": "/user/emails",
    "gitlab": "/api/v4/user",
    "okta": "/v1/userinfo",
}


def person(kind: str, email: str = ME) -> Any:
    """Return how a provider speaks of somebody whose address is verified."""
    return {
        "google": {"email": email, "verified_email": True},
        "github": [{"email": email, "verified": True}],
        "gitlab": {"email": email, "confirmed_at": "2024-01-01"},
        "okta": {"email": email, "email_verified": True},
    }[kind]


class Talk(RequestHandler):
    """Answers a token request by the code, and any other by its path."""

    def initialize(self, provider: "FakeProvider") -> None:
        self.provider = provider

    def post(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.request.body.decode()).items()}
        self.provider.forms.append(form)
        assert self.request.path in {*TOKEN_PATHS.values(), "/elsewhere"}
        self.provider.accepted.append(self.request.headers.get("Accept", ""))
        self.answer(self.provider.token if form["code"] == GOOD_CODE else (400, {"error": "bad"}))

    def get(self) -> None:
        self.provider.asked.append(self.request.uri)
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme not in {"Bearer", "token"} or token not in {TOKEN, OTHER_TOKEN}:
            self.answer((401, {}))
        elif token == OTHER_TOKEN:
            self.answer(self.provider.others[self.request.path])
        else:
            self.answer(self.provider.answers[self.request.path])

    def answer(self, told: Any) -> None:
        status, body, *headers = told if isinstance(told, tuple) else (200, told)
        for name, value in headers:
            self.set_header(name, value)
        self.set_status(status)
        self.finish(body if isinstance(body, str) else json.dumps(body))


class FakeProvider:
    """What it is asked, and what it answers: by path, a JSON value, or (status, value).

    Its `client` is what a login handler's `get_auth_http_client` returns to reach it under the
    addresses of any provider. `others` are its answers to the bearer of OTHER_TOKEN.
    """

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.accepted: list[str] = []
        self.token: Any = {"access_token": TOKEN, "token_type": "bearer"}
        self.answers: dict[str, Any] = {PERSON_PATHS[kind]: person(kind) for kind in PERSON_PATHS}
        self.others: dict[str, Any] = {
            PERSON_PATHS[kind]: person(kind, OTHER) for kind in PERSON_PATHS
        }
        self.server = HTTPServer(
            Application(
                [(".*", Talk, {"provider": self})],
                log_function=lambda _handler: None,
            )
        )
        socket, port = bind_unused_port()
        self.server.add_socket(socket)
        self.client = LocalClient(f"127.0.0.1:{port}")

    async def stop(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


class LocalClient:
    """Fetches from one host whatever host is asked for, and remembers those that were."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.wanted: list[str] = []

    async def fetch(self, url: str, **request: Any) -> HTTPResponse:
        self.wanted.append(url)
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return await AsyncHTTPClient().fetch(f"http://{self.host}{parts.path}{query}", **request)
