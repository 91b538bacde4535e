"""Who may pass: logins, the API switch, read-only, requests that other sites make browsers send."""

import pytest

from flower_ng.errors import SettingsError
from flower_ng.web.auth.identity import How, Identity
from flower_ng.web.auth.roles import Role
from flower_ng.web.auth.tokens import Tokens, create_token
from flower_ng.web.http.guard import API_CLOSED, CROSS_ORIGIN, Door
from tests.web.probes import HANDLERS
from tests.web.site import OPEN_API, basic, session

ME = "me@example.com"
HTML = "text/html; charset=UTF-8"
PLAIN = "text/plain; charset=UTF-8"


# The API switch


async def test_without_a_login_pages_are_open_and_the_api_is_closed(serve):
    client = serve(HANDLERS)
    page, api = await client.get("/shown"), await client.get("/api/echo/x")

    assert page.status == 200
    assert (api.status, api.type, api.text) == (401, PLAIN, API_CLOSED)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
async def test_a_closed_api_says_so_to_every_method(serve, method):
    assert (await serve(HANDLERS).ask(method, "/api/echo/x")).status == 401


async def test_the_switch_is_read_on_every_request(serve):
    environ: dict[str, str] = {}
    client = serve(HANDLERS, environ=environ)
    before = await client.get("/api/echo/x")
    environ.update(OPEN_API)
    after = await client.get("/api/echo/x")

    assert (before.status, after.status) == (401, 200)


@pytest.mark.parametrize("value", ["maybe", "", "2", "no", "False"])
async def test_a_switch_that_does_not_say_yes_keeps_the_api_closed(serve, value):
    client = serve(HANDLERS, environ={"FLOWER_UNAUTHENTICATED_API": value})

    assert (await client.get("/api/echo/x")).status == 401
    assert (await client.get("/shown")).status == 200


async def test_the_switch_opens_nothing_once_a_login_is_configured(serve):
    client = serve(HANDLERS, environ=OPEN_API, basic_auth=("me:secret",))

    assert (await client.get("/api/echo/x")).status == 401


# Basic


async def test_basic_credentials_open_pages_and_the_api(serve):
    client = serve(HANDLERS, basic_auth=("me:secret", "käthe:grün"))

    for pair in ("me:secret", "käthe:grün"):
        assert (await client.get("/shown", Authorization=basic(pair))).status == 200
        assert (await client.get("/api/echo/x", Authorization=basic(pair))).status == 200


@pytest.mark.parametrize("header", [None, basic("me:wrong"), basic("mé:grün"), "Basic", "x"])
async def test_other_credentials_are_asked_for_again(serve, header):
    client = serve(HANDLERS, basic_auth=("me:secret",))
    headers = {} if header is None else {"Authorization": header}
    page, api = await client.get("/shown", **headers), await client.get("/api/echo/x", **headers)

    assert (page.status, page.type, page.text) == (401, HTML, "Access denied")
    assert page.headers["WWW-Authenticate"] == 'Basic realm="flower"'
    assert (api.status, api.type) == (401, HTML)


async def test_a_header_of_bytes_that_are_no_text_is_401(serve):
    client = serve(HANDLERS, basic_auth=("me:secret",))

    assert (await client.get("/shown", Authorization="Basic \xff\xfe")).status == 401


def test_a_pair_without_a_colon_ends_the_start():
    with pytest.raises(SettingsError):
        Door(basic_auth=("me:pa", "ss"))


# Sessions


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/shown", "/api/echo/x"])
async def test_a_reader_without_a_session_is_sent_to_log_in_and_will_come_back(serve, path, method):
    client = serve(HANDLERS, auth=ME, url_prefix="flower")
    answer = await client.ask(method, f"/flower{path}?a=1&b=2")

    assert answer.status == 302
    assert answer.headers["Location"] == (
        f"/flower/login?next=%2Fflower{path.replace('/', '%2F')}%3Fa%3D1%26b%3D2"
    )


@pytest.mark.parametrize(("path", "kind"), [("/do/act/x", "<nav"), ("/api/act/x", "Log in first")])
async def test_a_writer_without_a_session_is_refused(serve, path, kind):
    answer = await serve(HANDLERS, auth=ME).post(path, Authorization="Bearer x")

    assert (answer.status, answer.type) == (403, HTML)
    assert kind in answer.text


