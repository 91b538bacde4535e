"""Who a request comes from: by the headers of a proxy, a password or a session; over the wire."""

import json

import pytest
from tornado.httputil import HTTPHeaders

from flower_ng.web.auth.tokens import create_token
from tests.web.probes import HANDLERS
from tests.web.site import OPEN_API, basic, session

USER, GROUPS = "X-Forwarded-User", "X-Forwarded-Groups"
PROXY = {"auth_header": USER, "auth_groups_header": GROUPS}
HERE = ("127.0.0.1", "::1")
ELSEWHERE = ("192.0.2.1",)
ME = "me@example.com"


async def who(client, **headers):
    answer = await client.get("/who", **headers)
    return answer.json if answer.status == 200 else answer.status


def named(name, how, role="admin", groups=()):
    return {"name": name, "how": how, "role": role, "groups": list(groups)}


async def test_without_a_login_everybody_looks_and_the_switch_makes_admins(serve):
    environ: dict[str, str] = {}
    client = serve(HANDLERS, environ=environ)
    before = await who(client)
    environ.update(OPEN_API)

    assert before == named("anonymous", "anonymous", "viewer")
    assert await who(client) == named("anonymous", "anonymous")


@pytest.mark.parametrize(
    ("options", "headers", "right"),
    [
        ({"basic_auth": ("bob:x",)}, {"Authorization": basic("bob:x")}, named("bob", "basic")),
        ({"auth": ME}, {"Cookie": session(ME)}, named(ME, "session")),
        (
            {"auth": ME, "basic_auth": ("bob:x",)},
            {"Cookie": session(ME), "Authorization": basic("bob:x")},
            named(ME, "session"),
        ),
        ({"auth": ME, "basic_auth": ("bob:x",)}, {"Cookie": session(ME)}, 401),
        ({"auth": ME}, {}, 302),
    ],
)
async def test_logins_of_flower_make_admins(serve, options, headers, right):
    assert await who(serve(HANDLERS, **options), **headers) == right


async def test_a_trusted_proxy_says_who_it_is(serve):
    client = serve(HANDLERS, proxies=HERE, **PROXY, roles=("operator:group:sre", "viewer:*"))

    assert await who(client, **{USER: "ann"}) == named("ann", "proxy", "viewer")
    assert await who(client, **{USER: " ann ", GROUPS: "dev, sre"}) == named(
        "ann", "proxy", "operator", ("dev", "sre")
    )
    assert await who(client) == 401
    assert await who(client, **{USER: ""}) == 401


@pytest.mark.parametrize("proxies", [ELSEWHERE, ()])
async def test_the_same_header_of_anybody_else_says_nothing(serve, proxies):
    client = serve(HANDLERS, proxies=proxies, **PROXY)
    answer = await client.get("/who", **{USER: "ann", "X-Forwarded-For": "192.0.2.1"})

    assert answer.status == 401
    assert (await client.get("/api/echo/x", **{USER: "ann"})).status == 401


async def test_a_header_that_comes_twice_names_nobody(serve):
    client = serve(HANDLERS, proxies=HERE, **PROXY)
    headers = HTTPHeaders({USER: "ann"})
    headers.add(USER, "bob")
    answer = await client.http.fetch(
        f"http://{client.host}/who", headers=headers, raise_error=False
    )

    assert answer.code == 401


async def test_groups_that_come_twice_are_none(serve):
    roles = ("admin:group:root", "viewer:*")
    client = serve(HANDLERS, proxies=HERE, **PROXY, roles=roles)
    headers = HTTPHeaders({USER: "ann", GROUPS: "dev"})
    headers.add(GROUPS, "root")
    answer = await client.http.fetch(f"http://{client.host}/who", headers=headers)

    assert json.loads(answer.body) == named("ann", "proxy", "viewer")


async def test_beside_the_proxy_a_password_still_counts(serve):
    client = serve(HANDLERS, proxies=HERE, **PROXY, basic_auth=("bob:x",))

    assert await who(client, Authorization=basic("bob:x")) == named("bob", "basic")
    assert await who(client, **{USER: "ann"}) == named("ann", "proxy")
    assert await who(client) == 401


async def test_a_token_goes_before_the_proxy_and_the_proxy_before_all_else(serve, tmp_path):
    file = str(tmp_path / "tokens")
    token = create_token(file, "ci", role="viewer", scope="", expires=None, now=1000.0)
    client = serve(HANDLERS, proxies=HERE, **PROXY, auth=ME, tokens=file)
    shown = {USER: "ann", "Cookie": session(ME)}

    bearer = {**shown, "Authorization": f"Bearer {token}"}
    assert await who(client, **bearer) == named("ci", "token", "viewer")
    assert await who(client, **bearer | {"Authorization": f"Bearer {token}x"}) == 401
    assert await who(client, **shown) == named("ann", "proxy")
    assert await who(client, Cookie=session(ME)) == named(ME, "session")


async def test_who_has_no_role_is_told_so_and_sees_nothing(serve):
    client = serve(HANDLERS, basic_auth=("bob:x", "ann:x"), roles=("admin:ann",))
    page = await client.get("/shown", Authorization=basic("bob:x"))

    assert page.status == 403
    assert "bob has no role here: no entry of --roles fits" in page.text
    assert "memory://" not in page.text


async def test_a_refusal_says_which_role_is_needed(serve):
    client = serve(HANDLERS, basic_auth=("bob:x",), roles=("viewer:bob",))
    answer = await client.post("/api/act/x", Authorization=basic("bob:x"))

    assert (answer.status, answer.text) == (403, "bob is a viewer: this needs the role operator")


async def test_the_menu_names_who_is_logged_in_and_as_what(serve):
    client = serve(HANDLERS, basic_auth=("bob:x",), roles=("viewer:bob",))
    page = await client.get("/shown", Authorization=basic("bob:x"))

    assert 'title="Logged in as bob, viewer"' in page.text
    assert "You are a viewer, so controls are closed to you." in page.text


async def test_a_page_that_is_rendered_once_for_many_is_not_shown_to_another_role(serve):
    client = serve(HANDLERS, basic_auth=("bob:x", "ann:x"), roles=("viewer:bob", "admin:ann"))
    live = {"Flower-Live": "1"}
    mine = await client.get("/shown", Authorization=basic("ann:x"), **live)
    other = await client.get("/shown", Authorization=basic("bob:x"), **live)

    assert "Logged in as ann, admin" in mine.text
    assert "Logged in as bob, viewer" in other.text
