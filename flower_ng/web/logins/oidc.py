"""Oidc logs in with any OpenID provider, found by discovery: code, PKCE, and a checked ID token."""

import base64
import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from flower_ng.errors import BadGateway, Forbidden
from flower_ng.web.auth.id_token import Expected
from flower_ng.web.auth.landing import landing
from flower_ng.web.auth.oidc import Endpoints, OidcProvider
from flower_ng.web.auth.sessions import GROUPS_COOKIE, SESSION_COOKIE, Sessions
from flower_ng.web.logins.base import NEXT_COOKIE, get_next_url
from flower_ng.web.logins.oauth import OAuthLogin

#: The claim that is an address only if another one says that it was verified.
_EMAIL = "email"
#: Characters of all groups together that a cookie has room for.
_ROOM = 2000


class OidcLoginHandler(OAuthLogin):
    """Accounts of the provider at `oidc_url`."""

    flower_name = "oidc"
    extra: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def missing(cls) -> str:
        """The library that checks signatures, which is an extra."""
        return "" if find_spec("joserfc") else "install flower-ng[oidc], which checks its tokens"

    @property
    def _provider(self) -> OidcProvider:
        provider: OidcProvider = self.settings["oidc"]
        return provider

    async def _send_out(self) -> None:
        endpoints = await self._provider.endpoints()
        wanted = landing(self.get_argument("next", "", escape=False), self.services.prefix)
        self.set_secure_cookie(NEXT_COOKIE, wanted, expires_days=1)
        state = self.set_oauth_state()
        challenge = sha256(self._derived("verifier", state).encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._client["key"],
            "redirect_uri": self._client["redirect_uri"],
            "scope": self.services.options.oidc_scopes,
            "state": state,
            "nonce": self._derived("nonce", state),
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        mark = "&" if "?" in endpoints.authorize else "?"
        self.redirect(f"{endpoints.authorize}{mark}{urlencode(query)}")

    def _derived(self, what: str, state: str) -> str:
        """A secret of one login, that nobody can know from its state; so none is kept."""
        secret: str = self.settings["cookie_secret"]
        return hmac.new(secret.encode(), f"oidc {what} {state}".encode(), sha256).hexdigest()

    async def _exchanged(self, code: str) -> dict[str, Any]:
        """What the provider says of the person who comes back with this code."""
        endpoints = await self._provider.endpoints()
        if self.get_argument("iss", endpoints.issuer, escape=False) != endpoints.issuer:
            raise Forbidden("Another login provider than that of --oidc_url answered (iss)")
        state = self.get_argument("state", "", escape=False)
        answer = await self._provider.fetch(
            endpoints.token, **self._code_request(endpoints, code, state)
        )
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise BadGateway("The login provider gave no ID token: do --oidc_scopes have openid?")
        expected = Expected(
            endpoints.issuer, self._client["key"], self._derived("nonce", state), time.time()
        )
        claims = await self._provider.claims(token, expected)
        return await self._completed(claims, endpoints, answer.get("access_token"))

    def _code_request(self, endpoints: Endpoints, code: str, state: str) -> dict[str, Any]:
        key, secret = self._client["key"], self._client["secret"]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client["redirect_uri"],
            "code_verifier": self._derived("verifier", state),
        }
        request: dict[str, Any] = {"method": "POST"}
        if secret and not endpoints.by_form:
            request["auth_username"], request["auth_password"] = quote(key, ""), quote(secret, "")
        else:
            form |= {"client_id": key} | ({"client_secret": secret} if secret else {})
        return request | {"body": urlencode(form)}

    async def _completed(
        self, claims: dict[str, Any], endpoints: Endpoints, access_token: Any
    ) -> dict[str, Any]:
        """The claims, and those that the provider tells only when it is asked again."""
        options = self.services.options
        wanted = {options.oidc_name_claim}
        if self.services.door.logins.roles.groups:
            wanted.add(options.oidc_groups_claim)
        if wanted <= claims.keys() or not endpoints.person or not isinstance(access_token, str):
            return claims
        bearer = {"Authorization": f"Bearer {access_token}"}
        person = await self._provider.fetch(endpoints.person, headers=bearer)
        if person.get("sub") != claims["sub"]:
            raise Forbidden("The login provider told of another person than its ID token (sub)")
        return {**person, **claims}

    async def _on_auth(self, user: Any) -> None:
        """Open a session for the person whom the claims name, if they may come in."""
        name = self._name(user)
        if not self._pattern().accepts(name):
            raise Forbidden(self.denial([name]))
        self.set_secure_cookie(SESSION_COOKIE, name)
        self._keep_groups(user.get(self.services.options.oidc_groups_claim))
        self.redirect(get_next_url(self))

    def _name(self, claims: Mapping[str, Any]) -> str:
        claim = self.services.options.oidc_name_claim
        name = claims.get(claim)
        if not isinstance(name, str) or not name:
            raise Forbidden(
                f"The login provider told no {claim!r}: does it need another of --oidc_scopes, or"
                " is it another --oidc_name_claim?"
            )
        if claim == _EMAIL and claims.get("email_verified") is not True:
            raise Forbidden(
                "The login provider does not say that your e-mail address was verified"
                " (email_verified). Where it never does, name another claim: --oidc_name_claim"
            )
        return name

    def _keep_groups(self, told: Any) -> None:
        """Remember which of the groups that roles name the person is in."""
        sessions: Sessions = self.settings["sessions"]
        several = told if isinstance(told, list) else [told]
        groups = {group for group in several if isinstance(group, str)}
        kept, room = [], _ROOM
        for group in self.services.door.logins.roles.groups:
            if group in groups and len(group) <= room:
                kept.append(group)
                room -= len(group)
        if self.begun is None or not kept:
            self.clear_cookie(GROUPS_COOKIE)
            return
        signed = sessions.signed_groups(self.begun, kept)
        days = sessions.max_age_days
        self.set_cookie(GROUPS_COOKIE, signed, expires_days=days, **self.cookie_rules)
