"""Two OpenID providers on loopback: one that others made, and one that lies as a test wants."""

import base64
import json
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwk, jws
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from tests.services import Process, answers, free_port, wait_until

CLIENT_ID, CLIENT_SECRET = "our-key", "our secret"
ME = "me@example.com"
CODE = "good-code"


def rsa(kid: str) -> Any:
    return jwk.RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    registry = jws.JWSRegistry(algorithms=[header["alg"]])
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, registry=registry)


class Talk(RequestHandler):
    """Answers as OpenID Connect Discovery and RFC 6749 say."""

    def initialize(self, provider: "OpenId") -> None:
        self.provider = provider

    def get(self) -> None:
        self.provider.asked.append(self.request.path)
        told = self.provider.answers.get(self.request.path)
        if told is None:
            self.set_status(404)
        elif isinstance(told, str):
            self.finish(told)
        else:
            self.finish(json.dumps(told))

    def post(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.request.body.decode()).items()}
        self.provider.forms.append((self.request.headers.get("Authorization", ""), form))
        challenge = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest())
        if form["code"] != CODE or challenge.rstrip(b"=").decode() != self.provider.challenge:
            self.set_status(400)
            self.finish({"error": "invalid_grant"})
            return
        self.finish({"access_token": "token", "token_type": "Bearer", **self.provider.token()})


class OpenId:
    """`claims`, `header` and `key` make the ID token; `answers` are those to GET, by path."""

    def __init__(self, key: Any) -> None:
        self.asked: list[str] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.challenge = self.nonce = ""
        self.key = key
        self.header: dict[str, Any] = {"alg": "RS256", "kid": key.kid}
        self.claims: dict[str, Any] = {}
        self.id_token: str | None = None
        self.server = HTTPServer(
            Application([(".*", Talk, {"provider": self})], log_function=lambda _: None)
        )
        socket, port = bind_unused_port()
        self.server.add_socket(socket)
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            },
        }
        self.publish(key)

    def publish(self, *keys: Any) -> None:
        """Tell these public keys from now on."""
        self.answers["/keys"] = {"keys": [key.as_dict(private=False) for key in keys]}

    def token(self) -> dict[str, Any]:
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "4711",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "email": ME,
            "email_verified": True,
        }
        claims = {name: v for name, v in (usual | self.claims).items() if v is not None}
        return {"id_token": self.id_token or signed(self.header, claims, self.key)}

    async def stop(self) -> None:
        self.server.stop()
        await self.server.close_all_connections()


class ProviderOfOthers(Process):
    """oidc-provider-mock in a process of its own; `people` are the claims of each."""

    def __init__(self, log: Path, people: Sequence[dict[str, Any]]) -> None:
        super().__init__(log)
        self.port = free_port()
        self._people = [f"--user-claims={json.dumps(one)}" for one in people]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "ProviderOfOthers":
        options = ["--require-nonce", f"--port={self.port}", *self._people]
        self.spawn([sys.executable, "-m", "oidc_provider_mock", *options])
        wait_until(lambda: answers(self.port), what="the OpenID provider")
        return self