async def test_a_session_opens_pages_and_the_api(serve):
    client = serve(HANDLERS, auth=ME)

    assert (await client.get("/shown", Cookie=session(ME))).status == 200
    assert (await client.get("/api/echo/x", Cookie=session(ME))).status == 200


@pytest.mark.parametrize(
    "cookie",
    ["user=", f"user={ME}", "user=x|y|z", session(ME)[:-1], session("me@example.com.evil.example")],
    ids=["empty", "unsigned", "parts", "cut", "other"],  # what is signed bears the time
)
async def test_a_forged_or_foreign_session_opens_nothing(serve, cookie):
    answer = await serve(HANDLERS, auth=ME).get("/shown", Cookie=cookie)

    assert answer.status == 302


async def test_with_both_logins_one_alone_is_not_enough(serve):
    client = serve(HANDLERS, auth=ME, basic_auth=("me:secret",))
    known = basic("me:secret")

    assert (await client.get("/shown", Cookie=session(ME))).status == 401
    assert (await client.get("/shown", Authorization=known)).status == 302
    assert (await client.get("/shown", Authorization=known, Cookie=session(ME))).status == 200


async def test_a_page_names_who_is_logged_in(serve):
    client = serve(HANDLERS, auth=ME)

    assert (await client.get("/open")).text == "anonymous"
    assert (await client.get("/api/echo/x", Cookie=session(ME))).status == 200


async def test_who_has_not_logged_in_sees_nothing_of_the_cluster(serve):
    client = serve(HANDLERS, basic_auth=("me:secret",))
    known = {"Authorization": basic("me:secret")}

    assert (await client.get("/open-frame")).json == {"app": "", "sees": False}
    assert (await client.get("/frame", **known)).json == {"app": "shop", "sees": True}
    assert (await serve(HANDLERS).get("/open-frame")).json == {"app": "shop", "sees": True}


# Read-only


async def test_read_only_refuses_writing_in_words_and_lets_reading_pass(serve):
    client = serve(HANDLERS, environ=OPEN_API, read_only=True)
    written = await client.post("/api/act/x")

    assert (written.status, written.type) == (403, PLAIN)
    assert written.text == "Read only mode is enabled"
    assert (await client.get("/api/echo/x")).status == 200


async def test_credentials_are_checked_before_read_only(serve):
    client = serve(HANDLERS, basic_auth=("me:secret",), read_only=True)

    assert (await client.post("/api/act/x")).status == 401
    assert (await client.post("/api/act/x", Authorization=basic("me:secret"))).status == 403


# What other sites make browsers send

LOCKS = {
    "nothing": {},
    "open API": {"environ": OPEN_API},
    "basic": {"basic_auth": ("me:secret",)},
    "auth": {"auth": ME},
    "both": {"basic_auth": ("me:secret",), "auth": ME},
}
CROSS_SITE = "Cross-site request forbidden"
FOREIGN = {
    "cross-site": ({"Sec-Fetch-Site": "cross-site"}, CROSS_SITE),
    "same-site": ({"Sec-Fetch-Site": "same-site"}, CROSS_SITE),
    "unknown site": ({"Sec-Fetch-Site": "elsewhere"}, CROSS_SITE),
    "origin": ({"Origin": "http://evil.example"}, CROSS_ORIGIN),
    "no origin": ({"Origin": "null"}, CROSS_ORIGIN),
    "port": ({"Origin": "http://127.0.0.1:1"}, CROSS_ORIGIN),
    "broken origin": ({"Origin": "http://[evil"}, CROSS_ORIGIN),
}


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("foreign", FOREIGN)
async def test_what_another_site_sends_is_refused_before_anything_else(serve, lock, foreign):
    headers, words = FOREIGN[foreign]
    client = serve(HANDLERS, **LOCKS[lock])
    api = await client.post("/api/act/x", **headers)
    wrong_method = await client.post("/api/echo/x", **headers)
    form = await client.post("/do/act/x", **headers)

    assert (api.status, api.type, api.text) == (403, PLAIN, words)
    assert (wrong_method.status, form.status) == (403, 403)
    assert words in form.text


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"}]
)
@pytest.mark.parametrize("lock", ["open API", "basic"])
async def test_what_our_own_pages_and_curl_send_passes(serve, lock, headers):
    client = serve(HANDLERS, **LOCKS[lock])
    answer = await client.post("/api/act/x", Authorization=basic("me:secret"), **headers)

    assert answer.status == 200


