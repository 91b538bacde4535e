"""What a login handler made for Flower overrides is what happens, Flower installed or not."""

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.auth import AuthError
from tornado.web import HTTPError, RequestHandler

from flower_ng import drop_in
from flower_ng.errors import SettingsError
from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.logins.base import BaseHandler
from tests.web.browsing import Browser
from tests.web.probes import HANDLERS
from tests.web.provider import ME, OTHER, OTHER_TOKEN, PERSON_PATHS, person

CLIENT = OAuthClient("our-key", "our-secret", "http://flower.example/login")
HANDLER = {
    "google": "GoogleAuth2LoginHandler",
    "github": "GithubLoginHandler",
    "gitlab": "GitLabLoginHandler",
    "okta": "OktaLoginHandler",
}
TOKEN_HOOK = {
    "google": "get_authenticated_user",
    "github": "get_authenticated_user",
    "gitlab": "get_authenticated_user",
    "okta": "get_access_token",
}
every_kind = pytest.mark.parametrize("kind", HANDLER)


@pytest.fixture
def open_site(serve, provider, flower_auth):
    """Serve a site whose login handler is derived from a built-in one and overrides this."""

    def start(kind, auth=f"{ME}|{OTHER}", extra=None, **overridden):
        hooks = {"get_auth_http_client": lambda _self: provider.client, **overridden}
        derived = type("Org", (getattr(flower_auth, HANDLER[kind]),), hooks)
        login = drop_in.login_handler("custom.Org", load=lambda _name: SimpleNamespace(Org=derived))
        return Browser(serve(HANDLERS, login=login, oauth=CLIENT, auth=auth, extra=extra))

    return start


def raising(error):
    async def hook(_self, *_arguments, **_named):
        raise error

    return hook


def plainly_raising(error):
    def hook(_self, *_arguments, **_named):
        raise error

    return hook


@every_kind
async def test_a_handler_that_overrides_nothing_that_matters_logs_in(open_site, kind):
    browser = open_site(kind)
    back = await browser.log_in()

    assert (back.status, back.headers["Location"]) == (302, "/")
    assert browser.user == ME
    assert (await browser.get("/shown")).status == 200


REFUSALS = {
    "refuses": (HTTPError(403, "Only 100% of Org, <you>"), 403, "Only 100% of Org, &lt;you&gt;"),
    "raises": (AuthError("Org says no"), 403, "Org says no. Please try logging in again."),
    "fails": (KeyError("email"), 500, "The login handler"),
}


@every_kind
@pytest.mark.parametrize("hook", ["token", "_on_auth", "verify_oauth_state"])
@pytest.mark.parametrize("way", REFUSALS)
@pytest.mark.parametrize("made", [raising, plainly_raising])
async def test_a_hook_that_refuses_keeps_the_door_shut(open_site, kind, hook, way, made):
    error, status, words = REFUSALS[way]
    name = TOKEN_HOOK[kind] if hook == "token" else hook
    if name == "verify_oauth_state" and made is raising:
        made = plainly_raising  # nobody awaits it in Flower either
    browser = open_site(kind, **{name: made(error)})
    answer = await browser.log_in()

    assert answer.status == status
    assert words in answer.text
    assert "<nav" in answer.text
    assert browser.user is None
    assert (await browser.get("/shown")).status == 302


@every_kind
async def test_an_override_that_only_sometimes_refuses_may_call_what_it_overrides(
    open_site, provider, flower_auth, kind
):
    base = getattr(flower_auth, HANDLER[kind])

    async def _on_auth(self, user):
        if user["org"] != "ours":
            raise HTTPError(403, "not ours")
        await base._on_auth(self, user)  # noqa: SLF001 - Flower's hook

    browser = open_site(kind, _on_auth=_on_auth)
    provider.token |= {"org": "ours"}
    welcome = await browser.log_in()
    browser.cookies.clear()
    provider.token |= {"org": "theirs"}
    refused = await browser.log_in()

    assert (welcome.status, refused.status) == (302, 403)
    assert "not ours" in refused.text
    assert browser.user is None


@every_kind
async def test_a_hook_that_renames_decides_who_somebody_is(open_site, kind):
    async def _on_auth(self, _user):
        self.set_secure_cookie("user", OTHER)
        self.redirect("/shown")

    browser = open_site(kind, _on_auth=_on_auth)
    back = await browser.log_in()

    assert (back.status, back.headers["Location"]) == (302, "/shown")
    assert browser.user == OTHER
    assert "HttpOnly" in back.cookies["user"]


