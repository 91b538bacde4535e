import pytest

from tests.web.probes import HANDLERS


@pytest.mark.parametrize("door", [{}, {"basic_auth": ("me:secret",)}, {"auth": "me@example.com"}])
async def test_a_probe_hears_ok_whatever_the_lock(serve, door):
    answer = await serve(HANDLERS, **door).get("/healthcheck")

    assert (answer.status, answer.text) == (200, "OK")
    assert answer.type == "text/html; charset=UTF-8"
