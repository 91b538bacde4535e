"""Troubles are explained by their words."""

import pytest

from flower_ng.brokers.explained import explained


@pytest.mark.parametrize(
    ("trouble", "transport", "cause", "fix"),
    [
        ("failed: HTTP 401: Unauthorized", "amqp", "password is wrong", "tag monitoring"),
        ("Redis does not answer: WRONGPASS invalid", "redis", "password is wrong", "broker's URL"),
        ("INFO is refused: NOPERM", "redis", "may not ask", "ACL"),
        ("failed: HTTP 404: Not Found", "amqp", "No management API", "--broker_api"),
        ("failed: [Errno 111] Connection refused", "amqp", "Nothing listens", "rabbitmq-plugins"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "rediss", "certificate", "ssl_ca_certs"),
        ("Error -2: Name or service not known", "redis", "host is not known", "host"),
        ("Timeout during request", "amqp", "overloaded", "--broker_api"),
        ("The broker did not answer within 3 s.", "redis", "overloaded", "load"),
        ("Not knowable here: this transport", "sqs", "tells no lengths", "another transport"),
        ("something else", "redis", "not what was expected", "address"),
        ("something else", "amqp", "management API", "--broker_api"),
    ],
)
def test_a_trouble_has_a_likely_cause_and_a_fix(trouble, transport, cause, fix):
    found = explained(trouble, transport)

    assert cause in found.cause
    assert fix in found.fix
