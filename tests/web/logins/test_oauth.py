"""Logging in through each provider, played by one of our own on loopback."""

from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.web import create_signed_value, decode_signed_value

from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.logins import PROVIDERS
from flower_ng.web.logins.mounted import mounted
from tests.web.browsing import Browser
from tests.web.probes import HANDLERS
from tests.web.provider import GOOD_CODE, ME, OTHER, PERSON_PATHS
from tests.web.site import SECRET, FakeCluster

CLIENT = OAuthClient("our-key", "our-secret", "http://flower.example/login")
MISMATCH = "State tokens do not match. Please try logging in again."
KINDS = dict(zip(("google", "github", "gitlab", "okta"), PROVIDERS, strict=True))
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def open_site(serve, provider):
    """Serve a site whose login is of this kind."""

    def start(kind="google", **options):
        hooks = {"get_auth_http_client": lambda _self: provider.client}
        login = mounted(type("Local", (KINDS[kind],), hooks))
        return serve(HANDLERS, login=login, oauth=CLIENT, **{"auth": ME, **options})

    return start


@every_kind
async def test_the_way_out_has_what_each_provider_expects(open_site, kind):
    answer = await open_site(kind).get("/login")
    address = urlsplit(answer.headers["Location"])
    query = parse_qs(address.query, keep_blank_values=True)

    places = {
        "google": "https://accounts.google.com/o/oauth2/v2/auth",
        "github": "https://github.com/login/oauth/authorize",
        "gitlab": "https://gitlab.com/oauth/authorize",
        "okta": "https://okta.example/v1/authorize",
    }
    scopes = {
        "google": "profile email",
        "github": "user:email",
        "gitlab": "read_api",
        "okta": "openid email",
    }
    extra = {} if kind == "okta" else {"approval_prompt": [""]}
    assert answer.status == 302
    assert f"{address.scheme}://{address.netloc}{address.path}" == places[kind]
    assert len(query.pop("state")[0]) >= 32
    assert query == {
        "response_type": ["code"],
        "redirect_uri": [CLIENT.redirect_uri],
        "client_id": [CLIENT.key],
        "scope": [scopes[kind]],
        **extra,
    }


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (
            "google",
            ["www.googleapis.com/oauth2/v4/token", "www.googleapis.com/userinfo/v2/me"],
        ),
        ("github", ["github.com/login/oauth/access_token", "api.github.com/user/emails"]),
        ("gitlab", ["gitlab.com/oauth/token", "gitlab.com/api/v4/user"]),
        ("okta", ["okta.example/v1/token", "okta.example/v1/userinfo"]),
    ],
)
async def test_each_provider_is_asked_where_it_answers(open_site, provider, kind, asked):
    await Browser(open_site(kind)).log_in()

    assert provider.client.wanted == [f"https://{url}" for url in asked]
    assert provider.accepted == ["application/json"]


async def test_github_enterprise_is_asked_under_its_own_domain(open_site, provider, monkeypatch):
    monkeypatch.setenv("FLOWER_GITHUB_OAUTH_DOMAIN", "ghe.example")
    provider.answers["/api/v3/user/emails"] = provider.answers["/user/emails"]
    browser = Browser(open_site("github"))
    out = await browser.get("/login")
    await browser.log_in()

    assert out.headers["Location"].startswith("https://ghe.example/login/oauth/authorize?")
    assert provider.client.wanted == [
        "https://ghe.example/login/oauth/access_token",
        "https://ghe.example/api/v3/user/emails",
    ]


async def test_a_gitlab_of_ones_own_is_asked(open_site, provider, monkeypatch):
    monkeypatch.setenv("FLOWER_GITLAB_OAUTH_DOMAIN", "git.example")
    await Browser(open_site("gitlab")).log_in()

    assert provider.client.wanted[-1] == "https://git.example/api/v4/user"


async def test_the_last_verified_address_of_github_that_may_come_in_is_the_person(
    open_site, provider
):
    provider.answers["/user/emails"] = [
        {"email": "stranger@example.com", "verified": True},
        {"email": "Me@Example.com", "verified": True},
        {"email": OTHER, "verified": False},
    ]
    browser = Browser(open_site("github", auth=f"{ME}|{OTHER}"))
    await browser.log_in()

    assert browser.user == ME


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


async def test_the_cookies_are_for_https_only_where_the_request_is(open_site):
    answer = await open_site(xheaders=True).get("/login", **{"X-Scheme": "https"})

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


UNVERIFIED = [
    ("google", {"email": ME, "verified_email": False}),
    ("google", {"email": ME, "verified_email": "no"}),
    ("google", {"email": ME}),
    ("github", [{"email": ME, "verified": False}]),
    ("github", [{"email": ME}]),
    ("gitlab", {"email": ME, "confirmed_at": None}),
    ("gitlab", {"email": ME}),
    ("okta", {"email": ME, "email_verified": False}),
    ("okta", {"email": ME, "email_verified": "false"}),
    ("okta", {"email": ME}),
]


