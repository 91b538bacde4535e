"""Words of a search that look like a mistake are told of, with what was likely meant."""

import pytest

from flower_ng.search.fields import FIELDS, STATES
from flower_ng.search.parser import suggestions
from flower_ng.store import parse_search


@pytest.mark.parametrize(
    ("text", "message", "instead"),
    [
        ("status:failed", "No field status; did you mean state:?", "state:FAILURE"),
        ("STATUS:x", "No field STATUS; did you mean state:?", "state:x"),
        ("exc:KeyError", "No field exc; did you mean exception:?", "exception:KeyError"),
        ("shop statte:RETRY ok", "No field statte; did you mean state:?", "shop state:RETRY ok"),
        (
            "shop -(exc:a OR b)",
            "No field exc; did you mean exception:?",
            "shop -(exception:a OR b)",
        ),
        ("-task:shop", "No field task; did you mean name:?", "-name:shop"),
        ("kwarg:id=7", "No field kwarg; did you mean kwargs:?", "kwargs:id=7"),
        (
            "state:failed",
            "failed is none of Celery's states; did you mean FAILURE?",
            "state:FAILURE",
        ),
        (
            "abc -STATE:sucess",
            "sucess is none of Celery's states; did you mean SUCCESS?",
            "abc -STATE:SUCCESS",
        ),
    ],
)
def test_a_likely_mistake_is_told_with_the_search_that_was_meant(text, message, instead):
    [doubt] = suggestions(text)

    assert (doubt.message, doubt.instead) == (message, instead)
    assert text[: doubt.position] == instead[: doubt.position]
    assert suggestions(instead) == ()
    assert parse_search(instead) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "http://shop.example/x", "redis:key", "12:30", "celery@w1:x", "x:", ":x"),
        *('"status:failed"', 'sta"tus:failed"', 'state:"failed"', r"status\"x:y", "(a OR b) c"),
        *("state:PROGRESS", "état:x", "state:ſtarted"),
        *(f"state:{state.lower()}" for state in STATES),
        *(field.example for field in FIELDS),
    ],
)
def test_what_may_be_meant_so_is_not_doubted(text):
    assert suggestions(text) == ()