async def test_an_origin_that_is_the_host_a_proxy_was_asked_for_passes(serve):
    client = serve(HANDLERS, environ=OPEN_API, xheaders=True, trusted_hosts=("flower.example",))
    headers = {"Origin": "http://flower.example:8080", "X-Forwarded-Host": "flower.example:8080"}

    assert (await client.post("/api/act/x", **headers)).status == 200
    headers["X-Forwarded-Host"] = "flower.example"
    assert "proxy_set_header Host $http_host" in (await client.post("/api/act/x", **headers)).text


async def test_an_origin_that_is_our_host_passes(serve):
    client = serve(HANDLERS, environ=OPEN_API)

    assert (await client.post("/api/act/x", Origin=f"http://{client.host}")).status == 200


@pytest.mark.parametrize(("lock", "status"), [("open API", 200), ("basic", 403)])
async def test_a_request_without_a_site_passes_only_where_no_login_is(serve, lock, status):
    headers = {"Sec-Fetch-Site": "none", "Authorization": basic("me:secret")}

    assert (await serve(HANDLERS, **LOCKS[lock]).post("/api/act/x", **headers)).status == status


async def test_a_listed_origin_may_write(serve):
    client = serve(HANDLERS, environ=OPEN_API, cors_origins=("http://wall.example",))
    headers = {"Origin": "http://wall.example", "Sec-Fetch-Site": "cross-site"}

    assert (await client.post("/api/act/x", **headers)).status == 200


@pytest.mark.parametrize("site", ["cross-site", "none"])
async def test_reading_from_another_site_is_never_refused_by_this_check(serve, site):
    client = serve(HANDLERS, environ=OPEN_API)

    assert (await client.get("/shown", **{"Sec-Fetch-Site": site})).status == 200


# Hosts that pages of others lead here

REBOUND = "This host name is not known"
NO_LOGIN, A_LOGIN = {"environ": OPEN_API}, {"basic_auth": ("me:secret",)}


@pytest.mark.parametrize("path", ["/shown", "/api/echo/x", "/metrics"])
@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
async def test_on_loopback_without_a_login_other_names_are_refused(serve, address, path):
    client = serve(HANDLERS, address=address, **NO_LOGIN)
    answer = await client.get(path, Host="rebind.example:5555")

    assert answer.status == 403
    assert REBOUND in answer.text
    assert "--trusted_hosts" in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5555", "localhost", "LOCALHOST:80", "a.localhost", "[::1]:5555", "10.0.0.7"]
)
async def test_on_loopback_own_names_and_addresses_pass(serve, host):
    client = serve(HANDLERS, address="127.0.0.1", **NO_LOGIN)

    assert (await client.get("/shown", Host=host)).status == 200


@pytest.mark.parametrize(
    ("options", "host", "status"),
    [
        ({"address": "127.0.0.1"}, "127.0.0.1.rebind.example", 403),
        ({"address": "127.0.0.1"}, "localhost.rebind.example", 403),
        ({"address": "127.0.0.1", "trusted_hosts": ("a.example",)}, "A.example.", 200),
        ({"address": "127.0.0.1", "trusted_hosts": ("a.example",)}, "b.a.example", 403),
        ({"address": "127.0.0.1", "trusted_hosts": ("*.a.example",)}, "b.a.example:80", 200),
        ({"address": "127.0.0.1", "trusted_hosts": ("*.a.example",)}, "a.example", 403),
        ({"address": "127.0.0.1", "trusted_hosts": ("*.a.example",)}, "eva.example", 403),
        ({"address": "", "trusted_hosts": ("a.example",)}, "rebind.example", 403),
        ({"address": ""}, "flower.example", 200),
        ({"address": "10.0.0.7"}, "flower.example", 200),
        ({"address": "127.0.0.1", "unix_socket": "/run/s"}, "flower.example", 200),
    ],
)
async def test_trusted_hosts_are_those_that_are_named(serve, options, host, status):
    client = serve(HANDLERS, **NO_LOGIN, **options)

    assert (await client.get("/shown", Host=host)).status == status


async def test_with_a_login_any_name_may_come_for_no_session_is_of_that_name(serve):
    client = serve(HANDLERS, address="127.0.0.1", **A_LOGIN)
    headers = {"Host": "flower.example", "Authorization": basic("me:secret")}

    assert (await client.get("/shown", **headers)).status == 200


# Names that a page of anybody may have led here, where everybody may use the API

