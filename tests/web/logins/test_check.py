"""Login options that would leave the door open, or shut it for everybody, end the start."""

import pytest

from flower_ng.errors import SettingsError
from flower_ng.settings import Settings
from flower_ng.web.logins.check import check

GITHUB = "flower.views.auth.GithubLoginHandler"
WHOLE = {
    "auth": ".*@example.com",
    "auth_provider": GITHUB,
    "oauth2_key": "key",
    "oauth2_secret": "secret",
}


def without(*names, **others):
    return Settings(**{name: value for name, value in WHOLE.items() if name not in names} | others)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (without("auth"), "^--auth_provider needs --auth.*nobody would have to log in$"),
        (without("auth", auth_provider="mod.OrgOnly"), "^--auth_provider needs --auth"),
        (without("auth", basic_auth=("a:b",)), "^--auth_provider needs --auth"),
        (without("auth_provider"), "^--auth needs --auth_provider.*nobody could log in"),
        (without("oauth2_key"), "needs --oauth2_key and --oauth2_secret"),
        (without("oauth2_secret", oauth2_secret=""), "needs --oauth2_key and --oauth2_secret"),
        (without(auth="ann"), "^Invalid '--auth' option: 'ann' would let nobody in"),
        (Settings(require_auth=True), "^--require_auth is set and no login is configured"),
    ],
)
def test_options_that_lack_one_another_end_the_start(options, why):
    with pytest.raises(SettingsError, match=why) as caught:
        check(options)

    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "options",
    [
        Settings(),
        without(),
        without(require_auth=True),
        Settings(basic_auth=("a:b",), require_auth=True),
        without("oauth2_key", "oauth2_secret", auth_provider="mod.OrgOnly"),
    ],
)
def test_options_that_are_whole_start(options):
    check(options)
