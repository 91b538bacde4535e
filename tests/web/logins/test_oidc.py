"""Logging in with an OpenID provider, one that lies too; over the wire."""

import asyncio
import base64
import hmac
import json
import re
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwk
from tornado.httpclient import HTTPRequest
from tornado.web import decode_signed_value

from flower_ng.drop_in import login_handler
from flower_ng.web.auth import oidc
from flower_ng.web.auth.client import OAuthClient
from tests.services import running
from tests.web.browsing import Browser
from tests.web.openid import CLIENT_ID, CLIENT_SECRET, CODE, ME, OpenId, ProviderOfOthers, rsa
from tests.web.probes import HANDLERS
from tests.web.site import SECRET, FakeCluster

CLIENT = OAuthClient(CLIENT_ID, CLIENT_SECRET, "http://flower.example/login")
NOT_ACCEPTED = "ID token was not accepted"


@pytest.fixture(scope="module")
def keys():
    """A key of the provider, and one of somebody else."""
    return rsa("one"), rsa("two")


@pytest.fixture
async def provider(keys):
    fake = OpenId(keys[0])
    yield fake
    await fake.stop()


@pytest.fixture
def open_site(serve, provider):
    def start(**options):
        options = {"auth": ME, "oidc_url": provider.url, "oauth": CLIENT, **options}
        return serve(HANDLERS, login=login_handler("oidc"), **options)

    return start


async def gone(browser, provider, path="/login"):
    """Go to the provider; return what it is asked."""
    out = await browser.get(path)
    assert out.status == 302, out.text
    address = urlsplit(out.headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{provider.url}/authorize"
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    provider.challenge, provider.nonce = asked["code_challenge"], asked["nonce"]
    return asked


async def back(browser, asked, **others):
    return await browser.get(
        f"/login?{urlencode({'code': CODE, 'state': asked['state'], **others})}"
    )


async def logged_in(browser, provider):
    return await back(browser, await gone(browser, provider))


async def test_who_comes_back_with_a_code_is_logged_in(open_site, provider):
    browser = Browser(open_site(roles=(f"operator:{ME}",)))
    asked = await gone(browser, provider, "/login?next=/tasks%3Fa%3D1")
    answer = await back(browser, asked)
    who = await browser.get("/who")

    assert {name: asked[name] for name in asked if name not in {"state", "nonce"}} == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": CLIENT.redirect_uri,
        "scope": "openid email profile",
        "code_challenge": provider.challenge,
        "code_challenge_method": "S256",
    }
    assert (answer.status, answer.headers["Location"]) == (302, "/tasks?a=1")
    assert who.json == {"name": ME, "how": "session", "role": "operator", "groups": []}
    [(authorization, form)] = provider.forms
    assert authorization.startswith("Basic ")
    assert "client_secret" not in form
    assert len(form["code_verifier"]) >= 43


async def test_secrets_of_a_login_are_in_no_cookie_and_no_address(open_site, provider):
    browser = Browser(open_site())
    asked = await gone(browser, provider)
    await back(browser, asked)
    [(_, form)] = provider.forms
    seen = str(browser.cookies) + str(asked)

    assert form["code_verifier"] not in seen
    assert CLIENT_SECRET not in seen


async def test_two_logins_have_nothing_in_common(open_site, provider):
    client = open_site()
    first, second = [await gone(Browser(client), provider) for _ in range(2)]

    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


