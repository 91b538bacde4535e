"""Forms of broker URLs: what is connected, what is shown, what is asked; nothing listens there."""

from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from celery import Celery

from flower_ng.brokers import address, brokers_for, endpoint_of
from flower_ng.brokers.management import management_of
from flower_ng.brokers.redis import place_of, sentinels_of
from flower_ng.brokers.several import placed
from flower_ng.brokers.urls import readable
from flower_ng.errors import SettingsError
from flower_ng.monitor.servers import Servers

#: Every character of ASCII that means something in a URL, and one beyond ASCII.
SPECIAL = "p/w#?@:%[]&=+;, ~é"
QUOTED = quote(SPECIAL, safe="")


class Form(NamedTuple):
    """A broker's URL or URLs and what is right for each of its servers."""

    urls: Any
    connected: list[tuple[str, str, int | None, str]]  # transport, host, port if not usual, path
    shown: list[str]
    asked: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


FORMS = {
    "Redis": Form(
        "redis://h:6380/3", [("redis", "h", 6380, "3")], ["redis://h:6380/3"], "RedisBroker"
    ),
    "Redis with nothing": Form(
        "redis://", [("redis", "localhost", None, "/")], ["redis://localhost:6379//"], "RedisBroker"
    ),
    "Redis over TLS": Form(
        "rediss://u:p@h:6380/0?ssl_cert_reqs=required",
        [("rediss", "h", 6380, "0")],
        ["rediss://u:**@h:6380/0"],
        "RedisBroker",
    ),
    "Redis's socket": Form(
        "redis+socket://:hush@/run/redis.sock?virtual_host=2",
        [("redis", "socket://:hush@/run/redis.sock?virtual_host=2", None, "/")],
        ["redis+socket://:**@/run/redis.sock?virtual_host=2"],
        "RedisBroker",
    ),
    "IPv6": Form(
        "redis://:hush@[2001:db8::1]:6379/0",
        [("redis", "2001:db8::1", 6379, "0")],
        ["redis://:**@[2001:db8::1]:6379/0"],
        "RedisBroker",
    ),
    "IPv6 of this machine": Form(
        "amqp://[::1]", [("amqp", "::1", None, "/")], ["amqp://guest:**@[::1]:5672//"],
        "RabbitBroker",
    ),
    "RabbitMQ": Form(
        "amqp://u:hush@h//", [("amqp", "h", None, "/")], ["amqp://u:**@h:5672//"], "RabbitBroker"
    ),
    "RabbitMQ with every character in its password and virtual host": Form(
        f"amqp://us%40er:{QUOTED}@h:5673/{QUOTED}",
        [("amqp", "h", 5673, SPECIAL)],
        [f"amqp://us%40er:**@h:5673/{quote(SPECIAL)}"],
        "RabbitBroker",
    ),
    "RabbitMQ over TLS": Form(
        "amqps://u:hush@h", [("amqps", "h", None, "/")], ["amqps://u:**@h:5671//"], "RabbitBroker"
    ),
    "an alias of Kombu's": Form(
        "pyamqp://u:hush@h//", [("amqp", "h", None, "/")], ["amqp://u:**@h:5672//"], "RabbitBroker"
    ),
    "several, joined": Form(
        "amqp://u:hush@a//;amqp://u:hush@b:5673/v",
        [("amqp", "a", 5672, "/"), ("amqp", "b", 5673, "v")],
        ["amqp://u:**@a:5672//", "amqp://u:**@b:5673/v"],
        "Several",
    ),
    "several, in a list": Form(
        ["redis://:hush@a:6380/1", "redis://:hush@b:6381/2"],
        [("redis", "a", 6380, "1"), ("redis", "b", 6381, "2")],
        ["redis://:**@a:6380/1", "redis://:**@b:6381/2"],
        "Several",
    ),
    "a second one that leaves out what Kombu then takes from the first": Form(
        "redis://a:6380/1;redis://b",
        [("redis", "a", 6380, "1"), ("redis", "b", 6380, "1")],
        ["redis://a:6380/1", "redis://b:6380/1"],
        "Several",
    ),
    "several sentinels, which are one server": Form(
        "sentinel://:hush@a:26379/1;sentinel://:hush@b:26380/1",
        [("sentinel", "a", 26379, "1")],
        ["sentinel://:**@a:26379/1;sentinel://:**@b:26380/1"],
        "SentinelBroker",
        {"master_name": "m"},
    ),
    "a prefix of keys": Form(
        "redis://h/0", [("redis", "h", None, "0")], ["redis://h:6379/0"], "RedisBroker",
        {"global_keyprefix": "shop:"},
    ),
    "another transport": Form(
        "memory://", [("memory", "localhost", None, "/")], ["memory://localhost//"],
        "GenericBroker",
    ),
}  # fmt: skip


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    found: Form = request.param
    return found


