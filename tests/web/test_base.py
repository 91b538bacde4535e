"""What the base does for every handler: arguments, headers, JSON, errors, frame, prefix."""

import asyncio
import json
import logging
import re

import pytest

from tests.web.probes import HANDLERS
from tests.web.site import FORM, OPEN_API, FakeCluster, session

HTML = "text/html; charset=UTF-8"
PLAIN = "text/plain; charset=UTF-8"


@pytest.fixture
def client(serve):
    return serve(HANDLERS, environ=OPEN_API)


# Arguments


async def test_a_path_argument_is_decoded_and_may_hold_slashes_and_at_signs(client):
    plain = await client.get("/api/echo/a/w1@box")
    encoded = await client.get("/api/echo/a%2Fw1%40box")

    assert plain.json["name"] == encoded.json["name"] == "a/w1@box"


async def test_a_path_that_is_no_text_is_400(client):
    answer = await client.get("/api/echo/%ff")

    assert (answer.status, answer.type) == (400, PLAIN)


async def test_the_body_wins_over_the_query_and_the_last_of_several_wins(client):
    answer = await client.ask("GET", "/api/echo/x?value=query", FORM, "value=first&value=+last+")

    assert answer.json["value"] == "last"


async def test_a_multipart_body_is_read_too(client):
    body = '--b\r\nContent-Disposition: form-data; name="value"\r\n\r\npart\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    assert (await client.ask("GET", "/api/echo/x", headers, body)).json["value"] == "part"


async def test_a_json_body_holds_no_arguments(client):
    headers = {"Content-Type": "application/json"}

    assert (await client.ask("GET", "/api/echo/x", headers, '{"value": 1}')).json["value"] is None


async def test_arguments_are_not_escaped(client):
    answer = await client.get("/api/echo/x?value=a%26%3Cb%3E")

    assert answer.json["value"] == "a&<b>"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("type=int&value=abc", "Invalid argument 'abc' of type 'int'"),
        ("type=int&value=", "Invalid argument '' of type 'int'"),
        ("type=float&value=x", "Invalid argument 'x' of type 'float'"),
        ("type=bool&value=maybe", "Invalid argument 'maybe' of type 'bool'"),
        ("required=1", "Missing argument value"),
        ("required=1&value=+", "Missing argument value"),
        ("required=1&type=int", "Missing argument value"),
        ("required=1&type=int&value=", "Missing argument value"),
    ],
)
async def test_a_wrong_argument_is_400_and_named(client, query, text):
    answer = await client.get(f"/api/echo/x?{query}")

    assert (answer.status, answer.type, answer.text) == (400, PLAIN, text)


# Methods


async def test_head_answers_as_get_without_a_body(client):
    for path in ("/shown", "/open", "/api/echo/x", "/healthcheck", "/metrics"):
        answer = await client.ask("HEAD", path)

        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["Content-Length"]) > 0


async def test_options_is_204_with_the_methods_and_no_content_type(client):
    answer = await client.ask("OPTIONS", "/api/act/x")

    assert (answer.status, answer.body, answer.type) == (204, b"", None)
    assert answer.headers["Allow"] == "OPTIONS, POST"


async def test_a_wrong_method_names_the_right_ones(client):
    page = await client.ask("PUT", "/shown")
    api = await client.ask("GET", "/api/act/x")

    assert (page.status, page.type) == (405, "text/plain")
    assert (api.status, api.type) == (405, HTML)
    assert page.headers["Allow"] == "OPTIONS, GET, HEAD"
    assert page.text == "PUT is not possible here, only OPTIONS, GET, HEAD"
    assert api.text == "GET is not possible here, only OPTIONS, POST"


async def test_a_method_that_nobody_knows_is_405(client):
    answer = await client.ask("FOO", "/shown")

    assert (answer.status, answer.type) == (405, "text/plain")


# Headers


