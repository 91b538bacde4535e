"""An error looks the same on every route of a family: pages one way, the API another."""

import pytest

from flower_ng.errors import (
    BadRequest,
    Forbidden,
    NoAnswer,
    NotFound,
    Refused,
    Unavailable,
    Unreadable,
)
from tests.house.actions import with_action
from tests.house.surface import SURFACE
from tests.web.site import OPEN_API

WORDS = "It says <what> is wrong"
HTML, PLAIN = "text/html; charset=UTF-8", "text/plain; charset=UTF-8"
ERRORS = {
    "bad": (BadRequest(WORDS), 400, "text/plain", PLAIN),
    "forbidden": (Forbidden(WORDS), 403, HTML, PLAIN),
    "refused": (Refused(WORDS), 403, HTML, PLAIN),
    "unreadable": (Unreadable(WORDS), 502, HTML, PLAIN),
    "silent": (NoAnswer(WORDS), 504, "text/plain", PLAIN),
    "missing": (NotFound(WORDS), 404, HTML, PLAIN),
    "mute": (NotFound(), 404, HTML, HTML),
    "away": (Unavailable(WORDS), 503, "text/plain", PLAIN),
    "bug": (RuntimeError("secret words"), 500, HTML, HTML),
}
ROUTES = [
    (route, method)
    for route in SURFACE
    for method in route.methods
    if route.pattern != "/stream" and not route.pattern.startswith("/do/")
]


@pytest.mark.parametrize("kind", ERRORS)
async def test_every_route_says_an_error_as_its_family_does(serve, kind):
    error, status, page_type, api_type = ERRORS[kind]

    def fail(_handler):
        raise error

    client = serve(with_action(fail), environ=OPEN_API)
    wrong = []
    for route, method in ROUTES:
        answer = await client.ask(method, route.example)
        right = (status, api_type if route.pattern.startswith("/api/") else page_type)
        if (answer.status, answer.type) != right or "secret words" in answer.text:
            wrong.append((method, route.example, answer.status, answer.type))

    assert wrong == []


async def test_every_form_brings_an_error_back_as_a_toast(serve):
    def fail(_handler):
        raise Refused(WORDS)

    client = serve(with_action(fail), environ=OPEN_API)
    forms = [route.example for route in SURFACE if route.pattern.startswith("/do/")]
    answers = [await client.post(path) for path in forms]

    assert {answer.status for answer in answers} == {303}
    assert all("flower_toast" in answer.cookies for answer in answers)
