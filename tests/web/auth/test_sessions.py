"""What a session cookie opens, and when it no longer does; over the wire."""

import time

import pytest
from tornado.web import create_signed_value

from flower_ng.store.noted import SessionEnds
from flower_ng.store.notes import Notes
from flower_ng.web.api.sessions import SessionsEnd
from flower_ng.web.auth.sessions import LoginSession, Sessions
from tests.web.probes import HANDLERS
from tests.web.site import SECRET, FakeCluster, basic, session

ME, OTHER = "me@example.com", "other@example.com"
DAY = 86_400.0
NOON = 1_790_000_000.0
TOKEN = "2|1a2b3c4d|00112233445566778899aabbccddeeff|1704067200"


def with_token(cookie):
    return {"Cookie": f"{cookie}; _xsrf={TOKEN}", "X-XSRFToken": TOKEN}


async def opens(client, cookie):
    return (await client.get("/who", Cookie=cookie)).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_copied_cookie_dies_with_the_logout_and_no_other_does(serve, method):
    client = serve(HANDLERS, auth=f"{ME}|{OTHER}")
    mine, elses = session(ME), session(OTHER)
    before = await opens(client, mine)
    out = await client.ask(method, "/logout", with_token(mine))

    assert before
    assert out.status == 200
    assert "controls" not in out.text
    assert not await opens(client, mine)
    assert await opens(client, elses)


async def test_a_session_that_ended_may_not_send_much_and_follows_no_stream(serve):
    client = serve(HANDLERS, auth=ME)
    mine = session(ME)
    await client.ask("POST", "/logout", with_token(mine))
    body = await client.ask("POST", "/api/act/x", with_token(mine), b"x" * (3 << 20))
    stream = await client.get("/stream", Cookie=mine)

    assert body.status == 413
    assert stream.status == 302


async def test_a_cookie_of_flower_is_a_session_here(serve):
    value = create_signed_value(SECRET, "user", ME, version=2).decode()

    assert await opens(serve(HANDLERS, auth=ME), f"user={value}")


async def test_a_cookie_of_tornados_older_form_is_none(serve):
    value = create_signed_value(SECRET, "user", ME, version=1).decode()

    assert not await opens(serve(HANDLERS, auth=ME), f"user={value}")


@pytest.mark.parametrize(("age_h", "is_in"), [(11, True), (13, False)])
async def test_a_session_lasts_as_long_as_the_option_says(serve, age_h, is_in):
    then = time.time() - age_h * 3600
    value = create_signed_value(SECRET, "user", ME, 2, lambda: then).decode()

    client = serve(HANDLERS, auth=ME, session_max_age="12h")

    assert await opens(client, f"user={value}") is is_in


async def test_all_sessions_of_one_person_end_at_once(serve):
    client = serve(HANDLERS, auth=f"{ME}|{OTHER}")
    here, there, elses = session(ME), session(ME, ago=60), session(OTHER)
    out = await client.ask("POST", "/logout", with_token(here))
    is_in_there = await opens(client, there)
    offer = out.text.partition('name="everywhere" value="')[2].partition('"')[0]
    form = {"everywhere": offer, "_xsrf": TOKEN}
    done = await client.post("/logout", form, Cookie=f"_xsrf={TOKEN}")

    assert is_in_there
    assert f"All sessions of {ME} have ended" in done.text
    assert not await opens(client, there)
    assert await opens(client, elses)
    assert [one.result for one in client.site.settings["services"].cluster.recorded] == [
        "",
        "all sessions",
    ]


@pytest.mark.parametrize("offer", ["x", ME, "user"])
async def test_nobody_ends_the_sessions_of_others(serve, offer):
    client = serve(HANDLERS, auth=ME)
    mine = session(ME)
    offer = mine.partition("=")[2] if offer == "user" else offer
    answer = await client.post(
        "/logout", {"everywhere": offer, "_xsrf": TOKEN}, Cookie=f"_xsrf={TOKEN}"
    )

    assert answer.status == 403
    assert "too old" in answer.text
    assert await opens(client, mine)


async def test_a_restart_forgets_no_end_that_was_kept(serve):
    first, second = FakeCluster(), FakeCluster()
    second.store.session_ends = first.store.session_ends
    mine = session(ME)
    await serve(HANDLERS, auth=ME, cluster=first).ask("POST", "/logout", with_token(mine))

    assert not await opens(serve(HANDLERS, auth=ME, cluster=second), mine)


async def test_an_admin_ends_the_sessions_of_others_and_nobody_else_does(serve):
    options = {"auth": f"{ME}|{OTHER}", "roles": (f"admin:{ME}", f"operator:{OTHER}")}
    client = serve((*HANDLERS, SessionsEnd), **options)
    admin, other = session(ME), session(OTHER, ago=60)
    path = f"/api/sessions/end?who={OTHER}"
    refused = await client.ask("POST", path, with_token(other))
    before = await opens(client, other)
    done = await client.ask("POST", path, with_token(admin))
    nobody = await client.ask("POST", "/api/sessions/end", with_token(admin))

    assert (refused.status, before) == (403, True)
    assert done.json == {"message": f"All sessions of {OTHER} that began until now have ended"}
    assert not await opens(client, other)
    assert await opens(client, admin)
    assert nobody.status == 400


async def test_without_a_login_by_a_provider_there_are_no_sessions_to_end(serve):
    client = serve((*HANDLERS, SessionsEnd), basic_auth=("ann:secret",))
    headers = {"Authorization": basic("ann:secret")}
    answer = await client.ask("POST", "/api/sessions/end?who=ann", headers)

    assert answer.status == 404
    assert "There are no sessions" in answer.text


def sessions(ends=None, at=NOON, max_age_s=30 * DAY):
    if ends is None:
        ends = SessionEnds(Notes())
        ends.open()
    return Sessions(SECRET, ends, max_age_s, lambda: at)


def test_a_new_session_of_the_same_second_is_another_one():
    ours = sessions()
    first = ours.signed(ME)
    ours.end(ours.of(first))
    second = ours.signed(ME)

    assert ours.of(first) is None
    assert ours.of(second) == LoginSession(ME, int(NOON) + 1)


def test_groups_belong_to_one_session():
    ours = sessions()
    mine, theirs = (ours.signed(who) for who in (ME, OTHER))
    groups = ours.signed_groups(ours.of(mine), ["sre", "a,b"])

    assert ours.of(mine, groups).groups == ("sre", "a,b")
    assert ours.of(theirs, groups).groups == ()
    assert ours.of(mine, f"{groups}0").groups == ()
    assert ours.of(mine, mine).groups == ()


def test_an_older_session_counts_only_once_it_is_known_that_it_did_not_end():
    ends = SessionEnds(Notes())
    before = sessions(at=NOON - 60).signed(ME)
    ours = sessions(ends)
    unknown = ours.of(before), ours.of(ours.signed(ME))
    ends.open()

    assert unknown == (None, LoginSession(ME, int(NOON)))
    assert ours.of(before) == LoginSession(ME, int(NOON) - 60)