LATER, EARLIER = time.time() + 3600, time.time() - 3600


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "of another login"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["x"]}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["another", CLIENT_ID]}, "azp"),
        ({"aud": ["another", CLIENT_ID], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "http://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"exp": EARLIER}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "never"}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": LATER}, "iat"),
        ({"iat": None}, "iat"),
        ({"nbf": LATER}, "nbf"),
        ({"sub": None}, "sub"),
        ({"sub": 5}, "sub"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
async def test_a_token_that_says_anything_else_lets_nobody_in(open_site, provider, claims, why):
    browser = Browser(open_site())
    provider.claims = claims
    answer = await logged_in(browser, provider)

    assert answer.status == 403
    assert NOT_ACCEPTED in answer.text
    assert why in answer.text
    assert browser.user is None


async def test_a_token_without_a_signature_lets_nobody_in(open_site, provider):
    browser = Browser(open_site())
    asked = await gone(browser, provider)
    claims = provider.token()["id_token"].split(".")[1]
    header = "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0"  # {"alg":"none","kid":"one"}
    refused = []
    for token in (f"{header}.{claims}.", f"{header}.{claims}", claims, "", "a.b.c", "x" * 70_000):
        provider.id_token = token or "."
        refused.append((await back(browser, asked)).status)
        asked = await gone(browser, provider)

    assert refused == [403] * 6
    assert browser.user is None


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_lets_nobody_in(
    open_site, provider, keys
):
    browser = Browser(open_site())
    asked = await gone(browser, provider)
    public = keys[0].as_pem(private=False)
    claims = {"iss": provider.url, "aud": CLIENT_ID, "sub": "1", "nonce": provider.nonce}
    claims |= {"iat": int(time.time()), "exp": int(LATER), "email": ME, "email_verified": True}
    header = {"alg": "HS256", "kid": keys[0].kid}
    told = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    provider.id_token = f"{told}.{_base64(hmac.digest(public, told.encode(), 'sha256'))}"
    answer = await back(browser, asked)

    assert answer.status == 403
    assert "not signed by the provider" in answer.text
    assert browser.user is None


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


async def test_a_shared_secret_among_the_providers_keys_is_not_used(open_site, provider):
    browser = Browser(open_site())
    secret = jwk.OctKey.generate_key(256, {"kid": "one"})
    provider.answers["/keys"] = {"keys": [secret.as_dict(private=True), 5, {"kty": "new"}]}
    provider.key, provider.header = secret, {"alg": "HS256", "kid": "one"}

    assert (await logged_in(browser, provider)).status == 403
    assert browser.user is None


async def test_a_token_signed_by_somebody_else_lets_nobody_in(open_site, provider, keys):
    browser = Browser(open_site())
    provider.key = keys[1]

    assert (await logged_in(browser, provider)).status == 403
    assert browser.user is None


async def test_a_new_key_is_asked_for_and_no_more_often_than_that(
    open_site, provider, keys, monkeypatch
):
    monkeypatch.setattr(oidc, "PAUSE_S", 0.0)
    browser = Browser(open_site())
    await logged_in(browser, provider)
    provider.key, provider.header = keys[1], {"alg": "RS256", "kid": keys[1].kid}
    provider.publish(*keys)
    rotated = await logged_in(browser, provider)
    monkeypatch.setattr(oidc, "PAUSE_S", 3600.0)
    provider.header = {"alg": "RS256", "kid": "unknown"}
    refused = [await logged_in(browser, provider) for _ in range(3)]

    assert rotated.status == 302
    assert [answer.status for answer in refused] == [403] * 3
    assert provider.asked.count("/keys") == 2
    assert provider.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("others", [{"state": "guessed"}, {"state": ""}])
async def test_a_code_counts_only_in_the_browser_that_was_sent_for_it(open_site, provider, others):
    browser = Browser(open_site())
    answer = await back(browser, await gone(browser, provider), **others)

    assert answer.status == 403
    assert "State tokens do not match" in answer.text
    assert provider.forms == []


async def test_a_state_works_once(open_site, provider):
    browser = Browser(open_site())
    asked = await gone(browser, provider)
    await back(browser, asked)
    again = await back(browser, asked)

    assert again.status == 403
    assert len(provider.forms) == 1


async def test_a_code_of_another_login_is_no_good_to_who_stole_it(open_site, provider):
    client = open_site()
    victim, thief = Browser(client), Browser(client)
    stolen = await gone(thief, provider)
    await gone(victim, provider)  # the provider gives the code for this login
    answer = await back(thief, stolen)

    assert answer.status == 403
    assert thief.user is None


async def test_an_answer_of_another_provider_is_refused(open_site, provider):
    browser = Browser(open_site())
    answer = await back(browser, await gone(browser, provider), iss="http://evil.example")

    assert answer.status == 403
    assert provider.forms == []


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example/", "/\\evil.example"])
async def test_nobody_is_led_to_another_site(open_site, provider, wanted):
    browser = Browser(open_site())
    asked = await gone(browser, provider, f"/login?{urlencode({'next': wanted})}")
    answer = await back(browser, asked, next=wanted)

    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("claims", "options", "words"),
    [
        ({"email_verified": False}, {}, "email_verified"),
        ({"email_verified": "true"}, {}, "email_verified"),
        ({"email_verified": None}, {}, "email_verified"),
        ({"email": None}, {}, "&#x27;email&#x27;"),
        ({"email": [ME]}, {}, "&#x27;email&#x27;"),
        ({"email": "boss@example.com"}, {}, "Access denied"),
        ({"upn": 5}, {"oidc_name_claim": "upn"}, "&#x27;upn&#x27;"),
    ],
)
async def test_who_has_no_verified_name_that_may_come_in_is_told_why(
    open_site, provider, claims, options, words
):
    browser = Browser(open_site(**options))
    provider.claims = claims
    answer = await logged_in(browser, provider)

    assert answer.status == 403
    assert words in answer.text.replace("&#39;", "&#x27;")
    assert browser.user is None


