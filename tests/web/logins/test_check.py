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
OIDC = {
    "auth_provider": "oidc",
    "oidc_url": "https://login.example.com/realms/ops",
    "oauth2_redirect_uri": "https://flower.example.com/login",
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
        (without(auth_provider="oidc"), "^--auth_provider=oidc needs --oidc_url"),
        (without("oauth2_key", **OIDC), "^--auth_provider=oidc needs --oauth2_key"),
        (
            without(**{**OIDC, "oauth2_redirect_uri": None}),
            "^--auth_provider=oidc needs --oauth2_redirect_uri",
        ),
        (without(oidc_url="https://a.b"), "^--oidc_url is set and not used"),
        (without("auth", **OIDC), "^--auth_provider needs --auth"),
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
        without(**OIDC),
        without("oauth2_secret", **OIDC),
    ],
)
def test_options_that_are_whole_start(options):
    check(options)