@pytest.mark.parametrize(("kind", "answer"), UNVERIFIED)
async def test_an_address_that_nobody_verified_does_not_count(open_site, provider, kind, answer):
    browser = Browser(open_site(kind))
    provider.answers[PERSON_PATHS[kind]] = answer

    assert (await browser.log_in()).status == 403
    assert browser.user is None


@every_kind
@pytest.mark.parametrize("answer", [{}, [], [{}], [1], None, "text", {"email": None}])
async def test_an_identity_in_an_unknown_form_lets_nobody_in(open_site, provider, kind, answer):
    browser = Browser(open_site(kind))
    provider.answers[PERSON_PATHS[kind]] = answer

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


@pytest.mark.parametrize(
    ("error", "shown"), [("access_denied", "access_denied"), ("Call+555", "the provider refused")]
)
async def test_a_refusal_shows_no_words_that_a_link_can_hold(open_site, caplog, error, shown):
    words = "No+%3Cthanks%3E%1B%5B2J"
    answer = await open_site().get(f"/login?error={error}&error_description={words}")

    assert answer.status == 403
    assert f"OAuth authenticator error: {shown}" in answer.text
    assert "thanks" not in answer.text
    assert "555" not in answer.text
    assert "refused" in caplog.text
    assert "No <thanks>" in caplog.text
    assert "\x1b" not in caplog.text


GROUPS = {"FLOWER_GITLAB_AUTH_ALLOWED_GROUPS": "acme/ops, acme/dev"}


@pytest.mark.parametrize(("group", "status"), [("acme/dev", 302), ("acme", 403), ("x", 403)])
async def test_gitlab_lets_in_members_of_the_allowed_groups(open_site, provider, group, status):
    browser = Browser(open_site("gitlab", environ=GROUPS))
    provider.answers["/api/v4/groups"] = [{"full_path": group}]
    answer = await browser.log_in()

    assert answer.status == status
    assert "min_access_level=20" in provider.asked[-1]


async def test_gitlab_asks_for_the_access_level_of_the_environment(open_site, provider):
    browser = Browser(
        open_site("gitlab", environ=GROUPS | {"FLOWER_GITLAB_MIN_ACCESS_LEVEL": "30"})
    )
    provider.answers["/api/v4/groups"] = []
    await browser.log_in()

    assert "min_access_level=30" in provider.asked[-1]


async def test_gitlab_groups_on_later_pages_count(open_site, provider):
    browser = Browser(open_site("gitlab", environ=GROUPS))
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


@pytest.mark.parametrize(
    ("method", "headers", "is_out"),
    [
        ("GET", {}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin"}, True),
        ("GET", {"Sec-Fetch-Site": "none"}, True),
        ("GET", {"Referer": "http://HOST/tasks"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, False),
        ("GET", {"Sec-Fetch-Site": "same-site"}, False),
        ("GET", {"Referer": "http://evil.example/"}, False),
        ("GET", {"Referer": "http://[broken"}, False),
        ("POST", {"Authorization": "x"}, True),
        ("POST", {"Authorization": "x", "Sec-Fetch-Site": "cross-site"}, False),
        ("POST", {}, False),
    ],
)
async def test_another_site_cannot_log_anybody_out(serve, method, headers, is_out):
    client = serve(HANDLERS, auth=ME)
    cookie = create_signed_value(SECRET, "user", ME).decode()
    headers = {name: value.replace("HOST", client.host) for name, value in headers.items()}
    answer = await client.ask(method, "/logout", {"Cookie": f"user={cookie}", **headers})

    assert ("user" in answer.cookies) is is_out
    assert answer.status == (200 if is_out or method == "GET" else 403)


@pytest.mark.parametrize("door", [{}, {"basic_auth": ("me:secret",)}, {"auth": ME}])
async def test_logging_out_ends_the_session_whatever_the_lock(serve, door):
    client = serve(HANDLERS, url_prefix="flower", **door)
    cookie = create_signed_value(SECRET, "user", ME).decode()
    answer = await client.get("/flower/logout", Cookie=f"user={cookie}")

    assert answer.status == 200
    assert answer.cookies["user"].startswith('"";')
    assert "<title>Logged out · flower_ng</title>" in answer.text
    assert 'href="/flower/"' in answer.text


async def test_who_logs_in_and_out_and_who_may_not_is_recorded(serve, provider):
    cluster = FakeCluster()
    hooks = {"get_auth_http_client": lambda _self: provider.client}
    login = mounted(type("Local", (KINDS["google"],), hooks))
    options = {"login": login, "oauth": CLIENT, "cluster": cluster}
    mine = Browser(serve(HANDLERS, **options, auth=ME))
    await mine.log_in()
    await mine.get("/logout")
    await Browser(serve(HANDLERS, **options, auth=OTHER)).log_in()
    await Browser(serve(HANDLERS, **options, auth=ME)).log_in(code="wrong")

    told = [(one.who, one.action, one.how, one.outcome) for one in cluster.recorded]
    assert told == [
        (ME, "login", "session", "done"),
        (ME, "logout", "session", "done"),
        ("", "login", "session", "refused"),
        ("", "login", "session", "refused"),
    ]
