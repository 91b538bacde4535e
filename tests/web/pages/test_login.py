"""Logging in through each provider, played by one of our own on loopback."""

from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.web import create_signed_value, decode_signed_value

from flower_ng.web.auth import GitHub, GitLab, Google, Okta
from flower_ng.web.auth.oauth import OAuthClient
from flower_ng.web.pages.login import login_with
from tests.web.probes import HANDLERS
from tests.web.provider import GOOD_CODE, FakeProvider
from tests.web.site import SECRET, Server

ME = "me@example.com"
CLIENT = OAuthClient("our-key", "our-secret", "http://flower.example/login")
MISMATCH = "State tokens do not match. Please try logging in again."


@pytest.fixture
async def provider():
    fake = FakeProvider()
    yield fake
    await fake.stop()


def google(provider):
    provider.answers["/me"] = {"email": ME, "verified_email": True}
    return type(
        "LocalGoogle",
        (Google,),
        {
            "authorize_url": f"http://{provider.host}/authorize",
            "token_url": f"http://{provider.host}/token",
            "userinfo_url": f"http://{provider.host}/me",
        },
    ), {}


def github(provider):
    provider.answers["/api/v3/user/emails"] = [
        {"email": "other@example.com", "verified": True},
        {"email": "Me@Example.com", "verified": True},
        {"email": "me@example.com", "verified": False},
    ]
    local = type("LocalGitHub", (GitHub,), {"scheme": "http"})
    return local, {"FLOWER_GITHUB_OAUTH_DOMAIN": provider.host}


def gitlab(provider):
    provider.answers["/api/v4/user"] = {"email": ME, "confirmed_at": "2024-01-01"}
    local = type("LocalGitLab", (GitLab,), {"scheme": "http"})
    return local, {"FLOWER_GITLAB_OAUTH_DOMAIN": provider.host}


def okta(provider):
    provider.answers["/v1/userinfo"] = {"email": ME, "email_verified": True}
    return Okta, {"FLOWER_OAUTH2_OKTA_BASE_URL": f"http://{provider.host}"}


KINDS = {"google": google, "github": github, "gitlab": gitlab, "okta": okta}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def open_site(serve, provider):
    """Serve a site whose login is of this kind."""

    def start(kind="google", environ=None, **options):
        cls, domains = KINDS[kind](provider)
        options = {"auth": ME, "environ": domains | (environ or {})} | options
        return serve(HANDLERS, login=login_with(cls), oauth=CLIENT, **options)

    return start


class Browser:
    """Keeps the cookies of one client."""

    def __init__(self, client) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    async def get(self, path, **headers):
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.client.get(path, Cookie=cookie, **headers)
        for name, line in answer.cookies.items():
            self.cookies[name] = line.partition(";")[0].strip('"')
        return answer

    async def log_in(self, path="/login", code=GOOD_CODE):
        """Go there and come back with a code, as the provider sends browsers."""
        out = await self.get(path)
        state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
        return await self.get(f"{path.partition('?')[0]}?code={code}&state={state}")

    @property
    def user(self):
        value = decode_signed_value(SECRET, "user", self.cookies.get("user"))
        return value and value.decode()


@every_kind
async def test_the_way_out_has_what_each_provider_expects(open_site, provider, kind):
    answer = await open_site(kind).get("/login")
    address = urlsplit(answer.headers["Location"])
    query = parse_qs(address.query, keep_blank_values=True)

    paths = {
        "google": "/authorize",
        "github": "/login/oauth/authorize",
        "gitlab": "/oauth/authorize",
        "okta": "/v1/authorize",
    }
    scopes = {
        "google": "profile email",
        "github": "user:email",
        "gitlab": "read_api",
        "okta": "openid email",
    }
    extra = {} if kind == "okta" else {"approval_prompt": [""]}
    assert (answer.status, address.netloc, address.path) == (302, provider.host, paths[kind])
    assert len(query.pop("state")[0]) >= 32
    assert query == {
        "response_type": ["code"],
        "redirect_uri": [CLIENT.redirect_uri],
        "client_id": [CLIENT.key],
        "scope": [scopes[kind]],
        **extra,
    }


def test_the_real_endpoints_are_those_that_people_registered_for():
    google, hub = Google(CLIENT, {}), GitHub(CLIENT, {})
    lab, okta = GitLab(CLIENT, {}), Okta(CLIENT, {"FLOWER_OAUTH2_OKTA_BASE_URL": "https://o/x/"})

    assert google.authorize_url.startswith("https://accounts.google.com/")
    assert hub.authorize_url == "https://github.com/login/oauth/authorize"
    assert hub.token_url == "https://github.com/login/oauth/access_token"
    assert hub.emails_url == "https://api.github.com/user/emails"
    assert lab.authorize_url == "https://gitlab.com/oauth/authorize"
    assert okta.token_url == "https://o/x/v1/token"


