"""What is hidden, what is not, and that no text makes it slow."""

import time

import pytest
from celery import Celery

from flower_ng.redaction import HIDDEN, MODES, NO_REDACTION, Redactor, has_hidden
from flower_ng.redaction.text import MOST_NAMES
from flower_ng.search.values import parsed
from flower_ng.truncation import cut

USUAL, STRICT = Redactor(), Redactor("strict")
SECRET = "kanarie-7f3"

#: Texts with a secret, each in a form that events, errors or settings have.
TEXTS = [
    f"{{'user': 'ann', 'password': '{SECRET}', 'n': 3}}",
    f"{{'user': 'ann', 'dbPassword': '{SECRET}'}}",
    f"{{'a': {{'b': [{{'client_secret': '{SECRET}'}}]}}}}",
    f'{{"token": "{SECRET}", "n": 1}}',
    f'\'{{"api_key": "{SECRET}"}}\'',
    f'"{{\\"access_key\\": \\"{SECRET}\\", \\"n\\": 1}}"',
    f"{{'password': 'it\\'s {SECRET}'}}",
    f"{{'passwd': b'{SECRET}'}}",
    f"{{'secrets': ['x', '{SECRET}'], 'n': 1}}",
    f"{{'credentials': {{'user': 'a', 'value': '{SECRET}'}}}}",
    f"{{'password': '{SECRET} and what follows...",
    f"connect(host='h', password='{SECRET}')",
    f"OperationalError: host=h password={SECRET} port=1",
    f"login failed for secret_key={SECRET}, user=ann",
    f"https://h/x?token={SECRET}&n=1",
    f"DefaultEndpointsProtocol=https;AccountKey={SECRET};EndpointSuffix=x",
    f"[('Authorization', 'Token {SECRET}'), ('Accept', '*/*')]",
    f"Authorization: Basic {SECRET}\nHost: h",
    f"Cookie: a=1; session={SECRET}\nHost: h",
    f"curl -H 'Authorization: Bearer {SECRET}'",
    f"Bearer {SECRET}",
    f"['mysqldump', '--password', '{SECRET}', 'db']",
    f"mysqldump --password {SECRET} db",
    f"[{{'name': 'DB_PASSWORD', 'value': '{SECRET}'}}]",
    f"os.environ['AWS_SECRET_ACCESS_KEY'] = '{SECRET}'",
    f"redis://:{SECRET}@h:6379/0",
    f"amqp://ann:{SECRET}@h//",
    f"amqp://ann:{SECRET}/x@h//",
    f"amqp://ann:x@{SECRET}@h//",
    f"https://{SECRET}@sentry.example/1",
    f"a ftp://u:{SECRET}@h;sentinel://:{SECRET}@h2",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.{SECRET}",
    f"password=SecretStr('{SECRET}'), n=1",
    f"secret: {SECRET}",
]
#: Texts that are shown as they are: no secret, or nothing that says so.
ORDINARY = [
    "()",
    "(1, 'order-7', {'customer': 42, 'total': 9.5})",
    "{'user': 'ann', 'author': 'bob', 'keyboard': 'de', 'monkey': 1, 'compass': 'n'}",
    "{'max_tokens': 500, 'tokens': 12, 'token_type': 'x', 'tokenizer': 'bpe', 'secretary': 'ann'}",
    "{'password': None, 'token': '', 'has_password': True, 'password_changed_at': 'today'}",
    "{'routing_key': 'celery', 'primary_key': 7, 'key': 'a', 'sort_key': 'b', 'foreign_key': 'c'}",
    "KeyError: 'token'",
    "ValueError: the password is too short",
    "basic information, bearer of news, passing through",
    "http://example.org:8080/@ann?mail=ann@example.org",
    "redis://h:6379/0, amqp://guest@h//, mailto://x",
    "('password', 'is a word')",
    "token == other and key != secret",
    "redis://:**@h/0 amqp://u:********@h//",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_secret_is_hidden_whatever_form_its_text_has(text: str) -> None:
    for redactor in (USUAL, STRICT):
        hidden = redactor.text(text)
        assert SECRET not in hidden
        assert HIDDEN in hidden or "***@" in hidden
        assert redactor.text(hidden) == hidden


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_no_secret_stays(text: str) -> None:
    assert USUAL.text(text) is text or USUAL.text(text) == text


@pytest.mark.parametrize("text", TEXTS[:12])
def test_what_could_be_parsed_still_can_be(text: str) -> None:
    if parsed(text) is not None:
        assert parsed(USUAL.text(text)) is not None


def test_what_was_cut_is_still_known_to_be_cut() -> None:
    long = f"{{'password': '{'x' * 5000}', 'n': 1}}"
    assert "(5029 characters)" not in long
    assert f"({len(long)} characters)" in USUAL.text(cut(long, 4096))
    assert USUAL.text("{'password': 'abcdef...").endswith("...")


def test_source_code_in_a_traceback_stays_and_messages_do_not() -> None:
    trace = f"Traceback:\n    login(password=settings.PASSWORD)\nE: password={SECRET}"
    hidden = USUAL.text(trace, is_traceback=True)
    assert "password=settings.PASSWORD" in hidden
    assert SECRET not in hidden


def test_values_are_hidden_in_dicts_and_lists_and_what_is_given_stays() -> None:
    given = {
        "password": SECRET,
        "pin": 1234,
        "limits": (3, None),
        "nested": [{"apiKey": SECRET, "n": 1}, [["Authorization", SECRET]], f"amqp://u:{SECRET}@h"],
        "env": {"name": "DB_PASSWORD", "value": SECRET},
        "secret": {"a": 1},
        "is_secret": False,
        "empty_password": None,
    }
    hidden = USUAL.value(given)
    assert SECRET not in repr(hidden)
    assert SECRET in repr(given)
    assert hidden["secret"] == HIDDEN
    assert (hidden["pin"], hidden["limits"]) == (1234, (3, None))
    assert (hidden["is_secret"], hidden["empty_password"]) == (False, None)
    assert STRICT.value(given)["pin"] == HIDDEN


def test_names_of_tasks_are_no_names_of_secrets() -> None:
    told = {
        "total": {"accounts.reset_password": 7},
        "task_routes": {"accounts.reset_password": {"queue": "mail"}},
        "beat_schedule": {"rotate-secrets": {"task": "x", "options": {"password": SECRET}}},
    }
    hidden = USUAL.value(told)
    assert hidden["total"] == {"accounts.reset_password": 7}
    assert hidden["task_routes"] == told["task_routes"]
    assert hidden["beat_schedule"]["rotate-secrets"]["task"] == "x"
    assert SECRET not in repr(hidden)
    assert USUAL.value(["accounts.reset_password", "accounts.log_in"])[1] == "accounts.log_in"


def test_the_settings_that_celery_has_by_itself_are_shown_as_they_are() -> None:
    app = Celery("shop", broker="redis://h:6379/0", set_as_current=False)
    conf = dict(app.conf.table(with_defaults=True).items())
    assert USUAL.value(conf) == conf


def test_off_hides_nothing_strict_more_and_further_names_can_be_given() -> None:
    text = f"{{'password': '{SECRET}', 'iban': '{SECRET}', 'card_pin': '{SECRET}'}}"
    assert Redactor("off").text(text) == NO_REDACTION.text(text) == text
    assert USUAL.text(text).count(SECRET) == 2
    assert STRICT.text(text).count(SECRET) == 0
    assert Redactor("default", ("iban", "*_pin")).text(text).count(SECRET) == 0
    assert Redactor("DEFAULT", ("IBAN",)).value({"Iban": SECRET}) == {"Iban": HIDDEN}
    assert [Redactor(mode).is_on for mode in MODES] == [False, True, True]


def test_strict_hides_what_looks_random() -> None:
    assert STRICT.text("see ghp_1B2c3D4e5F6g7H8i9J0kLmNoPqR for it") == f"see {HIDDEN} for it"
    uuid = "id 0c3f7f9e-7d0c-4f0e-9f42-c90c4b5f3a11"
    assert STRICT.text(uuid) == uuid


def test_a_page_can_say_that_something_is_hidden() -> None:
    assert has_hidden(USUAL.text(TEXTS[0]))
    assert has_hidden(USUAL.text("amqp://ann:pw@h//"))
    assert not has_hidden("ordinary")
    assert not has_hidden(None)


@pytest.mark.parametrize(
    "part",
    ["pass", "password='", "://a:", "password=[", "password=(", "bearer ", "--password ", "eyJa.",
     "pass_", 'key"', "token: ", "-----BEGIN PRIVATE KEY-----", "password=\\'a", "<key=", "a" * 40,
     "-eyJ", "\u0130", "\n    password=f("],
)  # fmt: skip
def test_the_time_grows_with_the_length_of_a_text_and_no_faster(part: str) -> None:
    def took_s(length: int) -> float:
        text = "://" + part * (length // len(part))
        began = time.thread_time()
        for redactor in (USUAL, STRICT):
            redactor.text(text)
        return time.thread_time() - began

    short_s = max(0.001, min(took_s(4_000) for _ in range(2)))
    assert min(took_s(32_000) for _ in range(2)) < 40 * short_s


@pytest.mark.parametrize(
    ("before", "part"),
    [("password=(", "\\'"), ("    ", "password="), ("    ", "password=f("), ("", "--token-eyJ")],
)
def test_a_hostile_traceback_takes_little_time(before: str, part: str) -> None:
    def took_s(length: int) -> float:
        text = before + part * (length // len(part))
        began = time.thread_time()
        USUAL.text(text, is_traceback=True)
        return time.thread_time() - began

    short_s = max(0.001, min(took_s(2_000) for _ in range(2)))
    assert min(took_s(16_000) for _ in range(2)) < 40 * short_s


def test_behind_many_names_of_secrets_all_is_hidden() -> None:
    text = f"password='{SECRET}' " * MOST_NAMES
    assert USUAL.text(text).count(HIDDEN) == MOST_NAMES
    hidden = USUAL.text(f"{text}token='{SECRET}', nothing, pwd = {SECRET}")
    assert hidden.endswith(f"' {HIDDEN}")
    assert SECRET not in hidden


def test_web_tokens_behind_hyphens_are_hidden() -> None:
    for before in ("", "-", "sid-", "a-b-c-", "{", "=", "."):
        assert USUAL.text(f"{before}eyJhbGciOiJI.eyJzdWIiOiIx.c2ln") == f"{before}{HIDDEN}"
