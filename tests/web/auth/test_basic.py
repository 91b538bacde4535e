import base64

import pytest

from flower_ng.errors import SettingsError
from flower_ng.web.auth.basic import BasicAuth
from tests.web.site import basic

PAIRS = ("me:secret", "you:with:colon", "käthe:grün")


@pytest.mark.parametrize("pair", PAIRS)
async def test_every_configured_pair_comes_in_under_its_name(pair):
    assert await BasicAuth(PAIRS).user(basic(pair)) == pair.partition(":")[0]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic bWU6c2VjcmV0 ",
        "basic bWU6c2VjcmV0",
        "Bearer bWU6c2VjcmV0",
        "Basic é",
        basic("me:wrong"),
        basic("me"),
        basic(":"),
        basic("secret"),
        basic("käthe:grün", "latin-1"),
        basic("me:secret:"),
        "Basic " + "A" * 60_000,
        "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
    ],
)
async def test_anything_else_stays_outside(header):
    assert await BasicAuth(PAIRS).user(header) is None


def test_a_pair_without_a_colon_is_refused_with_a_hint_about_commas():
    with pytest.raises(SettingsError, match="comma") as caught:
        BasicAuth(("me:pa", "ss"))

    assert "ss" not in caught.value.message.split(":")[1]


def test_no_pairs_means_no_basic_authentication():
    assert not BasicAuth(())


@pytest.mark.parametrize("pair", [":", ":secret", "me:", " :secret"])
def test_a_pair_that_would_let_in_an_empty_name_or_password_is_refused(pair):
    with pytest.raises(SettingsError, match="an empty user or password"):
        BasicAuth([pair])
