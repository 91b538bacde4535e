"""What Redis pushes is unwrapped and handed on, whatever somebody published."""

import base64
import json
import zlib

import pytest

from flower_ng.monitor.ingest.inbox import EventMessage
from flower_ng.monitor.ingest.redis_fast_path import UNREADABLE, subscribe, unwrapped

EVENT = b'{"type": "worker-heartbeat"}'


def enveloped(body: str, **fields):
    kinds = {"content-type": "application/json", "content-encoding": "utf-8"}
    return json.dumps({"body": body, **kinds, "headers": {}, "properties": {}, **fields}).encode()


def test_a_body_in_base64_is_decoded():
    body = base64.b64encode(EVENT).decode()

    message = unwrapped(enveloped(body, properties={"body_encoding": "base64"}))

    assert message == EventMessage(EVENT, "application/json", "utf-8")


def test_a_plain_body_is_taken_as_it_is():
    assert unwrapped(enveloped(EVENT.decode())).body == EVENT


def test_a_compressed_body_is_decompressed():
    body = base64.b64encode(zlib.compress(EVENT)).decode()
    data = enveloped(
        body,
        headers={"compression": "application/x-gzip"},
        properties={"body_encoding": "base64"},
    )

    assert unwrapped(data).body == EVENT


def test_content_that_is_not_named_is_taken_as_unknown():
    message = unwrapped(b'{"body": "x"}')

    assert (message.content_type, message.content_encoding) == ("application/data", "utf-8")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"[]",
        b'{"body": 5}',
        b'{"body": "a", "properties": {"body_encoding": "base64"}}',
        b'{"body": "eA==", "headers": {"compression": "magic"}}',
        b'{"body": "eA==", "headers": {"compression": "application/x-gzip"}}',
    ],
)
def test_what_is_no_message_is_handed_on_to_be_counted(data):
    assert unwrapped(data) is UNREADABLE


def test_a_channel_without_a_subscription_is_left_as_it_is():
    class Channel:
        pass

    channel = Channel()
    subscribe(channel, print)

    assert not vars(channel)