async def test_another_claim_may_name_people(open_site, provider):
    browser = Browser(open_site(oidc_name_claim="upn"))
    provider.claims = {"upn": ME, "email": None, "email_verified": None}
    await logged_in(browser, provider)

    assert browser.user == ME


GROUPS = ("viewer:*", "operator:group:sre", "admin:group:bosses")


@pytest.mark.parametrize(
    ("groups", "role", "kept"),
    [
        (["sre", "others", "x" * 9000], "operator", ["sre"]),
        (["sre", "bosses"], "admin", ["bosses", "sre"]),
        ("sre", "operator", ["sre"]),
        (["SRE"], "viewer", []),
        ([], "viewer", []),
        (None, "viewer", []),
        ({"sre": 1}, "viewer", []),
        ([["sre"], 7], "viewer", []),
        (5, "viewer", []),
    ],
)
async def test_groups_give_roles(open_site, provider, groups, role, kept):
    browser = Browser(open_site(roles=GROUPS))
    provider.claims = {"groups": groups}
    await logged_in(browser, provider)
    who = (await browser.get("/who")).json

    assert who == {"name": ME, "how": "session", "role": role, "groups": kept}


async def test_groups_of_an_earlier_login_do_not_stay(open_site, provider):
    browser = Browser(open_site(roles=GROUPS))
    provider.claims = {"groups": ["bosses"]}
    await logged_in(browser, provider)
    earlier = browser.cookies["user_groups"]
    provider.claims = {"groups": []}
    await logged_in(browser, provider)
    browser.cookies["user_groups"] = earlier

    assert (await browser.get("/who")).json["role"] == "viewer"


async def test_what_the_token_lacks_the_provider_is_asked_for(open_site, provider):
    provider.answers["/.well-known/openid-configuration"]["userinfo_endpoint"] = (
        f"{provider.url}/me"
    )
    provider.answers["/me"] = {"sub": "4711", "email": ME, "email_verified": True}
    provider.claims = {"email": None, "email_verified": None}
    browser, other = Browser(client := open_site()), None
    await logged_in(browser, provider)
    provider.answers["/me"]["sub"] = "another"
    other = Browser(client)
    answer = await logged_in(other, provider)

    assert browser.user == ME
    assert answer.status == 403
    assert other.user is None


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "did not answer"),
        ("<html>", "no JSON"),
        ("[1]", "unknown form"),
        ({"issuer": "http://127.0.0.1:1"}, "calls itself"),
        ({"issuer": None}, "calls itself"),
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"token_endpoint": "http://evil.example/token"}, "token_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks_uri": 5}, "jwks_uri"),
        ({"authorization_endpoint": "https://a.b/?x\r\nA: b"}, "authorization_endpoint"),
    ],
)
async def test_a_provider_that_cannot_be_understood_is_a_page_with_the_reason(
    open_site, provider, told, words
):
    usual = provider.answers["/.well-known/openid-configuration"]
    told = usual | told if isinstance(told, dict) else told
    provider.answers["/.well-known/openid-configuration"] = told
    answer = await open_site().get("/login")

    assert answer.status == 502
    assert words in answer.text


