"""Passwords of broker URLs are never shown."""

import pytest

from flower_ng.brokers import endpoint_of, mask
from tests.brokers.places import Place


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://:secret@h:6379/0", "redis://:**@h:6379/0"),
        ("amqp://ann:secret@h//", "amqp://ann:**@h//"),
        ("amqp://ann@h//", "amqp://ann@h//"),
        ("amqp://ann:se/cr@et@h//", "amqp://ann:**@h//"),
        ("redis+socket://ann:secret@/tmp/x", "redis+socket://ann:**@/tmp/x"),
        ("redis://:s@a;redis://b;redis://:t@c", "redis://:**@a;redis://b;redis://:**@c"),
        ("redis://:se;cret@h", "redis://:**@h"),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_password=x",
            "rediss://h?ssl_cert_reqs=none&ssl_password=**",
        ),
        ("memory://", "memory://"),
        ("", ""),
    ],
)
def test_passwords_are_masked(url, shown):
    assert mask(url) == shown


def test_facts_do_not_show_secrets():
    place = Place("sentinel://:secret@a/0", {"sentinel_kwargs": {"password": "secret"}})

    assert "secret" not in repr(endpoint_of(place.connection(), "http://ann:secret@m/api/"))