LED_HERE = "Browsers may change nothing under the host name {}: there is no login"


def led_here(host, scheme="http"):
    """The headers of what a page sends to its own host, which leads to this dashboard."""
    return {"Host": host, "Origin": f"{scheme}://{host}"}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("rebind.example", "rebind.example"),
        ("rebind.example.:5555", "rebind.example"),
        ("REBIND.example:80", "rebind.example"),
        ("127.0.0.1.rebind.example", "127.0.0.1.rebind.example"),
        ("localhost.rebind.example", "localhost.rebind.example"),
        ("x.local.rebind.example", "x.local.rebind.example"),
    ],
)
async def test_a_browser_changes_nothing_under_a_name_that_leads_here(serve, host, name):
    client = serve(HANDLERS, environ=OPEN_API)
    api = await client.post("/api/act/x", **led_here(host))
    form = await client.post("/do/act/x", **led_here(host))

    assert (api.status, api.type, form.status) == (403, PLAIN, 403)
    assert LED_HERE.format(name) in api.text
    assert f"--trusted_hosts={name}" in form.text
    assert (await client.get("/shown", Host=host)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        led_here("localhost:5555"),
        led_here("10.0.0.7:5555"),
        led_here("[fd00::7]:5555"),
        led_here("flower:5555"),
        led_here("flower.default.svc.cluster.local:5555"),
        led_here("flower.internal"),
        led_here("flower.home.arpa"),
        {**led_here("flower.example", "https"), "Sec-Fetch-Site": "same-origin"},
        {"Host": "flower.example"},
    ],
    ids=lambda headers: headers.get("Origin", "a script"),
)
async def test_what_no_stranger_can_lead_here_may_change_things(serve, headers):
    client = serve(HANDLERS, environ=OPEN_API)

    assert (await client.post("/api/act/x", **headers)).status == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, 403),
        ({"xheaders": True}, 403),
        ({"trusted_hosts": ("flower.example",)}, 200),
        ({"trusted_hosts": ("*",)}, 200),
        ({"proxies": ("127.0.0.1",)}, 200),
        ({"proxies": ("10.0.0.7",)}, 403),
        ({"cors_origins": ("http://flower.example",)}, 200),
        ({"cors_origins": ("*",)}, 403),
    ],
)
async def test_an_operator_vouches_for_a_name_by_one_option(serve, options, status):
    client = serve(HANDLERS, environ=OPEN_API, **options)

    assert (await client.post("/api/act/x", **led_here("flower.example"))).status == status


async def test_a_form_of_a_strangers_page_by_https_is_not_taken_for_sent_by_https(serve):
    """Sent by HTTP, to the page's own name and port: it tells of no site."""
    client = serve(HANDLERS, environ=OPEN_API)

    sent = await client.post("/do/act/x", **led_here("rebind.example:5555", "https"))

    assert sent.status == 403
    assert LED_HERE.format("rebind.example") in sent.text


async def test_a_name_that_only_the_proxy_heard_is_looked_at_too(serve):
    client = serve(HANDLERS, environ=OPEN_API, xheaders=True)
    headers = {"Origin": "http://rebind.example", "X-Forwarded-Host": "rebind.example"}

    assert LED_HERE.format("rebind.example") in (await client.post("/api/act/x", **headers)).text


async def test_who_is_known_may_change_things_under_any_name(serve):
    client = serve(HANDLERS, **A_LOGIN)
    headers = {**led_here("flower.example"), "Authorization": basic("me:secret")}

    assert (await client.post("/api/act/x", **headers)).status == 200


async def test_a_name_is_no_way_to_write_into_the_log_or_the_page(serve):
    client = serve(HANDLERS, environ=OPEN_API)
    answer = await client.post("/do/act/x", **led_here("a<script>.example"))

    assert answer.status in (400, 403)
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("headers", "is_open"),
    [
        ({"Host": "flower.example"}, False),
        ({"Host": "flower.example", "Sec-Fetch-Site": "none"}, True),  # which HTTPS alone brings
        ({"Host": "flower:5555"}, True),
    ],
)
async def test_buttons_are_closed_under_a_name_that_leads_here(serve, headers, is_open):
    answer = await serve(HANDLERS, environ=OPEN_API).get("/shown", **headers)

    assert ("--trusted_hosts=flower.example" not in answer.text) is is_open


# The token

