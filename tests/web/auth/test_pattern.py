import pytest

from flower_ng.errors import SettingsError
from flower_ng.web.auth.pattern import EmailPattern

ONE, SEVERAL = "me@example.com", "me@example.com|you@example.org"
DOMAIN, PREFIX = r".*@example.com", r"team.*@example.com"


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        (ONE, "me@example.com"),
        (ONE, "Me@Example.COM"),
        (SEVERAL, "me@example.com"),
        (SEVERAL, "you@example.org"),
        (DOMAIN, "anyone@example.com"),
        (DOMAIN, "first.last+tag@example.com"),
        (DOMAIN, "o'hara_{x}~@example.com"),
        (PREFIX, "team@example.com"),
        (PREFIX, "team.one@example.com"),
        ("KÄTHE@example.com", "KÄTHE@example.com"),
    ],
)
def test_an_address_that_the_option_means_comes_in(pattern, address):
    assert EmailPattern(pattern).accepts(address)


@pytest.mark.parametrize(
    ("pattern", "address"),
    [
        (ONE, ""),
        (ONE, "me"),
        (ONE, "you@example.com"),
        (ONE, "me@example.com.evil.example"),
        (ONE, "evil-me@example.com"),
        (ONE, "me@exampleXcom"),
        (ONE, "me@example.com|x"),
        (ONE, " me@example.com"),
        (ONE, "me@example.com\n"),
        (SEVERAL, SEVERAL),
        (SEVERAL, "me@example.org"),
        (SEVERAL, "|"),
        (DOMAIN, "@example.com"),
        (DOMAIN, "me@exampleXcom"),
        (DOMAIN, "me@example.com.evil.example"),
        (DOMAIN, "me@evil.example@example.com"),
        (DOMAIN, "me@example.comx"),
        (DOMAIN, "me@example.com\n"),
        (DOMAIN, "me x@example.com"),
        (DOMAIN, "me@sub.example.com"),
        (DOMAIN, '"a@b"@example.com'),
        (DOMAIN, "\u212aathe@example.com"),
        (DOMAIN, "me@example\u3002com"),
        (PREFIX, "ateam@example.com"),
        (PREFIX, "me@example.com"),
        ("kim@example.com", "\u212aim@example.com"),
    ],
)
def test_a_look_alike_stays_outside(pattern, address):
    assert not EmailPattern(pattern).accepts(address)


@pytest.mark.parametrize(
    "pattern",
    [
        *(".*", "*", ".*@.*", ".*.*@example.com", "me@.*", ".*@a|b@a", "me@example.*"),
        *("a*@example.com", "ann", "ann@", "@example.com", "a@b|", "a@b|ann", "a b@example.com"),
        *(r".*@example\.com", ".*@(a|b).example", "^ann@example.com$", ".*@", "a@b@c", ""),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(SettingsError, match="Invalid '--auth' option"):
        EmailPattern(pattern)