@every_kind
@pytest.mark.parametrize("name", ["set_secure_cookie", "set_signed_cookie"])
async def test_a_handler_that_withholds_the_cookie_keeps_the_door_shut(
    open_site, flower_auth, kind, name
):
    base = getattr(flower_auth, HANDLER[kind])

    def withheld(self, cookie, *arguments, **named):
        if cookie == "user":
            raise HTTPError(403, "no session for you")
        getattr(base, name)(self, cookie, *arguments, **named)

    browser = open_site(kind, **{name: withheld})
    answer = await browser.log_in()

    # Flower's own handlers only ever call Tornado's older name.
    if name == "set_secure_cookie" or issubclass(base, BaseHandler):
        assert answer.status == 403
        assert browser.user is None


@every_kind
async def test_a_hook_that_exchanges_the_code_decides_whose_token_it_is(open_site, kind):
    async def exchanged(_self, redirect_uri, code):
        assert (redirect_uri, code) == (CLIENT.redirect_uri, "good-code")
        return {"access_token": OTHER_TOKEN}

    browser = open_site(kind, **{TOKEN_HOOK[kind]: exchanged})
    await browser.log_in()

    assert browser.user == OTHER


@every_kind
async def test_a_name_that_the_auth_option_does_not_let_in_stays_outside(open_site, kind):
    async def _on_auth(self, _user):
        self.set_secure_cookie("user", "stranger@example.com")
        self.redirect("/shown")

    browser = open_site(kind, _on_auth=_on_auth)
    await browser.log_in()

    assert (await browser.get("/shown")).status == 302


@every_kind
async def test_addresses_of_the_provider_can_be_replaced(open_site, provider, kind):
    browser = open_site(
        kind,
        _OAUTH_AUTHORIZE_URL="https://sso.example/authorize",
        _OAUTH_ACCESS_TOKEN_URL="https://sso.example/elsewhere",
    )
    out = await browser.get("/login")
    await browser.log_in()

    assert out.headers["Location"].startswith("https://sso.example/authorize?")
    assert provider.client.wanted[0] == "https://sso.example/elsewhere"
    assert browser.user == ME


@every_kind
async def test_the_scope_can_be_replaced(open_site, flower_auth, kind):
    base = getattr(flower_auth, HANDLER[kind])

    def authorize_redirect(self, **asked):
        base.authorize_redirect(self, **{**asked, "scope": ["read:org", "email"]})

    out = await open_site(kind, authorize_redirect=authorize_redirect).get("/login")

    assert parse_qs(urlsplit(out.headers["Location"]).query)["scope"] == ["read:org email"]


@pytest.mark.parametrize("kind", ["google", "github", "okta"])  # GitLab's names the key itself
async def test_the_client_can_stand_in_settings_of_the_handlers_own(open_site, kind):
    sso = {"key": "sso-key", "secret": "s", "redirect_uri": "http://sso.example/login"}
    browser = open_site(kind, extra={"sso": sso}, _OAUTH_SETTINGS_KEY="sso")
    query = parse_qs(urlsplit((await browser.get("/login")).headers["Location"]).query)

    assert query["client_id"] == ["sso-key"]
    assert query["redirect_uri"] == ["http://sso.example/login"]


async def test_the_server_of_okta_can_be_replaced(open_site, provider):
    browser = open_site("okta", base_url=property(lambda _self: "https://org.example/oauth2"))
    out = await browser.get("/login")
    provider.answers["/oauth2/v1/userinfo"] = person("okta")

    assert out.headers["Location"].startswith("https://org.example/oauth2/v1/authorize?")


async def test_the_address_of_githubs_emails_can_be_replaced(open_site, provider):
    provider.answers["/emails"] = person("github", OTHER)
    url = classmethod(lambda _cls: "https://ghe.example/emails")
    browser = open_site("github", _email_api_url=url)
    await browser.log_in()

    assert browser.user == OTHER


async def test_the_userinfo_of_okta_can_be_replaced(open_site, provider):
    provider.answers["/userinfo"] = person("okta", OTHER)
    browser = open_site("okta", _OAUTH_USER_INFO_URL="https://auth0.example/userinfo")
    await browser.log_in()

    assert browser.user == OTHER


@every_kind
async def test_a_provider_that_answers_nonsense_lets_nobody_in(open_site, provider, kind):
    provider.answers[PERSON_PATHS[kind]] = {"nobody": True}
    browser = open_site(kind)
    answer = await browser.log_in()

    assert answer.status in {403, 500, 502}
    assert browser.user is None


@every_kind
async def test_a_provider_that_refuses_the_code_is_told_in_words(open_site, provider, kind):
    provider.token = (400, {"error": "bad"})
    answer = await open_site(kind).log_in()

    assert answer.status == 403
    assert "the login provider answered 400" in answer.text


