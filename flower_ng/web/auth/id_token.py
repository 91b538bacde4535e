"""Checks the ID token of an OpenID provider: who signed it, for whom, when, for which login. Pure.

Needs joserfc (`flower-ng[oidc]`), which is imported when a token is checked.
"""

import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flower_ng.errors import Forbidden

if TYPE_CHECKING:
    from joserfc.jwk import Key

#: Signatures that only the provider's private key can make. Neither `none`, nor one by a shared
#: secret (HS256 …), for which the provider's public key would be taken.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519",
)  # fmt: skip
#: How far the provider's clock and ours may be apart, in seconds.
LEEWAY_S: Final = 60
#: Characters of a token.
_LONGEST: Final = 64_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say: `now` in UTC seconds, `nonce` that of the login."""

    issuer: str
    client: str
    nonce: str
    now: float


def key_id(token: str) -> str | None:
    """The id of the key that a token says it is signed with; Forbidden for what is no token."""
    from joserfc import jws  # noqa: PLC0415 - an extra
    from joserfc.errors import JoseError  # noqa: PLC0415

    if len(token) > _LONGEST:
        raise refused("it is too long")
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        raise refused("it is in no known form") from error
    return kid if isinstance(kid, str) else None


def usable_keys(key_set: Mapping[str, Any]) -> "list[Key]":
    """The public keys of a provider that signatures are checked with; others are left out."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - an extra
    from joserfc.jwk import import_key  # noqa: PLC0415

    found: list[Key] = []
    told = key_set.get("keys")
    for one in told if isinstance(told, list) else []:
        if not isinstance(one, dict) or one.get("kty") == "oct" or one.get("use", "sig") != "sig":
            continue
        try:
            found.append(import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # of a kind that is not known here
    return found


def claims_of(token: str, keys: "Sequence[Key]", expected: Expected) -> dict[str, Any]:
    """What a token says; Forbidden, with the reason, unless all of it is as expected."""
    claims = _signed_claims(token, keys)
    _check_parties(claims, expected)
    _check_times(claims, expected.now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise refused("it is not of this login (nonce)")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise refused("it names nobody (sub)")
    return claims


def _signed_claims(token: str, keys: "Sequence[Key]") -> dict[str, Any]:
    from joserfc import jws, jwt  # noqa: PLC0415 - an extra
    from joserfc.errors import JoseError  # noqa: PLC0415

    registry = jws.JWSRegistry(algorithms=list(ALGORITHMS))
    for key in keys:
        try:
            return jwt.decode(token, key, registry=registry).claims
        except (JoseError, ValueError, TypeError):
            continue
    raise refused("it is not signed by the provider's keys, or by a method that is not accepted")


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise refused("another provider issued it (iss)")
    told = claims.get("aud")
    audience = told if isinstance(told, list) else [told]
    if expected.client not in audience:
        raise refused("it is for another application (aud)")
    if "azp" in claims and claims["azp"] != expected.client:
        raise refused("it was given to another application (azp)")
    if len(audience) > 1 and "azp" not in claims:
        raise refused("it is for several applications and does not say for which (azp)")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    if _time(claims, "exp", else_=-math.inf) <= now - LEEWAY_S:
        raise refused("it has expired (exp); are the clocks right?")
    if _time(claims, "iat", else_=math.inf) > now + LEEWAY_S:
        raise refused("it is from the future (iat); are the clocks right?")
    if "nbf" in claims and _time(claims, "nbf", else_=math.inf) > now + LEEWAY_S:
        raise refused("it is not valid yet (nbf); are the clocks right?")


def _time(claims: Mapping[str, Any], name: str, *, else_: float) -> float:
    """Return a time of the claims, or `else_` for what is none."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return else_
    return value if -math.inf < value < math.inf else else_


def refused(why: str) -> Forbidden:
    """The error that says why a token counts for nothing."""
    return Forbidden(f"The login provider's ID token was not accepted: {why}")