TOKEN = "2|1a2b3c4d|00112233445566778899aabbccddeeff|1704067200"


@pytest.mark.parametrize("place", ["form", "X-XSRFToken", "X-CSRFToken"])
async def test_a_session_writes_with_the_token(serve, place):
    client = serve(HANDLERS, auth=ME)
    form = {"_xsrf": TOKEN} if place == "form" else {}
    headers = {} if place == "form" else {place: TOKEN}
    cookies = f"{session(ME)}; _xsrf={TOKEN}"

    assert (await client.post("/api/act/x", form, Cookie=cookies, **headers)).status == 200


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "'_xsrf' argument missing from POST"),
        ({"_xsrf": "3|x"}, "'_xsrf' argument has invalid format"),
        ({"_xsrf": TOKEN.replace("0", "1")}, "XSRF cookie does not match POST argument"),
    ],
)
async def test_a_session_cannot_write_without_the_token(serve, form, words):
    client = serve(HANDLERS, auth=ME)
    cookies = f"{session(ME)}; _xsrf={TOKEN}"
    api = await client.post("/api/act/x", form, Cookie=cookies)
    page = await client.post("/shown", form, Cookie=cookies)

    assert (api.status, api.type, api.text) == (403, PLAIN, words)
    assert (page.status, page.type) == (403, HTML)


async def test_a_client_with_an_authorization_header_needs_no_token_but_a_session(serve):
    client = serve(HANDLERS, auth=ME)
    headers = {"Authorization": "Bearer x"}

    assert (await client.post("/api/act/x", **headers)).status == 403
    assert (await client.post("/api/act/x", Cookie=session(ME), **headers)).status == 200


async def test_basic_alone_needs_no_token(serve):
    client = serve(HANDLERS, basic_auth=("me:secret",))

    assert (await client.post("/api/act/x", Authorization=basic("me:secret"))).status == 200


# The controls of pages


@pytest.mark.parametrize(
    ("door", "is_open", "hint"),
    [
        ({}, False, "FLOWER_UNAUTHENTICATED_API=true"),
        ({"environ": OPEN_API}, True, ""),
        ({"basic_auth": ("me:secret",)}, True, ""),
        ({"environ": OPEN_API, "read_only": True}, False, "--read_only"),
    ],
)
def test_buttons_say_how_to_open_them(door, is_open, hint):
    door = Door(**door)
    controls = door.controls(Identity("me", How.BASIC, Role.ADMIN))

    assert controls.open is is_open
    assert hint in controls.why


# What the log says at the start


@pytest.mark.parametrize(
    ("door", "read", "steer"),
    [
        (
            Door(),
            "everyone who can connect, pages only: the API is closed",
            "nobody (no login is configured, FLOWER_UNAUTHENTICATED_API is not true)",
        ),
        (Door(environ=OPEN_API), "everyone who can connect", "everyone who can connect"),
        (
            Door(environ=OPEN_API, read_only=True),
            "everyone who can connect",
            "nobody (--read_only)",
        ),
        (Door(basic_auth=("a:b",)), *["whoever passes --basic_auth"] * 2),
        (Door(auth=ME, environ=OPEN_API), *["whoever passes --auth"] * 2),
        (
            Door(auth=ME, basic_auth=("a:b",), read_only=True),
            "whoever passes --basic_auth and --auth",
            "nobody (--read_only)",
        ),
    ],
)
def test_one_line_says_what_is_open_to_whom(door, read, steer):
    metrics = "/metrics and health checks: everyone who can connect"

    assert door.summary() == f"Access: read: {read}; steer: {steer}; {metrics}"


def test_the_line_names_tokens_and_closed_metrics(tmp_path):
    file = str(tmp_path / "tokens")
    create_token(file, "ci", role="operator", scope="", expires=None, now=1000.0)
    tokens = Tokens(file)
    alone = Door(tokens=tokens, metrics_auth=True).summary()
    beside = Door(basic_auth=("a:b",), tokens=tokens).summary()

    assert "read: everyone who can connect, pages only: the API is open to tokens alone" in alone
    assert "; steer: tokens by their roles, nobody else (no login is configured" in alone
    assert alone.endswith(
        "; /metrics: logins and tokens (--metrics_auth); health checks: everyone who can connect"
    )
    ways = "whoever passes --basic_auth or --tokens"
    assert beside.startswith(f"Access: read: {ways}; steer: {ways}; /metrics and health checks: ")
