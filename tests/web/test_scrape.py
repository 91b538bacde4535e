import gzip

import pytest

from tests.web.probes import HANDLERS


@pytest.mark.parametrize("door", [{}, {"basic_auth": ("me:secret",)}, {"auth": "me@example.com"}])
async def test_the_metrics_are_open_and_plain_text_whatever_the_lock(serve, door):
    answer = await serve(HANDLERS, **door).get("/metrics")

    assert (answer.status, answer.type) == (200, "text/plain")
    assert "flower_test_gauge 7.0" in answer.text.splitlines()
    assert answer.headers["Etag"]


async def test_openmetrics_comes_on_request(serve):
    answer = await serve(HANDLERS).get("/metrics", Accept="application/openmetrics-text")

    assert answer.type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("# EOF\n")


async def test_gzip_comes_on_request(serve):
    answer = await serve(HANDLERS).get("/metrics", **{"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"flower_test_gauge 7.0" in gzip.decompress(answer.body)
    assert "Accept-Encoding" in answer.headers["Vary"]


async def test_what_did_not_change_is_not_sent_again(serve):
    server = serve(HANDLERS)
    first = await server.get("/metrics")
    again = await server.get("/metrics", **{"If-None-Match": first.headers["Etag"]})

    assert int(first.headers["Content-Length"]) == len(first.body)
    assert (again.status, again.body) == (304, b"")