@every_kind
@pytest.mark.parametrize("path", ["/login", "/login/"])
async def test_who_comes_back_with_a_code_is_logged_in(open_site, provider, kind, path):
    client = open_site(kind)
    browser = Browser(client)
    back = await browser.log_in(path)
    page = await browser.get("/shown")

    assert (back.status, back.headers["Location"]) == (302, "/")
    assert browser.user == ME
    assert page.status == 200
    assert provider.forms == [
        {
            "redirect_uri": CLIENT.redirect_uri,
            "code": GOOD_CODE,
            "client_id": CLIENT.key,
            "client_secret": CLIENT.secret,
            "grant_type": "authorization_code",
        }
    ]


async def test_the_cookies_are_signed_hidden_from_scripts_and_last_thirty_days(open_site):
    browser = Browser(open_site())
    out = await browser.get("/login")
    back = await browser.log_in()

    for line in (out.cookies["oauth_state"], back.cookies["user"]):
        assert line.startswith(('"2|1:0|', "2|1:0|"))
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert "expires=" in line
        assert "Secure" not in line


async def test_the_cookies_are_for_https_only_where_the_request_is(provider):
    server = Server()
    cls, environ = google(provider)
    client = server.start(
        HANDLERS, login=login_with(cls), oauth=CLIENT, auth=ME, environ=environ, xheaders=True
    )
    answer = await client.get("/login", **{"X-Scheme": "https"})
    await server.stop()

    assert "Secure" in answer.cookies["oauth_state"]


@pytest.mark.parametrize(
    ("prefix", "wanted", "landing"),
    [
        (None, "/tasks?state=FAILURE", "/tasks?state=FAILURE"),
        (None, "//evil.example", "/"),
        ("flower", "/flower/tasks", "/flower/tasks"),
        ("flower", "https://evil.example", "/flower/"),
    ],
)
async def test_people_land_where_they_wanted_to_go_but_never_elsewhere(
    open_site, prefix, wanted, landing
):
    root = f"/{prefix}" if prefix else ""
    browser = Browser(open_site(url_prefix=prefix))
    await browser.get(f"{root}/login?next={wanted.replace('?', '%3F')}")
    kept = dict(browser.cookies)
    browser.cookies = kept
    state = decode_signed_value(SECRET, "oauth_state", kept["oauth_state"]).decode()
    back = await browser.get(f"{root}/login?code={GOOD_CODE}&state={state}")

    assert back.headers["Location"] == landing


async def test_a_next_that_the_provider_returns_is_checked_too(open_site):
    browser = Browser(open_site())
    out = await browser.get("/login")
    state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
    back = await browser.get(f"/login?code={GOOD_CODE}&state={state}&next=//evil.example")

    assert back.headers["Location"] == "/"


@pytest.mark.parametrize("state", ["", "&state=", "&state=guessed", "&state=%C3%A9"])
async def test_a_code_counts_only_in_the_browser_that_was_sent_for_it(open_site, provider, state):
    browser = Browser(open_site())
    await browser.get("/login")
    answer = await browser.get(f"/login?code={GOOD_CODE}{state}")

    assert answer.status == 403
    assert MISMATCH in answer.text
    assert provider.forms == []


async def test_an_unsigned_state_counts_for_nothing(open_site):
    browser = Browser(open_site())
    browser.cookies["oauth_state"] = "x"

    assert (await browser.get(f"/login?code={GOOD_CODE}&state=x")).status == 403


async def test_a_state_works_once(open_site):
    browser = Browser(open_site())
    out = await browser.get("/login")
    state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
    await browser.get(f"/login?code={GOOD_CODE}&state={state}")

    assert (await browser.get(f"/login?code={GOOD_CODE}&state={state}")).status == 403


@every_kind
async def test_an_address_that_is_not_allowed_is_told_so_and_gets_no_session(open_site, kind):
    browser = Browser(open_site(kind, auth="boss@example.com"))
    answer = await browser.log_in()

    assert answer.status == 403
    assert "Access denied" in answer.text
    assert browser.user is None
    assert (ME in answer.text) is (kind == "google")


UNVERIFIED = {
    "google": ("/me", {"email": ME, "verified_email": False}),
    "github": ("/api/v3/user/emails", [{"email": ME, "verified": False}]),
    "gitlab": ("/api/v4/user", {"email": ME, "confirmed_at": None}),
    "okta": ("/v1/userinfo", {"email": ME, "email_verified": False}),
}


