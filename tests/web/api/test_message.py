import pytest

from flower_ng.errors import BadRequest
from flower_ng.web.api.json_write import from_field
from flower_ng.web.api.message import TaskMessage, parse_message


def refusal(body):
    with pytest.raises(BadRequest) as refused:
        parse_message(body)
    return refused.value.message


def test_an_empty_body_means_no_arguments():
    assert parse_message(b"") == TaskMessage([], {}, {})


def test_every_other_key_is_an_option():
    body = b'{"args": [1], "kwargs": {"a": 2}, "queue": "fast", "countdown": 3}'

    assert parse_message(body) == TaskMessage([1], {"a": 2}, {"queue": "fast", "countdown": 3})


def test_null_kwargs_are_none_as_flower_takes_them():
    assert parse_message(b'{"kwargs": null}').kwargs == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "Expecting value: line 1 column 1 (char 0)"),
        (b"[1]", "invalid options: the body must be an object, not an array"),
        (b"5", "invalid options: the body must be an object, not a number"),
        (b"null", "invalid options: the body must be an object, not null"),
        (b'{"args": 5}', "args must be an array"),
        (b'{"args": null}', "args must be an array"),
        (b'{"args": "ab"}', "args must be an array"),
        (b'{"kwargs": []}', "kwargs must be an object"),
        (b'{"kwargs": [1]}', "kwargs must be an object"),
        (b'{"kwargs": "x"}', "kwargs must be an object"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_in_the_words_of_flower(body, words):
    assert refusal(body) == words


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000, id="deep array"),
        pytest.param(b'{"args": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep argument"),
        pytest.param(b'{"args": [NaN]}', id="NaN"),
        pytest.param(b'{"args": [-Infinity]}', id="Infinity"),
        pytest.param(b'{"args": [1e400]}', id="too large a float"),
        pytest.param(b'{"countdown": 1e400}', id="too large a countdown"),
        pytest.param(b'{"args": ["\\ud800"]}', id="lone surrogate"),
        pytest.param(b'{"kwargs": {"\\ud800": 1}}', id="lone surrogate in a key"),
        pytest.param(b'{"args": [' + b"9" * 5000 + b"]}", id="5,000 digits"),
        pytest.param(b'{"args": ["\xff"]}', id="bad UTF-8"),
    ],
)
def test_what_no_json_may_hold_is_refused_with_words(body):
    assert len(refusal(body)) > 10


@pytest.mark.parametrize(
    "text", ["[NaN]", "[-Infinity]", '["\\ud800"]', "[1", 100_000 * "["], ids=str.__len__
)
def test_a_form_holds_no_json_that_a_body_could_not(text):
    with pytest.raises(BadRequest, match=r"args are no JSON: .{10,}"):
        from_field("args", text)


@pytest.mark.parametrize(
    ("body", "timeout_s"), [(b"{}", None), (b'{"timeout": 2}', 2.0), (b'{"timeout": "0.5"}', 0.5)]
)
def test_the_timeout_is_taken_out_of_the_options(body, timeout_s):
    timeout, message = parse_message(body).split_timeout()

    assert (timeout, message.options) == (timeout_s, {})


@pytest.mark.parametrize(
    "timeout",
    [b'"soon"', b"[]", b"-1", b'"nan"', b'"inf"', pytest.param(b"1" + 400 * b"0", id="401 digits")],
)
def test_a_timeout_that_no_clock_can_wait_for_is_refused(timeout):
    message = parse_message(b'{"timeout": ' + timeout + b"}")

    with pytest.raises(BadRequest, match="Invalid timeout"):
        message.split_timeout()
