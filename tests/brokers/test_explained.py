"""Troubles are explained by their words."""

import pytest

from flower_ng.brokers.explained import connection_explained, explained


@pytest.mark.parametrize(
    ("trouble", "transport", "cause", "fix"),
    [
        ("failed: HTTP 401: Unauthorized", "amqp", "password is wrong", "tag monitoring"),
        ("Redis does not answer: WRONGPASS invalid", "redis", "password is wrong", "broker URL"),
        ("INFO is refused: NOPERM", "redis", "lacks the permission", "ACL"),
        ("failed: HTTP 404: Not Found", "amqp", "No management API", "--broker_api"),
        ("failed: [Errno 111] Connection refused", "amqp", "Nothing listens", "rabbitmq-plugins"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "rediss", "certificate", "ssl_ca_certs"),
        ("Error -2: Name or service not known", "redis", "host name can't be resolved", "host"),
        ("Timeout during request", "amqp", "overloaded", "--broker_api"),
        ("The broker did not answer within 3 s.", "redis", "overloaded", "load"),
        (
            "Not knowable here: this transport",
            "sqs",
            "does not report queue lengths",
            "another transport",
        ),
        (
            "set master_name in broker_transport_options",
            "sentinel",
            "name of the master is not set",
            "--config",
        ),
        ("something else", "redis", "was unexpected", "address"),
        ("something else", "amqp", "management API", "--broker_api"),
    ],
)
def test_a_trouble_has_a_likely_cause_and_a_fix(trouble, transport, cause, fix):
    found = explained(trouble, transport)

    assert cause in found.cause
    assert fix in found.fix


@pytest.mark.parametrize(
    ("why", "cause", "fix"),
    [
        (
            "'master_name' transport option must be specified.",
            "name of the master is not set",
            "--config=MODULE",
        ),
        ("No master found for 'm'", "No sentinel", "master_name"),
        ("Connection.open: (530) NOT_ALLOWED - vhost x not found", "virtual host", "add_vhost"),
        ("(403) ACCESS_REFUSED - Login was refused", "password is wrong", "%2F"),
        ("WRONGPASS invalid username-password pair", "password is wrong", "%2F"),
        ("AUTH <password> called without any password configured", "has none configured", "Remove"),
        ("NOPERM this user has no permissions", "lacks the permission", "ACL"),
        ("DB index is out of range", "no database", "end of the broker URL"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "does not use TLS", "ssl_ca_certs"),
        ("[Errno 111] Connection refused", "Nothing listens", "host and port"),
        ("Error -2: Name or service not known", "host name can't be resolved", "host"),
        ("Timeout connecting to server", "overloaded", "load"),
        ("something else", "", "Check that the broker runs"),
    ],
)
def test_a_connection_that_fails_has_a_likely_cause_and_a_fix(why, cause, fix):
    found = connection_explained(why)

    assert cause in found.cause
    assert fix in found.fix
