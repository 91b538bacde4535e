"""ETAs as Celery writes them, and the routing keys of what RabbitMQ delays."""

from datetime import timedelta, timezone

import pytest

from flower_ng.monitor.state.eta import delayed_key, eta_s


@pytest.mark.parametrize(
    ("eta", "seconds"),
    [
        ("2026-11-20T10:30:00+00:00", 1795170600.0),
        ("2026-11-20T12:30:00.500000+02:00", 1795170600.5),
        ("2026-11-20T10:30:00Z", 1795170600.0),
        ("2026-11-20T12:30:00", 1795170600.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_an_eta_is_read_as_utc_seconds_and_without_an_offset_is_of_the_apps_zone(eta, seconds):
    assert eta_s(eta, timezone(timedelta(hours=2))) == seconds


@pytest.mark.parametrize("key", ["mail", "media.video.#", "0.1", "a\nb"])
def test_the_key_behind_a_delay_is_found_whatever_the_delay(key):
    kombu = pytest.importorskip(
        "kombu.transport.native_delayed_delivery", reason="new in Kombu 5.5"
    )

    for delay_s in (1, 60, 86_400, 2**28 - 1):
        assert delayed_key(kombu.calculate_routing_key(delay_s, key)) == key
    assert delayed_key(key) is None
    assert delayed_key(None) is None