@every_kind
async def test_an_address_that_was_never_verified_does_not_count(open_site, provider, kind):
    browser = Browser(open_site(kind))
    path, answer = UNVERIFIED[kind]
    provider.answers[path] = answer

    assert (await browser.log_in()).status == 403
    assert browser.user is None


@every_kind
@pytest.mark.parametrize("answer", [{}, [], [{}], [1], None, "text", {"email": None}])
async def test_an_identity_in_an_unknown_form_lets_nobody_in(open_site, provider, kind, answer):
    browser = Browser(open_site(kind))
    provider.answers[UNVERIFIED[kind][0]] = answer

    assert (await browser.log_in()).status in (403, 502)
    assert browser.user is None


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [
        ((400, {"error": "bad"}), 403, "answered 400"),
        ((200, {"error": "bad_verification_code", "error_description": "Old code."}), 403, "Old"),
        ((200, {}), 403, "no access token"),
        ((200, {"access_token": 5}), 403, "no access token"),
        ((200, []), 403, "no access token"),
        ((200, "no json"), 502, "no JSON"),
        ((500, {}), 502, "failed"),
        ((302, {}, ("Location", "http://127.0.0.1:1/")), 502, "failed"),
    ],
)
async def test_a_failed_exchange_is_a_page_with_the_reason(
    open_site, provider, token, status, words
):
    browser = Browser(open_site())
    provider.token = token
    answer = await browser.log_in()

    assert answer.status == status
    assert "OAuth authenticator error" in answer.text
    assert words in answer.text
    assert "<nav" in answer.text
    assert "our-secret" not in answer.text


async def test_a_provider_that_is_away_is_a_page_with_the_reason(open_site, provider):
    browser = Browser(open_site("okta"))
    out = await browser.get("/login")
    state = parse_qs(urlsplit(out.headers["Location"]).query)["state"][0]
    await provider.stop()
    answer = await browser.get(f"/login?code={GOOD_CODE}&state={state}")

    assert answer.status == 502
    assert "OAuth authenticator error" in answer.text


async def test_a_refusal_by_the_provider_is_told(open_site):
    answer = await open_site().get("/login?error=access_denied&error_description=No+%3Cthanks%3E")

    assert answer.status == 403
    assert "No &lt;thanks&gt;" in answer.text


GROUPS = {"FLOWER_GITLAB_AUTH_ALLOWED_GROUPS": "acme/ops, acme/dev"}


@pytest.mark.parametrize(("group", "status"), [("acme/dev", 302), ("acme", 403), ("x", 403)])
async def test_gitlab_lets_in_members_of_the_allowed_groups(open_site, provider, group, status):
    browser = Browser(open_site("gitlab", GROUPS))
    provider.answers["/api/v4/groups"] = [{"full_path": group}]
    answer = await browser.log_in()

    assert answer.status == status
    assert "min_access_level=20" in provider.asked[-1]


async def test_gitlab_asks_for_the_access_level_of_the_environment(open_site, provider):
    browser = Browser(open_site("gitlab", GROUPS | {"FLOWER_GITLAB_MIN_ACCESS_LEVEL": "30"}))
    provider.answers["/api/v4/groups"] = []
    await browser.log_in()

    assert "min_access_level=30" in provider.asked[-1]


async def test_gitlab_groups_on_later_pages_count(open_site, provider):
    browser = Browser(open_site("gitlab", GROUPS))
    provider.answers["/api/v4/groups"] = (200, [{"full_path": "x"}], ("X-Next-Page", "2"))
    await browser.log_in()

    assert [path.rpartition("page=")[2] for path in provider.asked[1:]] == [
        str(page) for page in ["1"] + ["2"] * 49
    ]


async def test_without_a_provider_there_is_no_login_page(serve):
    answer = await serve(HANDLERS, auth=ME).get("/login")

    assert answer.status == 404


async def test_a_provider_without_a_pattern_lets_nobody_in(open_site):
    browser = Browser(open_site(auth=""))

    assert (await browser.log_in()).status == 404
    assert browser.user is None


async def test_login_is_open_while_basic_guards_the_rest(open_site):
    client = open_site(basic_auth=("me:secret",))

    assert (await client.get("/login")).status == 302
    assert (await client.get("/shown")).status == 401


@pytest.mark.parametrize("door", [{}, {"basic_auth": ("me:secret",)}, {"auth": ME}])
async def test_logging_out_ends_the_session_whatever_the_lock(serve, door):
    client = serve(HANDLERS, url_prefix="flower", **door)
    cookie = create_signed_value(SECRET, "user", ME).decode()
    answer = await client.get("/flower/logout", Cookie=f"user={cookie}")

    assert answer.status == 200
    assert answer.cookies["user"].startswith('"";')
    assert "<title>Logged out · flower_ng</title>" in answer.text
    assert 'href="/flower/"' in answer.text