@pytest.mark.parametrize(
    "path", ["/shown", "/api/echo/x", "/api/failing/bug", "/nowhere", "/metrics", "/static/nothing"]
)
async def test_every_answer_has_the_security_headers(client, path):
    headers = (await client.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    is_file = path.startswith("/static/")
    for name in ("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"):
        assert headers.get(name) == (None if is_file else "same-origin")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


async def test_an_unchanged_answer_is_304_without_a_content_type(client):
    first = await client.get("/api/echo/x")
    again = await client.get("/api/echo/x", **{"If-None-Match": first.headers["Etag"]})

    assert (again.status, again.body, again.type) == (304, b"", None)
    assert first.headers["Cache-Control"] == "private, no-cache"


async def test_an_unchanged_page_is_304_for_a_browser_that_came_back(serve):
    client = serve(HANDLERS, auth="me@example.com")
    first = await client.get("/shown", Cookie=session("me@example.com"))
    cookies = f"{session('me@example.com')}; _xsrf={first.cookies['_xsrf'].partition(';')[0]}"
    second = await client.get("/shown", Cookie=cookies)
    third = await client.get("/shown", Cookie=cookies, **{"If-None-Match": second.headers["Etag"]})

    assert (second.status, third.status) == (200, 304)


async def test_no_other_origin_may_read_by_default(client):
    answer = await client.get("/api/echo/x", Origin="http://evil.example")

    assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_a_listed_origin_may_read(serve):
    client = serve(HANDLERS, environ=OPEN_API, cors_origins=("http://wall.example",))
    listed = await client.get("/api/echo/x", Origin="http://wall.example")
    other = await client.get("/api/echo/x", Origin="http://evil.example")

    assert listed.headers["Access-Control-Allow-Origin"] == "http://wall.example"
    assert listed.headers["Access-Control-Allow-Methods"] == (
        "PUT, DELETE, OPTIONS, POST, GET, PATCH"
    )
    assert listed.headers["Access-Control-Allow-Headers"] == (
        "x-requested-with,access-control-allow-origin,authorization,content-type"
    )
    assert "Access-Control-Allow-Origin" not in other.headers
    assert other.headers["Vary"] == "Origin"


async def test_a_star_lets_every_origin_read_but_not_write(serve):
    client = serve(HANDLERS, environ=OPEN_API, cors_origins=("*",))
    read = await client.get("/api/echo/x", Origin="http://any.example")
    written = await client.post("/api/act/x", Origin="http://any.example")

    assert read.headers["Access-Control-Allow-Origin"] == "*"
    assert written.status == 403


async def test_json_is_strict_ascii(client):
    answer = await client.get("/api/echo/%C3%A9%3C/script%3E")

    assert answer.type == "application/json; charset=UTF-8"
    assert answer.body == b'{"name": "\\u00e9<\\/script>", "value": null}'


# Errors


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "text"),
    [
        ("bad", 400, PLAIN, "No <good>"),
        ("forbidden", 403, PLAIN, "Not <you>"),
        ("refused", 403, PLAIN, "Failed: <reason>"),
        ("missing", 404, PLAIN, "Unknown task '<id>'"),
        ("nothing", 404, HTML, "Error, page not found"),
        ("away", 503, PLAIN, "Broker or result backend unavailable"),
        ("mute", 503, HTML, "Error 503"),
        ("bug", 500, HTML, "Error 500, number 5eed in the log"),
    ],
)
async def test_the_api_says_what_is_wrong_in_text(client, kind, status, content_type, text):
    answer = await client.get(f"/api/failing/{kind}")

    assert (answer.status, answer.type, answer.text) == (status, content_type, text)


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/api/failing/bad", 400, "No <good>"),
        ("GET", "/api/failing/forbidden", 403, "Not <you>"),
        ("GET", "/api/failing/nothing", 404, "Error, page not found"),
        ("GET", "/api/nowhere", 404, "Error, page not found"),
        (
            "DELETE",
            "/api/nowhere",
            405,
            "DELETE is not possible here, only OPTIONS, GET, HEAD, POST",
        ),
        ("GET", "/api/act/x", 405, "GET is not possible here, only OPTIONS, POST"),
        ("GET", "/api/failing/bug", 500, "Error 500, number 5eed in the log"),
        ("GET", "/api/failing/away", 503, "Broker or result backend unavailable"),
    ],
)
async def test_who_asks_the_api_for_json_is_given_errors_in_it(client, method, path, status, words):
    answer = await client.ask(method, path, {"Accept": "application/json"})

    assert (answer.status, answer.type) == (status, "application/json; charset=UTF-8")
    assert json.loads(answer.text) == {"error": words}