async def test_a_provider_that_fails_is_asked_once_by_all(open_site, provider):
    del provider.answers["/.well-known/openid-configuration"]
    client = open_site()
    at_once = await asyncio.gather(*(client.get("/login") for _ in range(3)))
    later = await client.get("/login")

    assert [answer.status for answer in (*at_once, later)] == [502] * 4
    assert len(provider.asked) == 1


async def test_a_provider_that_is_away_is_a_page_with_the_reason(open_site, provider):
    await provider.stop()
    answer = await open_site().get("/login")

    assert answer.status == 502
    assert "did not answer" in answer.text


async def test_a_wrong_code_is_a_page_with_the_reason(open_site, provider):
    browser = Browser(open_site())
    answer = await back(browser, await gone(browser, provider), code="wrong")

    assert answer.status == 403
    assert "the login provider answered 400" in answer.text


async def test_a_client_without_a_secret_shows_none(open_site, provider):
    browser = Browser(open_site(oauth=OAuthClient(CLIENT_ID, "", CLIENT.redirect_uri)))
    await logged_in(browser, provider)
    [(authorization, form)] = provider.forms

    assert browser.user == ME
    assert authorization == ""
    assert form["client_id"] == CLIENT_ID


async def test_logins_are_recorded(open_site, provider):
    cluster = FakeCluster()
    client = open_site(cluster=cluster)
    await logged_in(Browser(client), provider)
    provider.claims = {"nonce": "x"}
    await logged_in(Browser(client), provider)

    told = [(one.who, one.action, one.outcome) for one in cluster.recorded]
    assert told == [(ME, "login", "done"), ("", "login", "refused")]
    assert "nonce" in cluster.recorded[1].reason


async def test_the_page_after_a_logout_leads_to_the_providers(open_site, provider):
    discovery = provider.answers["/.well-known/openid-configuration"]
    discovery["end_session_endpoint"] = f"{provider.url}/bye"
    browser = Browser(open_site())
    await logged_in(browser, provider)
    out = await browser.get("/logout")

    assert f'href="{provider.url}/bye?client_id={CLIENT_ID}"' in out.text
    assert decode_signed_value(SECRET, "user", browser.cookies["user"]) is None


PEOPLE = [{"sub": "7", "email": ME, "email_verified": True, "groups": ["sre"]}]


@pytest.fixture(scope="module")
def mock(tmp_path_factory):
    with running(ProviderOfOthers(tmp_path_factory.mktemp("openid") / "log", PEOPLE)) as process:
        yield process.url


@pytest.mark.xdist_group("openid")
async def test_a_provider_of_somebody_elses_making_logs_in_with_groups(open_site, mock):
    client = open_site(oidc_url=mock, roles=GROUPS)
    browser = Browser(client)
    out = await browser.get("/login?next=/who")
    form = HTTPRequest(out.headers["Location"], "POST", body="sub=7", follow_redirects=False)
    allowed = await client.http.fetch(form, raise_error=False)
    back = urlsplit(allowed.headers["Location"])
    answer = await browser.get(f"{back.path}?{back.query}")
    who = (await browser.get("/who")).json
    logout = await browser.get("/logout")
    end = re.search(rf'href="({mock}[^"]+)"', logout.text)[1]
    offered = await client.http.fetch(end.replace("&amp;", "&"), raise_error=False)

    assert (answer.status, answer.headers["Location"]) == (302, "/who")
    assert who == {"name": ME, "how": "session", "role": "operator", "groups": ["sre"]}
    assert offered.code == 200


@pytest.mark.xdist_group("openid")
async def test_a_refusal_by_the_person_is_told(open_site, mock):
    client = open_site(oidc_url=mock)
    browser = Browser(client)
    out = await browser.get("/login")
    form = HTTPRequest(out.headers["Location"], "POST", body="action=deny", follow_redirects=False)
    denied = await client.http.fetch(form, raise_error=False)
    answer = await browser.get(f"/login?{urlsplit(denied.headers['Location']).query}")

    assert answer.status == 403
    assert "access_denied" in answer.text