@every_kind
async def test_the_log_does_not_hold_the_code_of_a_login(open_site, kind, caplog):
    caplog.set_level("INFO")
    await open_site(kind, _on_auth=raising(HTTPError(403, "no"))).log_in()
    await open_site(kind, _on_auth=raising(KeyError("email"))).log_in()

    assert "/login" in caplog.text
    assert "good-code" not in caplog.text


@every_kind
async def test_a_provider_that_is_away_is_told_in_words(open_site, provider, kind):
    browser = open_site(kind)
    out = await browser.get("/login")
    state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
    await provider.stop()
    answer = await browser.get(f"/login?code=good-code&state={state}")

    assert answer.status == 502
    assert "OAuth authenticator error" in answer.text


def test_the_helpers_that_handlers_import_are_there(flower_auth):
    assert flower_auth.OAuth2StateMixin
    assert flower_auth.get_next_url
    assert flower_auth.is_safe_redirect("/tasks")
    assert flower_auth.is_safe_redirect("/")
    assert not flower_auth.is_safe_redirect("//evil.example")
    assert flower_auth.authenticate(ME, ME)


@pytest.mark.parametrize("kind", ["google", "github", "gitlab"])  # Okta's depend on the instance
def test_addresses_are_text_on_the_class_for_others_to_build_on(flower_auth, kind):
    handler = getattr(flower_auth, HANDLER[kind])

    assert f"{handler._OAUTH_AUTHORIZE_URL}?x".startswith("https://")  # noqa: SLF001 - Flower's hook
    assert f"{handler._OAUTH_ACCESS_TOKEN_URL}?x".startswith("https://")  # noqa: SLF001 - Flower's hook


async def test_a_handler_of_tornados_own_gets_our_errors_and_cookies(serve):
    class Plain(RequestHandler):
        def get(self):
            self.set_secure_cookie("user", ME)
            if self.get_argument("name") == "stranger":
                raise HTTPError(403, "no strangers")
            self.redirect("/shown")

    login = drop_in.login_handler("my.Plain", load=lambda _name: SimpleNamespace(Plain=Plain))
    browser = Browser(serve(HANDLERS, login=login, auth=ME))
    nameless = await browser.get("/login")
    stranger = await browser.get("/login?name=stranger")
    back = await browser.get("/login?name=me")

    assert nameless.status == 400
    assert (stranger.status, "no strangers" in stranger.text) == (403, True)
    assert stranger.headers["X-Content-Type-Options"] == "nosniff"
    assert "SameSite=Lax" in back.cookies["user"]


async def test_a_handlers_own_errors_go_first(serve):
    class Own(RequestHandler):
        def get(self):
            raise HTTPError(403, "no")

        def write_error(self, status_code, **_kwargs):
            self.write(f"our own {status_code}")

    login = drop_in.login_handler("my.Own", load=lambda _name: SimpleNamespace(Own=Own))
    answer = await serve(HANDLERS, login=login, auth=ME).get("/login")

    assert (answer.status, answer.text) == (403, "our own 403")


@pytest.mark.parametrize(
    ("handler", "why"),
    [(type("Deaf", (RequestHandler,), {}), "no method get"), (object, "not a Tornado Request")],
)
def test_a_handler_that_cannot_log_in_anybody_ends_the_start(handler, why):
    with pytest.raises(SettingsError, match=why):
        drop_in.login_handler("my.Door", load=lambda _name: SimpleNamespace(Door=handler))


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", " , ", "names no group"),
        ("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", ",", "names no group"),
        ("FLOWER_GITLAB_MIN_ACCESS_LEVEL", "reporter", "is 'reporter', not an access level"),
        ("FLOWER_GITLAB_MIN_ACCESS_LEVEL", "0", "is '0', not an access level"),
    ],
)
def test_groups_of_gitlab_that_would_let_in_all_end_the_start(monkeypatch, variable, value, why):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=why):
        drop_in.login_handler("flower.views.auth.GitLabLoginHandler")


def test_variables_of_gitlab_that_are_empty_are_as_if_not_set(monkeypatch):
    monkeypatch.setenv("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", "")
    monkeypatch.setenv("FLOWER_GITLAB_MIN_ACCESS_LEVEL", "")

    assert drop_in.login_handler("flower.views.auth.GitLabLoginHandler")


def test_okta_without_its_server_ends_the_start(monkeypatch):
    monkeypatch.delenv("FLOWER_OAUTH2_OKTA_BASE_URL", raising=False)

    with pytest.raises(SettingsError, match="FLOWER_OAUTH2_OKTA_BASE_URL is not set"):
        drop_in.login_handler("flower.views.auth.OktaLoginHandler")