async def test_who_takes_text_as_well_is_given_errors_as_by_flower(client):
    answer = await client.get("/api/failing/bad", Accept="application/json, text/plain, */*")

    assert (answer.type, answer.text) == (PLAIN, "No <good>")


async def test_a_path_that_the_api_lacks_is_no_page(client):
    answer = await client.get("/api/nowhere")

    assert (answer.status, answer.text) == (404, "Error, page not found")


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("bad", 400, "No <good>"),
        ("away", 503, "Broker or result backend unavailable"),
        ("mute", 503, "Error 503"),
    ],
)
async def test_a_page_says_some_errors_in_plain_text(client, kind, status, text):
    answer = await client.get(f"/failing/{kind}")

    assert (answer.status, answer.type, answer.text) == (status, "text/plain", text)


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("forbidden", 403, "Not &lt;you&gt;"),
        ("missing", 404, "Unknown task &#x27;&lt;id&gt;&#x27;"),
        ("nothing", 404, "Error, page not found"),
        ("bug", 500, "Error 500"),
    ],
)
async def test_a_page_says_other_errors_as_a_page(client, kind, status, text):
    answer = await client.get(f"/failing/{kind}")

    assert (answer.status, answer.type) == (status, HTML)
    assert text.replace("&#x27;", "&#39;") in answer.text.replace("&#x27;", "&#39;")
    assert "<nav" in answer.text


async def test_an_unexpected_error_has_its_number_on_the_page_and_in_the_log(client, caplog):
    answer = await client.get("/failing/bug")

    assert "5eed" in answer.text
    assert "Traceback" not in answer.text
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "5eed" in record.getMessage()
    assert record.exc_info


async def test_debug_shows_the_traceback_and_the_versions(serve):
    answer = await serve(HANDLERS, debug=True).get("/failing/bug")

    assert "ZeroDivisionError: a &lt;bug&gt;" in answer.text
    assert re.search(r"tornado \d", answer.text)


async def test_an_announced_error_is_one_line_in_the_log(client, caplog):
    await client.get("/api/failing/missing")

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.exc_info is None


async def test_a_value_cannot_forge_a_line_of_the_log(client, caplog):
    await client.get("/api/echo/x?type=int&value=a%0AERROR")

    [record] = caplog.records
    assert record.getMessage().endswith(r"Invalid argument 'a\nERROR' of type 'int'")


async def test_a_normal_answer_leaves_no_line_in_the_log(client, caplog):
    await client.get("/shown")

    assert caplog.records == []


# A client that leaves


async def test_what_only_one_client_waits_for_ends_when_it_leaves(serve):
    cluster = FakeCluster()
    cluster.ended = asyncio.Event()
    client = serve(HANDLERS, cluster=cluster, environ=OPEN_API)
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/waiting HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.05)

    writer.close()

    await asyncio.wait_for(cluster.ended.wait(), 2)


async def test_a_client_that_leaves_is_not_an_error(serve, caplog):
    cluster = FakeCluster()
    cluster.ended = asyncio.Event()
    client = serve(HANDLERS, cluster=cluster, environ=OPEN_API)
    _, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/waiting HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.05)
    writer.close()
    await cluster.ended.wait()

    assert (await client.get("/healthcheck")).status == 200
    assert caplog.records == []


# The frame


async def test_a_title_ends_in_our_name_and_the_active_page_is_marked(client):
    answer = await client.get("/also-shown")

    assert "<title>Shown · flower_ng</title>" in answer.text
    assert re.search(r'<a[^>]*href="/shown"[^>]*aria-current="page"', answer.text)


async def test_what_people_type_is_escaped_on_the_page(client):
    answer = await client.get("/shown?text=%3Cscript%3E")

    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_every_page_gives_the_browser_a_token_unless_it_has_one(client):
    first = await client.get("/shown")
    token = first.cookies["_xsrf"].partition(";")[0]
    second = await client.get("/shown", Cookie=f"_xsrf={token}")

    assert "expires=" in first.cookies["_xsrf"]
    assert "HttpOnly" not in first.cookies["_xsrf"]
    assert "_xsrf" not in second.cookies