@pytest.fixture
def servers(form: Form) -> Servers:
    return Servers(app_of(form.urls, form.options))


def app_of(urls: Any, options: dict[str, Any] | None = None) -> Celery:
    app = Celery(broker=urls, set_as_current=False)
    app.conf.broker_transport_options = options or {}
    return app


def test_each_server_is_connected_to_as_kombu_does(form: Form, servers: Servers) -> None:
    facts = [endpoint_of(one) for one in servers.every()]

    assert [(one.transport, one.host, one.port, one.path) for one in facts] == form.connected


def test_each_is_shown_without_its_password(form: Form, servers: Servers) -> None:
    assert [address(one) for one in servers.every()] == form.shown
    assert "hush" not in "".join(form.shown)


def test_the_adapter_of_its_kind_asks_it(form: Form, servers: Servers) -> None:
    broker = brokers_for(servers.every(), lambda: None, None)  # type: ignore[arg-type] # not asked

    assert type(broker).__name__ == form.asked


def test_every_character_of_a_password_arrives() -> None:
    (connection,) = Servers(app_of(FORMS[NAMED].urls)).every()

    facts = endpoint_of(connection)
    assert (facts.user, facts.password) == ("us@er", SPECIAL)
    assert management_of(facts).password == SPECIAL


NAMED = "RabbitMQ with every character in its password and virtual host"


def test_redis_on_a_socket_gets_its_database_and_password() -> None:
    (connection,) = Servers(app_of(FORMS["Redis's socket"].urls)).every()

    place = place_of(endpoint_of(connection))
    assert (place["path"], place["db"], place["password"]) == ("/run/redis.sock", 2, "hush")


def test_all_sentinels_are_asked() -> None:
    (connection,) = Servers(app_of(FORMS["several sentinels, which are one server"].urls)).every()

    assert sentinels_of(endpoint_of(connection)) == [("a", 26379), ("b", 26380)]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (None, ["http://a:15672/api/", "http://b:15672/api/"]),
        ("http://m:1/api/", ["http://m:1/api/", "http://m:1/api/"]),
        ("http://x:y@a:1/api/", ["http://a:1/api/", "http://b:1/api/"]),
        ("https://B/rabbit/api", ["https://a/rabbit/api/", "https://B/rabbit/api/"]),
    ],
)
def test_the_management_api_is_that_of_the_server(option: str | None, expected: list[str]) -> None:
    every = [endpoint_of(one, option) for one in Servers(app_of("amqp://a;amqp://b")).every()]

    found = [management_of(placed(one, every)) for one in every]

    assert [one.url for one in found] == expected


def test_of_several_at_one_host_no_management_api_is_taken_for_the_right_one() -> None:
    every = [endpoint_of(one) for one in Servers(app_of("amqp://a:1;amqp://a:2;amqp://b")).every()]

    assert [placed(one, every).has_management for one in every] == [False, False, True]


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hu/sh@h:6379/0",
        "redis://:hu#sh@h:6379/0",
        "redis://:hu?sh@h:6379/0",
        "redis://:hu[sh@h:6379/0",
        "amqp://u:hu/sh@h//",
        "amqp://u:p@a;amqp://u:hu/sh@h//",
        "redis://h:hush/0",
        "redis://:hush",
        "hush://u:hush@h",
        "rediss://:hush@h/0?ssl_cert_reqs=always",
        ["redis://a", "redis://:hu/sh@h"],
    ],
)
def test_what_cannot_be_read_is_one_line_without_the_password(url: Any) -> None:
    app = app_of(url)

    with pytest.raises(SettingsError) as caught:
        readable(app.conf.broker_read_url, Servers(app).every)

    message = caught.value.message
    assert message.startswith("The broker's URL ")
    assert "\n" not in message
    assert not [
        word for word in ("hu/", "hu#", "hu?", "hu[", ":hush", "sh@", "'hu'") if word in message
    ]
    assert [word for word in REMEDIES if word in message]


REMEDIES = ("%2F", "begin it with redis://", "write required, optional or none")


def test_a_transport_that_breaks_without_its_library_is_one_line() -> None:
    def connect() -> None:
        raise NameError("name 'KafkaException' is not defined")  # as Kombu's confluentkafka does

    with pytest.raises(SettingsError, match=r"kafka://… can't be used: .* is not installed \(name"):
        readable("kafka://h", connect)
