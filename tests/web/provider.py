"""A login provider of our own on loopback, speaking as Google, GitHub, GitLab and Okta do."""

import json
from typing import Any
from urllib.parse import parse_qs

from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

GOOD_CODE, TOKEN = "good-code", "good-token"
TOKEN_PATHS = {
    "/token",
    "/login/oauth/access_token",
    "/oauth/token",
    "/v1/token",
}


class Talk(RequestHandler):
    """Answers a token request by the code, and any other by its path."""

    def initialize(self, provider: "FakeProvider") -> None:
        self.provider = provider

    def post(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.request.body.decode()).items()}
        self.provider.forms.append(form)
        assert self.request.path in TOKEN_PATHS
        assert self.request.headers["Accept"] == "application/json"
        self.answer(self.provider.token if form["code"] == GOOD_CODE else (400, {"error": "bad"}))

    def get(self) -> None:
        self.provider.asked.append(self.request.uri)
        if self.request.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer((401, {}))
        else:
            self.answer(self.provider.answers[self.request.path])

    def answer(self, told: Any) -> None:
        status, body, *headers = told if isinstance(told, tuple) else (200, told)
        for name, value in headers:
            self.set_header(name, value)
        self.set_status(status)
        self.finish(body if isinstance(body, str) else json.dumps(body))


class FakeProvider:
    """What it is asked, and what it answers: by path, a JSON value, or (status, value)."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.token: Any = {"access_token": TOKEN, "token_type": "bearer"}
        self.answers: dict[str, Any] = {}
        self.server = HTTPServer(
            Application(
                [(".*", Talk, {"provider": self})],
                log_function=lambda _handler: None,
            )
        )
        socket, port = bind_unused_port()
        self.server.add_socket(socket)
        self.host = f"127.0.0.1:{port}"

    async def stop(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()