async def test_the_token_of_an_error_page_lasts_only_for_the_session(client):
    assert "expires=" not in (await client.get("/nowhere")).cookies["_xsrf"]


# The prefix


@pytest.mark.parametrize(
    "option", ["deep/flower", "/deep/flower", "deep/flower/", "//deep/flower/"]
)
async def test_everything_moves_under_the_prefix(serve, option):
    client = serve(HANDLERS, environ=OPEN_API, url_prefix=option)

    assert (await client.get("/deep/flower/shown")).status == 200
    assert (await client.get("/deep/flower/api/echo/x")).status == 200
    assert (await client.get("/deep/flower/healthcheck")).text == "OK"
    assert 'href="/deep/flower/shown"' in (await client.get("/deep/flower/shown")).text


async def test_a_prefix_is_taken_letter_by_letter(serve):
    client = serve(HANDLERS, url_prefix="a.b")

    assert (await client.get("/a.b/healthcheck")).status == 200
    assert (await client.get("/axb/healthcheck")).text.startswith("<html><title>404")
    assert (await client.get("/axb/static/x")).text.startswith("<html><title>404")


@pytest.mark.parametrize(
    ("path", "leads_to"), [("/flower", "/flower/"), ("/flower?a=b%20c", "/flower/?a=b%20c")]
)
async def test_the_prefix_alone_leads_to_the_front_page(serve, path, leads_to):
    answer = await serve(HANDLERS, url_prefix="flower").get(path)

    assert (answer.status, answer.headers["Location"]) == (302, leads_to)


async def test_the_root_names_the_prefix(serve):
    answer = await serve(HANDLERS, url_prefix="/tools/flöwer/").get("/")

    assert (answer.status, answer.type) == (404, HTML)
    where = '<a href="/tools/fl%C3%B6wer/">/tools/fl%C3%B6wer/</a>'
    assert answer.text == (
        "<html><title>404: Not Found</title><body>404: Not Found. flower_ng is at"
        f" {where}</body></html>"
    )


async def test_a_prefix_beyond_ascii_is_served_as_browsers_send_it(serve):
    client = serve(HANDLERS, url_prefix="flöwer ☃")

    assert (await client.get("/fl%C3%B6wer%20%E2%98%83/healthcheck")).status == 200


@pytest.mark.parametrize("path", ["/flowerx", "/flower/nowhere", "/flowerx/shown"])
async def test_what_starts_like_the_prefix_is_a_page_that_says_no(serve, path):
    answer = await serve(HANDLERS, url_prefix="flower").get(path)

    assert (answer.status, answer.type) == (404, HTML)
    assert "<nav" in answer.text


@pytest.mark.parametrize("path", ["/shown", "/metrics", "/healthcheck", "/static/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_outside_the_prefix_there_is_nothing(serve, path, method):
    answer = await serve(HANDLERS, url_prefix="flower").ask(method, path)

    assert (answer.status, answer.type) == (404, HTML)
    assert answer.text == ("<html><title>404: Not Found</title><body>404: Not Found</body></html>")


@pytest.mark.parametrize("path", ["/shown/", "/api/echo", "/healthcheck/", "/metrics/"])
async def test_a_trailing_slash_is_another_path(client, path):
    assert (await client.get(path)).status == 404


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 404), ("HEAD", 404), ("POST", 404), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 204)],
)
async def test_any_other_path_is_a_404_page_for_readers_and_writers(client, method, status):
    assert (await client.ask(method, "/api/nowhere")).status == status


@pytest.mark.parametrize(
    ("scheme", "options", "sent"),
    [
        ("https", {"hsts_max_age": "365d"}, "max-age=31536000"),
        ("http", {"hsts_max_age": "365d"}, None),
        ("https", {}, None),
    ],
)
async def test_browsers_are_told_to_come_by_https_where_that_is_asked_for(
    serve, scheme, options, sent
):
    client = serve(HANDLERS, xheaders=True, **options)
    answer = await client.get("/shown", **{"X-Scheme": scheme})

    assert answer.headers.get("Strict-Transport-Security") == sent
