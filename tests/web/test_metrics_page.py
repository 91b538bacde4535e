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


async def test_the_length_of_the_answer_is_told(serve):
    answer = await serve(HANDLERS).get("/metrics")

    assert int(answer.headers["Content-Length"]) == len(answer.body)


async def test_who_has_any_answer_and_wants_no_other_gets_none(serve):
    answer = await serve(HANDLERS).get("/metrics", **{"If-None-Match": "*"})

    assert (answer.status, answer.body) == (304, b"")
